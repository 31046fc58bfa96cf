"""The pages of reports: a template filled in, and what was measured as tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .report import number, with_ends

if TYPE_CHECKING:
    from .metrics.calibration import Calibration
    from .metrics.estimate import Comparison, Estimate


def fill(template: str, **values: Any) -> str:
    """The page of a template, which may use the tables below; a name that is not given is an error."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.globals.update(
        {of.__name__: of for of in (calibrated, comparisons, counted, explained, number, with_ends)}
    )
    return environment.from_string(template).render(**values)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what cells hold never ends them."""
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def explained(estimates: Sequence[Estimate], meaning: Mapping[str, str]) -> str:
    """Estimates with what each of them is."""
    rows = [
        [one.name, *map(number, (one.interval.value, one.interval.low, one.interval.high)), meaning[one.name]]
        for one in estimates
    ]
    return table(["metric", "value", "low", "high", "what it is"], rows)


def comparisons(found: Sequence[Comparison], other: str = "against") -> str:
    """Two values of each metric, and the difference with its interval."""
    rows = [
        [
            one.name,
            *map(number, (one.value, one.against, one.difference.value, one.difference.low, one.difference.high)),
        ]
        for one in found
    ]
    return table(["metric", "this", other, "difference", "low", "high"], rows)


def calibrated(calibration: Calibration) -> str:
    """The errors of a calibration, beside what a calibrated model would show by chance."""
    rows = [
        [f"ECE, {count} bins", *map(number, (error.value, error.low, error.high, calibration.by_chance[count]))]
        for count, error in calibration.errors.items()
    ]
    brier = calibration.brier
    rows.append(["Brier", *map(number, (brier.value, brier.low, brier.high)), ""])
    return table(["number", "value", "low", "high", "if calibrated"], rows)


def counted(counts: Mapping[str, Any]) -> str:
    return table(["name", "value"], [[name, str(value)] for name, value in counts.items()])
