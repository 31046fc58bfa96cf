"""The plots of an agreement: rows by label and verdict, and how often verdicts of each confidence are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..plotting import COLOURS

if TYPE_CHECKING:
    from ..metrics.calibration import Calibration


def plot_confusion(path: Path, confusion: dict[str, dict[str, int]]) -> None:
    """Draw the table of counts, coloured by the share of each label's rows; labels without rows are left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = [label for label, row in confusion.items() if sum(row.values())]
    verdicts = list(next(iter(confusion.values())))
    shares = [[confusion[label][verdict] / sum(confusion[label].values()) for verdict in verdicts] for label in labels]
    figure = Figure(figsize=(5.5, 1.4 + 0.8 * len(labels)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for y, label in enumerate(labels):
        for x, verdict in enumerate(verdicts):
            text = f"{confusion[label][verdict]:,}\n{100 * shares[y][x]:.1f} %"
            axes.text(x, y, text, ha="center", va="center", color="white" if shares[y][x] > 0.6 else "black")
    axes.set_xticks(range(len(verdicts)), verdicts)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("verdict")
    axes.set_ylabel("label")
    axes.set_title("rows, and their share of the label", fontsize=10)
    axes.spines[:].set_visible(False)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def plot_reliability(
    path: Path,
    calibration: Calibration,
    bins: int = 10,
    *,
    said: str = "confidence",
    right: str = "share of verdicts that are right",
    rows: str = "rows",
) -> None:
    """Draw the share that is right beside the mean confidence of each bin, and how many rows each bin has.

    Args:
        said, right, rows: what the axes are called.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = [one for one in calibration.bins[bins] if one.rows]
    centres = [(one.low + one.high) / 2 for one in filled]
    upper.bar(centres, [one.right for one in filled], 0.9 / bins, color=COLOURS[0], alpha=0.5, label="share right")
    upper.plot([one.mean for one in filled], [one.right for one in filled], "o", color=COLOURS[0], markersize=4)
    upper.plot([0, 1], [0, 1], "--", color="0.4", linewidth=1, label="calibrated")
    upper.set_ylim(0, 1.02)
    upper.set_ylabel(right)
    error = calibration.errors[bins].value
    upper.set_title(f"{calibration.rows:,} {rows}, ECE {error:.3f} ({bins} bins)", fontsize=10)
    upper.legend(fontsize=8, frameon=False, loc="upper left")
    lower.bar(centres, [one.rows for one in filled], 0.9 / bins, color=COLOURS[0], alpha=0.5)
    lower.set_ylabel(rows)
    lower.set_xlabel(said)
    lower.set_xlim(0, 1)
    for axes in (upper, lower):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
