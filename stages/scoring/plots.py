"""The plot of scores against verdicts: what a choice among k gains, and how scores of right and wrong rollouts lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..plotting import COLOURS

if TYPE_CHECKING:
    from .measuring import Measures

_STYLES = {
    "best-of": "o-", "weighted-majority": "^-", "majority": "s-", "random": ":", "oracle": "--", "shortest": "-.",
}  # fmt: skip


def plot_choice(path: Path, measures: Measures, scores: Sequence[tuple[float, bool]]) -> None:
    """Draw best-of-k beside the alternatives, and the scores of correct and wrong rollouts.

    Args:
        scores: score and whether the rollout is correct.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for place, (name, style) in enumerate(_STYLES.items()):
        points = sorted(
            (int(k), one.interval)
            for one in measures.choice
            for of, _, k in [one.name.rpartition("@")]
            if of == name and k.isdecimal()
        )
        if not points:
            continue
        x, values = [k for k, _ in points], [interval.value for _, interval in points]
        left.plot(x, values, style, color=COLOURS[place], linewidth=1.5, markersize=4, label=name)
        if name == "best-of":
            low, high = ([getattr(interval, end) for _, interval in points] for end in ("low", "high"))
            left.fill_between(x, low, high, color=COLOURS[place], alpha=0.15, linewidth=0)
    ticks = sorted({int(k) for one in measures.choice if (k := one.name.rpartition("@")[2]).isdecimal()})
    left.set_xscale("log", base=2)
    left.set_xticks(ticks, [str(k) for k in ticks])
    left.minorticks_off()
    left.set_xlabel("k, rollouts to choose from")
    left.set_ylabel("share that is correct")
    left.legend(fontsize=8, frameon=False)
    for verdict, colour in ((True, COLOURS[2]), (False, COLOURS[1])):
        values = [score for score, correct in scores if correct is verdict]
        if values:
            label = f"{'correct' if verdict else 'not correct'} ({len(values):,})"
            right.hist(values, bins=40, density=True, alpha=0.55, color=colour, label=label)
    right.set_xlabel("score")
    right.set_ylabel("density")
    if scores:
        right.legend(fontsize=8, frameon=False)
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
