"""The report on a run of a policy: metrics.json, a page, and a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .markdown import fill
from .report import comparisons_payload, ends, estimates_payload, number

if TYPE_CHECKING:
    from rich.table import Table

    from .metrics.estimate import Comparison, Estimate

_PAGE = """\
# {{ title }}

Over {{ counts.problems }} problems with {{ counts.rollouts_per_problem }} rollouts each; \
{{ percent }} % intervals from {{ settings.resamples }} resamples of the problems.

| metric | value | low | high |
|---|---|---|---|
{% for e in estimates -%}
| {{ e.name }} | {{ number(e.interval.value) }} | {{ number(e.interval.low) }} | {{ number(e.interval.high) }} |
{% endfor %}
{%- if comparison %}
## Against {{ against }}

The same problems, compared in pairs: the interval is that of the difference.

{{ comparisons(comparison) }}
{%- endif %}
{%- if bounded %}
## Unknown verdicts

{{ counts.unknown }} verdicts are unknown. The values above count them as not correct; if all of them were correct:

| metric | value |
|---|---|
{% for e in bounded -%}
| {{ e.name }} | {{ number(e.unknown_bounds[1]) }} |
{% endfor %}
{%- endif %}
![metrics by the number of rollouts drawn](metrics.png)

## Counts

{{ counted(counts) }}
## How the numbers are made

pass@k, G-Pass@k at tau (at least a share tau of k correct) and mG-Pass@k are exact values over all choices of k of \
the n rollouts, averaged over problems. maj@k is the expected value of the majority answer over all choices of k, ties \
counting as expected value; maj@k_first is the vote of the first k rollouts, a tie going to the answer seen first. \
Rollouts without an answer vote for nothing. Intervals are BCa bootstrap intervals over problems, and Wilson's where \
all problems are alike; those of differences are never narrower than Student's t. metrics.json \
holds all of this in full precision.
"""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that a report says of one run, and of the run it was compared with."""

    title: str
    estimates: Sequence[Estimate]
    counts: dict[str, Any]
    settings: dict[str, Any]
    against: str | None = None
    against_estimates: Sequence[Estimate] = ()
    against_counts: dict[str, Any] = field(default_factory=dict)
    comparison: Sequence[Comparison] = ()


def payload(findings: Findings) -> dict[str, Any]:
    """The content of metrics.json; an end of an interval that is not known is null."""
    written: dict[str, Any] = {
        "metrics": estimates_payload(findings.estimates),
        "counts": findings.counts,
        "settings": findings.settings,
    }
    if findings.against is not None:
        written["against"] = {
            "metrics": estimates_payload(findings.against_estimates),
            "counts": findings.against_counts,
        }
        written["comparison"] = comparisons_payload(findings.comparison)
    return written


def page(findings: Findings) -> str:
    """The report as Markdown."""
    return fill(
        _PAGE,
        title=findings.title,
        estimates=findings.estimates,
        counts=findings.counts,
        settings=findings.settings,
        percent=f"{100 * findings.settings['confidence']:g}",
        against=findings.against,
        comparison=findings.comparison,
        bounded=[one for one in findings.estimates if one.unknown_bounds is not None],
    )


def table(findings: Findings) -> Table:
    """The report as a table for a terminal."""
    from rich.table import Table

    counts = findings.counts
    shown = Table(
        title=f"{counts['problems']} problems x {counts['rollouts_per_problem']} rollouts", title_justify="left"
    )
    shown.add_column("metric", no_wrap=True)
    percent = f"{100 * findings.settings['confidence']:g} % interval"
    headers = ["value", percent]
    headers += ["against", "difference", percent] if findings.comparison else []
    headers += ["if unknown were correct"] if any(one.unknown_bounds for one in findings.estimates) else []
    for header in headers:
        shown.add_column(header, justify="right")
    differences = {one.name: one for one in findings.comparison}
    for one in findings.estimates:
        cells = [number(one.interval.value), ends(one.interval)]
        if findings.comparison:
            pair = differences.get(one.name)
            cells += ["", "", ""] if pair is None else _pair(pair)
        if one.unknown_bounds is not None:
            cells.append(number(one.unknown_bounds[1]))
        shown.add_row(one.name, *cells)
    return shown


def _pair(one: Comparison) -> list[str]:
    return [number(one.against), f"{one.difference.value:+.4f}", ends(one.difference)]
