"""The report on a salience artifact."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...artifacts import Artifact, Draft, Report, Salience, WrongArtifact
from ..report import write
from . import storage
from .page import page, plot, shaded_page, table
from .reporting import measure

if TYPE_CHECKING:
    from rich.table import Table


def report_salience(artifact: Artifact[Salience], report: Draft[Report], confidence: float, resamples: int) -> Table:
    """Write metrics.json, the page, the plot and the shaded text; the table for the terminal.

    Raises:
        WrongArtifact: predictions of new checkpoints, of which nothing was measured.
    """
    summary, weights, predictions = storage.read(artifact)
    found = measure(summary, predictions, confidence, resamples)
    if not found:
        raise WrongArtifact(
            f"{artifact.path} holds predictions of checkpoints that were not measured, expected a salience that was "
            "fitted: evaluate that one"
        )
    counts = artifact.manifest.facts.get("counts") or {}
    payload: dict[str, Any] = {
        "title": f"salience {artifact.path}",
        "settings": {"confidence": confidence, "resamples": resamples},
        "counts": counts,
        "qualities": [_finite(asdict(one)) for one in found],
        "capabilities": summary["capabilities"],
    }
    write(report, payload, page(summary, counts, found, confidence, resamples))
    plot(report.folder / "predicted.png", summary, predictions)
    shaded = shaded_page(summary, weights)
    if shaded is not None:
        (report.folder / "salience.html").write_text(shaded, encoding="utf-8")
    report.facts["counts"] = counts
    report.facts["metrics"] = {
        f"{one.benchmark}/{one.part}/{one.way}/{one.name}": one.value for one in found if one.value == one.value
    }
    return table(found)


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in values.items()}
