"""What all reports share: how numbers are written for programs (metrics.json) and for people, where they are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from ..artifacts import Draft, Report
    from .metrics.estimate import Comparison, Estimate
    from .metrics.intervals import Interval


def number(value: float) -> str:
    """A number as tables show it: four decimals for shares, two for lengths, a dash where nothing is known."""
    if value != value:
        return "-"
    return f"{value:.4f}" if abs(value) <= 1 else f"{value:.2f}"


def ends(interval: Interval) -> str:
    """`.1000 .. .2000`"""
    return f"{number(interval.low)} .. {number(interval.high)}"


def with_ends(interval: Interval) -> str:
    """`.1500 (.1000 .. .2000)`"""
    return f"{number(interval.value)} ({ends(interval)})"


def known(value: float) -> float | None:
    """A number as JSON has it: null where nothing is known."""
    return value if value == value else None


def interval_payload(interval: Interval) -> dict[str, float | None]:
    return {name: known(value) for name, value in asdict(interval).items()}


def estimates_payload(estimates: Sequence[Estimate]) -> dict[str, Any]:
    """Each estimate under its name, with what unknown verdicts could make of it."""
    found: dict[str, Any] = {}
    for one in estimates:
        found[one.name] = interval_payload(one.interval)
        if one.unknown_bounds is not None:
            low, high = one.unknown_bounds
            found[one.name]["unknown_bounds"] = {"incorrect": low, "correct": high}
    return found


def comparisons_payload(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Each comparison under its name; low and high are the ends of the difference."""
    return {
        one.name: {
            "value": known(one.value),
            "against": known(one.against),
            "difference": known(one.difference.value),
            "low": known(one.difference.low),
            "high": known(one.difference.high),
        }
        for one in comparisons
    }


def write(report: Draft[Report], payload: Mapping[str, Any], page: str) -> None:
    """metrics.json and the page."""
    (report.folder / "metrics.json").write_text(json.dumps(payload, indent=1, allow_nan=False) + "\n")
    (report.folder / "README.md").write_text(page)


def keep(report: Draft[Report], counts: Mapping[str, Any], estimates: Sequence[Estimate]) -> None:
    """What the manifest holds of a report: its counts, and the values that are known."""
    report.facts["counts"] = counts
    report.facts["metrics"] = {
        one.name: one.interval.value for one in estimates if one.interval.value == one.interval.value
    }


def show(tables: Sequence[Table]) -> None:
    """Put tables into the log (stderr), as wide as they are where stderr is no terminal."""
    import io

    from loguru import logger
    from rich.console import Console

    terminal = Console(stderr=True)
    text = io.StringIO()
    Console(file=text, width=terminal.width if terminal.is_terminal else 160).print(*tables)
    logger.opt(raw=True).info(text.getvalue())
