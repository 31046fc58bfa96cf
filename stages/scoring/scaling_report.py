"""The report of `whet eval --scaling RUNS...`: how a loss falls with size, and what the largest run should have had."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...artifacts import Artifact, Draft, Report, SourceFile, WrongArtifact, WrongOption
from ...artifacts.wording import counted
from ..models import parameter_count
from ..plotting import COLOURS
from ..report import known, number, with_ends, write

if TYPE_CHECKING:
    from rich.table import Table

    from ..metrics.intervals import Interval
    from ..metrics.scaling import PowerLaw

TAIL = 0.1
"""Share of the steps at the end of a training over which its loss is averaged."""


@dataclass(frozen=True, slots=True)
class Point:
    """A run: its size (parameters, or whatever the CSV says) and its loss."""

    name: str
    size: float
    loss: float


@dataclass(frozen=True, slots=True)
class Law:
    """One form of law: fitted to all runs, and to all but the largest, whose loss it then predicts."""

    name: str
    all_runs: PowerLaw
    without_largest: PowerLaw | None
    predicted: Interval | None


def points_of(runs: Sequence[Artifact[Any]], table: SourceFile | None, loss: str) -> list[Point]:
    """The runs given, and the rows of a CSV.

    Raises:
        WrongArtifact: a run without this loss, or a CSV without columns size and loss.
        WrongOption: fewer than two sizes.
    """
    found = [Point(str(run.path), float(parameter_count(run.path)), _final_loss(run, loss)) for run in runs]
    if table is not None:
        found += _table(table)
    sizes = len({point.size for point in found})
    if sizes < 2:
        raise WrongOption(
            f"--scaling got {counted(len(found), 'run')} of {counted(sizes, 'size')}, expected at least 2 sizes"
        )
    return sorted(found, key=lambda point: point.size)


def _final_loss(run: Artifact[Any], loss: str) -> float:
    """The mean of a logged number over the last tenth of the steps that have it."""
    file = run.path / "metrics.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    values = [line[loss] for line in lines if isinstance(line.get(loss), int | float) and math.isfinite(line[loss])]
    if not values:
        names = sorted({name for line in lines for name in line} - {"step"})
        raise WrongArtifact(
            f"{run.path} logged no {loss}, expected numbers in metrics.jsonl"
            + (f": give --loss with one of {', '.join(names[:12])}" if names else ": is it the folder of a training?")
        )
    kept = values[-max(1, math.ceil(TAIL * len(values))) :]
    mean = sum(kept) / len(kept)
    if mean <= 0:
        raise WrongArtifact(f"{run.path} ends with a {loss} of {mean:g}, expected a positive one: laws take logarithms")
    return mean


def _table(table: SourceFile) -> list[Point]:
    with io.TextIOWrapper(table.open_binary(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for number_, row in enumerate(rows, start=2):
        named = {(key or "").strip().lower(): value for key, value in row.items()}
        size, loss = named.get("size", named.get("n")), named.get("loss", named.get("l"))
        try:
            point = Point(named.get("name") or f"line {number_}", float(size or ""), float(loss or ""))
        except ValueError:
            point = None
        if point is None or not all(0 < one < math.inf for one in (point.size, point.loss)):
            raise WrongArtifact(
                f"{table.name}, line {number_}: {row}, expected positive numbers in the columns size (or N) and loss "
                "(or L)"
            )
        found.append(point)
    return found


def laws_of(points: Sequence[Point], confidence: float) -> list[Law]:
    """The laws that there are enough sizes for: without a floor from 2 sizes on, with one from 4."""
    import numpy as np

    from ..metrics.scaling import fit_power_law

    sizes, losses = (np.array([getattr(point, name) for point in points]) for name in ("size", "loss"))
    rest = sizes < sizes.max()
    found = []
    for floor, name, needed in ((False, "L = a N^-b", 2), (True, "L = floor + a N^-b", 4)):
        if len(np.unique(sizes)) < needed:
            continue
        fit = fit_power_law(sizes, losses, floor)
        without = predicted = None
        if len(np.unique(sizes[rest])) >= needed:
            without = fit_power_law(sizes[rest], losses[rest], floor)
            predicted = without.predict(float(sizes.max()), confidence)
        found.append(Law(name, fit, without, predicted))
    return found


def report_scaling(
    runs: Sequence[Artifact[Any]], table: SourceFile | None, report: Draft[Report], *, loss: str, confidence: float
) -> list[Table]:
    """Fit, predict the largest run from the rest, draw; the table for the terminal."""
    from rich.table import Table

    points = points_of(runs, table, loss)
    laws = laws_of(points, confidence)
    largest = [point for point in points if point.size == points[-1].size]
    actual = sum(point.loss for point in largest) / len(largest)
    write(report, _payload(points, laws, actual, loss, confidence), _page(points, laws, actual, loss, confidence))
    _plot(report.folder / "scaling.png", points, laws, confidence)
    report.facts["counts"] = {"runs": len(points)}
    report.facts["metrics"] = {f"b ({law.name})": law.all_runs.b for law in laws}
    shown = Table(title=f"{len(points)} runs, {points[0].size:,.0f} to {points[-1].size:,.0f}", title_justify="left")
    for header in ("law", "a", "b", "floor", "R^2", f"predicted for the largest ({100 * confidence:g} %)", "its loss"):
        shown.add_column(header, justify="right")
    for law in laws:
        fit = law.all_runs
        cells = [f"{fit.a:.4g}", f"{fit.b:.4f}", number(fit.floor), number(fit.r_squared), _predicted(law)]
        shown.add_row(law.name, *cells, number(actual))
    return [shown]


def _predicted(law: Law) -> str:
    return "-" if law.predicted is None else with_ends(law.predicted)


def _payload(
    points: Sequence[Point], laws: Sequence[Law], actual: float, loss: str, confidence: float
) -> dict[str, Any]:
    def fitted(fit: PowerLaw) -> dict[str, Any]:
        names = ("a", "b", "floor")
        return {
            **{name: getattr(fit, name) for name in names},
            "standard_errors": {name: known(error) for name, error in zip(names, fit.errors, strict=True)},
            "r_squared": known(fit.r_squared),
            "runs": fit.points,
        }

    found: dict[str, Any] = {}
    for law in laws:
        found[law.name] = {"all_runs": fitted(law.all_runs)}
        if law.without_largest is not None and law.predicted is not None:
            interval = law.predicted
            found[law.name] |= {
                "without_largest": fitted(law.without_largest),
                "predicted": {"value": interval.value, "low": known(interval.low), "high": known(interval.high)},
            }
    return {
        "laws": found,
        "largest": {"size": points[-1].size, "loss": actual},
        "points": [{"name": point.name, "size": point.size, "loss": point.loss} for point in points],
        "settings": {"loss": loss, "confidence": confidence},
    }


def _page(points: Sequence[Point], laws: Sequence[Law], actual: float, loss: str, confidence: float) -> str:
    lines = [
        "# Scaling",
        "",
        f"{len(points)} runs; N is the number of parameters (or the size in the CSV), L is {loss}, the mean over the "
        f"last {100 * TAIL:g} % of a training's steps.",
        "",
        "| law | a | b | floor | R^2 | errors of a, b, floor |",
        "|---|---|---|---|---|---|",
    ]
    for law in laws:
        fit = law.all_runs
        errors = ", ".join(f"{error:.2g}" if error == error else "-" for error in fit.errors)
        lines.append(
            f"| {law.name} | {fit.a:.4g} | {fit.b:.4f} | {number(fit.floor)} | {number(fit.r_squared)} | {errors} |"
        )
    lines += [
        "",
        f"The largest run (N = {points[-1].size:,.0f}) had {number(actual)}. Predicted from the smaller ones, with "
        f"{100 * confidence:g} % intervals for one more run:",
        "",
        "| law | predicted | inside |",
        "|---|---|---|",
    ]
    for law in laws:
        inside = "-"
        if law.predicted is not None and law.predicted.low == law.predicted.low:
            inside = "yes" if law.predicted.low <= actual <= law.predicted.high else "no"
        lines.append(f"| {law.name} | {_predicted(law)} | {inside} |")
    lines += ["", "![loss by size](scaling.png)", "", "| run | N | L |", "|---|---|---|"]
    lines += [f"| {point.name} | {point.size:,.0f} | {number(point.loss)} |" for point in points]
    return "\n".join(lines) + "\n"


def _plot(path: Path, points: Sequence[Point], laws: Sequence[Law], confidence: float) -> None:
    """Both axes logarithmic: a law without a floor is a straight line."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    sizes = np.array([point.size for point in points])
    axes.plot(sizes, [point.loss for point in points], "o", color="black", markersize=5, label="runs")
    grid = np.geomspace(sizes.min() / 1.3, sizes.max() * 3, 100)
    for law, colour in zip(laws, COLOURS, strict=False):
        fit = law.without_largest or law.all_runs
        label = f"{law.name}, b = {fit.b:.3f}" + (", without the largest" if law.without_largest is not None else "")
        axes.plot(grid, [fit.at(float(size)) for size in grid], color=colour, linewidth=1.5, label=label)
        found = [fit.predict(float(size), confidence) for size in grid]
        if found[0].low == found[0].low:
            axes.fill_between(
                grid, [one.low for one in found], [one.high for one in found], color=colour, alpha=0.12, linewidth=0
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("N")
    axes.set_ylabel("L")
    axes.grid(alpha=0.25, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
