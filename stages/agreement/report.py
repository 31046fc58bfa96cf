"""The report on verdicts held against labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...artifacts import Artifact, Draft, Report, Rollout, Verdict

if TYPE_CHECKING:
    from ..eval import EvalOptions


def report_agreement(
    artifacts: list[Artifact[Rollout] | Artifact[Verdict]],
    labels: Artifact[Verdict],
    against: list[Artifact[Rollout] | Artifact[Verdict]] | None,
    report: Draft[Report],
    options: EvalOptions,
) -> None:
    """Hold verdicts against labels, alone or beside other verdicts."""
    from loguru import logger

    from ..report import keep, show, write
    from ..trained_problems import count_trained_on
    from .measuring import measure
    from .page import page, warnings_of
    from .payload import payload
    from .plots import plot_confusion, plot_reliability
    from .reading import read_labelled
    from .tables import tables

    labelled = read_labelled(artifacts, labels, against, options.step)
    agreement = measure(labelled, options.confidence, options.resamples)
    agreement.settings["step"] = options.step
    agreement.counts.update(count_trained_on(artifacts, {row.problem_id for row in labelled.rows}, of="verifier"))
    write(report, payload(agreement), page(agreement))
    plot_confusion(report.folder / "confusion.png", agreement.overall.confusion)
    if agreement.overall.calibration is not None:
        plot_reliability(report.folder / "reliability.png", agreement.overall.calibration)
    keep(report, agreement.counts, [*agreement.overall.signal, *agreement.overall.estimates])
    show(tables(agreement))
    for line in warnings_of(agreement):
        logger.warning(line)
