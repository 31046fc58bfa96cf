"""The tables about an agreement, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from ..report import ends, number, with_ends
from .measuring import Agreement, Part


def tables(agreement: Agreement) -> list[Table]:
    """The report as tables for a terminal: the metrics, the confusion, then parts and opinions."""
    shown = [_metric_table(agreement), _confusion_table(agreement.overall)]
    groups = [("by answer type", agreement.by_answer_type), ("by source", agreement.by_source)]
    if agreement.cascade is not None and agreement.cascade.opinions:
        groups.append(("rules and model alone", agreement.opinions))
    return shown + [_part_table(title, parts) for title, parts in groups if len(parts) > 1]


def _metric_table(agreement: Agreement) -> Table:
    overall, percent = agreement.overall, f"{100 * agreement.settings['confidence']:g} % interval"
    shown = Table(
        title=f"{overall.rows} rows of {overall.problems} problems against their labels", title_justify="left"
    )
    shown.add_column("metric", no_wrap=True)
    for header in ["value", percent, *(["against", "difference", percent] if agreement.against else [])]:
        shown.add_column(header, justify="right")
    pairs = {one.name: one for one in (agreement.against.comparison if agreement.against else ())}
    told = {"j", "shrink"}
    for one in [*overall.estimates, *(one for one in overall.signal if one.name in told)]:
        cells = [number(one.interval.value), ends(one.interval)]
        if (pair := pairs.get(one.name)) is not None:
            cells += [number(pair.against), f"{pair.difference.value:+.4f}", ends(pair.difference)]
        shown.add_row(one.name, *cells)
    return shown


def _confusion_table(part: Part) -> Table:
    shown = Table(title="rows by label and verdict", title_justify="left")
    shown.add_column("label")
    for verdict in next(iter(part.confusion.values())):
        shown.add_column(verdict, justify="right")
    for label, row in part.confusion.items():
        if sum(row.values()):
            shown.add_row(label, *(str(count) for count in row.values()))
    return shown


def _part_table(title: str, parts: Mapping[str, Part]) -> Table:
    """Without intervals of all but accuracy and F1: a terminal is narrow."""
    shown = Table(title=title, title_justify="left")
    shown.add_column("", no_wrap=True)
    for header in ("rows", "accuracy", "f1", "false positives", "false negatives", "unknown", "J"):
        shown.add_column(header, justify="right")
    for name, part in parts.items():
        found = {one.name: one.interval for one in [*part.signal, *part.estimates]}
        rest = [found.get(of) for of in ("false-positive-rate", "false-negative-rate", "unknown", "j")]
        cells = [with_ends(found["accuracy"]), with_ends(found["f1"])]
        shown.add_row(name, str(part.rows), *cells, *("-" if one is None else number(one.value) for one in rest))
    return shown
