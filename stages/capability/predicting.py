"""Accuracies of new checkpoints from their losses alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...artifacts import Artifact, Draft, Salience, Score, WrongArtifact
from . import storage
from .losses import read_losses


def predict_accuracies(scores: Sequence[Artifact[Score]], fitted: Artifact[Salience], out: Draft[Salience]) -> None:
    """Predict every benchmark for every checkpoint; the weights and curves are written along unchanged.

    Raises:
        WrongArtifact: another tokenizer or other texts than the weights were fitted on.
    """
    from loguru import logger

    summary, weights, _ = storage.read(fitted)
    losses = read_losses(scores)
    if losses.tokenizer_digest != summary["tokenizer_digest"]:
        raise WrongArtifact(
            f"{scores[0].path} has another tokenizer than {fitted.path} was fitted with, expected the same"
        )
    if [list(one) for one in losses.texts] != summary["texts"]:
        raise WrongArtifact(f"{scores[0].path} scores other texts than {fitted.path} was fitted on, expected the same")
    if "context" in summary and losses.context != summary["context"]:
        raise WrongArtifact(
            f"{scores[0].path} cut the texts into {_pieces(losses.context)}, {fitted.path} was fitted on "
            f"{_pieces(summary['context'])}, expected the same tokens before every token: give shorter texts"
        )
    predictions = []
    for capability in summary["capabilities"]:
        scores_M = losses.losses_MN.astype(np.float64) @ weights[capability]
        for benchmark, link in storage.links_of(summary, capability).items():
            values = [float(value) for value in link.accuracy(scores_M)]
            predictions.append(
                {"benchmark": benchmark, "capability": capability, "measured": None, "predicted": {"salience": values}}
            )
            for artifact, value in zip(scores, values, strict=True):
                logger.info(f"{artifact.path}: {benchmark} {value:.4f}")
    checkpoints = [{"path": str(one.path), "digest": one.digest, "split": "new"} for one in scores]
    kept = {name: value for name, value in summary.items() if name != "format"}
    storage.write(out.folder, {**kept, "checkpoints": checkpoints, "fitted": fitted.digest}, weights, predictions)
    out.facts |= {
        "tokenizer_digest": losses.tokenizer_digest,
        "counts": {"checkpoints": len(scores), "benchmarks": len(predictions)},
        "predicted": {one["benchmark"]: one["predicted"]["salience"] for one in predictions},
    }


def _pieces(context: int | None) -> str:
    return "no pieces" if context is None else f"pieces of {context - 1:,} tokens"
