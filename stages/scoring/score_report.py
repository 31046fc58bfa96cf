"""The report of `whet eval SCORES --verdicts VERDICTS`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...artifacts import Artifact, Draft, Report, Verdict, WrongOption

if TYPE_CHECKING:
    from rich.table import Table


_AXES = {
    False: ("score as a probability", "share of rollouts that are correct", "rollouts"),
    True: ("probability of a preference", "share of preferences that are right", "pairs"),
}
"""Of the plot of calibration, by whether pairs are calibrated: what the axes are called."""


def report_scores(
    artifacts: Sequence[Artifact[Any]],
    verdicts: Artifact[Verdict],
    against: Sequence[Artifact[Any]] | None,
    report: Draft[Report],
    *,
    draws: Sequence[int],
    confidence: float,
    resamples: int,
    step: str | None,
) -> list[Table]:
    """Hold scores against verdicts, alone or beside other scores; the tables for the terminal."""
    from loguru import logger

    from ..agreement.plots import plot_reliability
    from ..report import keep, write
    from .judged import read_judged
    from .measuring import measure_scores
    from .page import page, warnings_of
    from .payload import payload
    from .plots import plot_choice
    from .tables import tables

    judged = read_judged(artifacts, verdicts, against, step)
    least = min(len(group) for group in judged.groups.values())
    for k in draws:
        if k > least:
            raise WrongOption(
                f"--k {k}: {judged.name} has problems with {least} rollouts, expected k from 1 to {least}"
            )
    measures = measure_scores(judged, draws, confidence, resamples)
    write(report, payload(measures), page(measures))
    rows = [row for group in judged.groups.values() for row in group]
    plot_choice(report.folder / "best-of-k.png", measures, [(r.score, r.right) for r in rows if r.score is not None])
    if measures.calibration is not None:
        said, right, rows = _AXES[judged.scale.kind == "preference"]
        plot_reliability(report.folder / "reliability.png", measures.calibration, said=said, right=right, rows=rows)
    keep(report, measures.counts, [*measures.ranking, *measures.choice, *measures.length, *measures.other])
    for line in warnings_of(measures):
        logger.warning(line)
    return tables(measures)
