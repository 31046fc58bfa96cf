"""The losses of checkpoints on one text, token by token, from likelihood scores."""

# M checkpoints, N tokens

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...artifacts import Artifact, Score, WrongArtifact


@dataclass(frozen=True)
class Losses:
    """Every token's loss under every checkpoint.

    Args:
        texts: the ids of the texts, in order, and how many tokens each has.
        losses_MN: nats, float32.
        context: of the policies; None where no text was longer, so that it made no difference.
    """

    texts: list[tuple[str, int]]
    losses_MN: np.ndarray
    tokenizer_digest: str | None
    context: int | None = None


def read_losses(scores: Sequence[Artifact[Score]]) -> Losses:
    """Read every checkpoint's scores and put the same tokens into the same column.

    Raises:
        WrongArtifact: scores of another method, without a number for each token, of other texts or another tokenizer,
            or texts that were cut where contexts differ.
    """
    first = scores[0]
    context = _context(scores)
    texts: list[tuple[str, int]] = []
    rows_M = []
    for artifact in scores:
        method = (artifact.manifest.facts.get("method") or {}).get("name")
        if method != "likelihood":
            raise WrongArtifact(
                f"{artifact.path} holds scores by {method}, expected log-probabilities: "
                "whet score TEXTS POLICY --method likelihood"
            )
        digests = [one.manifest.facts.get("tokenizer_digest") for one in (first, artifact)]
        if digests[0] != digests[1]:
            raise WrongArtifact(
                f"{artifact.path} and {first.path} have other tokenizers, expected one: a token of the one is no token "
                "of the other"
            )
        found, columns = _of_one(artifact)
        if not texts:
            texts = found
        elif found != texts:
            raise WrongArtifact(
                f"{artifact.path} scores other texts than {first.path} ({len(found):,} and {len(texts):,} of them), "
                "expected the same texts for every checkpoint"
            )
        rows_M.append(columns)
    return Losses(texts, np.stack(rows_M), first.manifest.facts.get("tokenizer_digest"), context)


def _context(scores: Sequence[Artifact[Score]]) -> int | None:
    """How long the pieces are that texts were cut into; None where none was cut.

    A token's loss depends on what stands before it, so pieces of different lengths are refused.
    """
    contexts = [artifact.manifest.facts.get("context") for artifact in scores]
    cut = any(artifact.manifest.counts.get("cut_texts") for artifact in scores)
    for artifact, context in zip(scores, contexts, strict=True):
        if cut and context != contexts[0]:
            raise WrongArtifact(
                f"{artifact.path} was scored with a context of {context or 'unknown'} tokens, {scores[0].path} of "
                f"{contexts[0] or 'unknown'}, and some texts are longer than one of them, expected the same tokens "
                "before every token: give shorter texts"
            )
    return contexts[0] if cut else None


def _of_one(artifact: Artifact[Score]) -> tuple[list[tuple[str, int]], np.ndarray]:
    """The texts, sorted by id, and the losses of their tokens one after the other."""
    found: dict[str, np.ndarray] = {}
    for row in artifact.rows(["rollout_id", "token_scores"]):
        values = row.get("token_scores")
        if values is None:
            raise WrongArtifact(
                f"{artifact.path} has no token scores of {row['rollout_id']}, expected a log-probability for each "
                "token: leave texts out that cannot be scored"
            )
        found[row["rollout_id"]] = -np.asarray(values, np.float32)
    if not found:
        raise WrongArtifact(f"{artifact.path} holds no rows, expected scores of at least one text")
    losses = [found[key] for key in sorted(found)]
    return [(key, len(found[key])) for key in sorted(found)], np.concatenate(losses)
