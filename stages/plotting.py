"""The plot of a report: how the metrics move with the number of rollouts drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .metrics.estimate import Estimate

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette: told apart by colour-blind readers too."""


def curves_of(estimates: Sequence["Estimate"]) -> dict[str, dict[int, "Estimate"]]:
    """The estimates by curve and k: "pass@k", "maj@k", "g-pass@k_0.5" ...; those without a k are left out."""
    curves: dict[str, dict[int, Estimate]] = {}
    for estimate in estimates:
        family, at, rest = estimate.name.partition("@")
        if at:
            k, underscore, variant = rest.partition("_")
            curves.setdefault(f"{family}@k{underscore}{variant}", {})[int(k)] = estimate
    return curves


def plot(path: Path, runs: Sequence[tuple[str, Sequence["Estimate"], Any]]) -> None:
    """Draw pass@k and maj@k beside G-Pass@k, with intervals, one line style a run; or, without verdicts, the lengths.

    Args:
        path: the PNG to write.
        runs: label, estimates and mean length of each problem of one or two runs, the run itself first.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    curves = [(label, curves_of(estimates)) for label, estimates, _ in runs]
    if any(found for _, found in curves):
        left, right = figure.subplots(1, 2, sharex=True, sharey=True)
        _draw(left, "at least one correct, majority correct", curves, ("pass@k", "maj@k", "maj@k_first"))
        stable = sorted({name for _, found in curves for name in found if "g-pass@k" in name})
        _draw(right, "stable: at least a share tau of k correct", curves, stable)
        left.set_ylabel("mean over problems")
    else:
        axes = figure.subplots()
        for (label, _, length_P), colour in zip(runs, COLOURS, strict=False):
            if length_P is not None:
                axes.hist(length_P, bins=30, alpha=0.6, color=colour, label=label)
        axes.set_xlabel("mean length of a problem's rollouts")
        axes.set_ylabel("problems")
        axes.legend(frameon=False)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def _draw(axes: Any, title: str, curves: Sequence[tuple[str, dict[str, Any]]], names: Sequence[str]) -> None:
    """One panel: a colour a metric, solid lines for the run and dashed ones for the other."""
    for (_, found), style in zip(curves, ("o-", "s--"), strict=False):
        for place, name in enumerate(names):
            points = sorted(found.get(name, {}).items())
            if not points:
                continue
            values = [estimate.interval.value for _, estimate in points]
            low = [value - estimate.interval.low for value, (_, estimate) in zip(values, points, strict=True)]
            high = [estimate.interval.high - value for value, (_, estimate) in zip(values, points, strict=True)]
            axes.errorbar(
                # neighbouring metrics stand a little apart, so that their intervals can be told from each other
                [k * 2 ** (0.05 * (place - (len(names) - 1) / 2)) for k, _ in points],
                values,
                # rounding can put an end of an interval beyond the value by one bit
                yerr=[[max(0.0, length) for length in low], [max(0.0, length) for length in high]],
                fmt=style,
                color=COLOURS[place % len(COLOURS)],
                linewidth=1.5,
                elinewidth=0.8,
                capsize=2,
                markersize=4,
                label=name if style == "o-" else None,
            )
    if len(curves) > 1:
        for (label, _), style in zip(curves, ("-", "--"), strict=False):
            axes.plot([], [], style, color="0.4", label=label)
    ticks = sorted({k for _, found in curves for points in found.values() for k in points})
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(k) for k in ticks])
    axes.minorticks_off()
    axes.set_xlabel("k, rollouts drawn")
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False)
