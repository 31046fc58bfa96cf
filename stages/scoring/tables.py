"""The tables about scores held against verdicts, for a terminal."""

from __future__ import annotations

from rich.table import Table

from ..report import ends, number
from .measuring import Measures
from .page import by_draws


def tables(measures: Measures) -> list[Table]:
    """The report as tables for a terminal."""
    title = f"{measures.counts['problems']} problems, {measures.mixed} of them mixed"
    shown = Table(title=title, title_justify="left")
    shown.add_column("metric", no_wrap=True)
    for header in ("value", f"{100 * measures.settings['confidence']:g} % interval"):
        shown.add_column(header, justify="right")
    for one in [*measures.ranking, *measures.length, *measures.other]:
        shown.add_row(one.name, number(one.interval.value), ends(one.interval))
    found = [shown]
    columns, rows = by_draws(measures.choice)
    choice = Table(title="choosing by score", title_justify="left")
    choice.add_column("", no_wrap=True)
    for column in columns:
        choice.add_column(column, justify="right")
    for name, cells in rows.items():
        choice.add_row(name, *(number(cells[at].interval.value) if at in cells else "" for at in columns))
    return [*found, choice]
