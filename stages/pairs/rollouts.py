"""Pairs made from rollouts, by what each of them is worth."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ...artifacts import Artifact, Problem, Rollout, Weights, WrongArtifact
from ..batching import TrainingRow, policy_tokens
from ..pairing import Pairing, choose_pairs
from ..rollouts import rows_with_arrays
from ..tokens import Encoder
from . import ENCODED, Pair, Side
from .encoding import encoded_prompt, encoded_side
from .worths import Worths

if TYPE_CHECKING:
    import numpy as np

_COLUMNS = ["rollout_id", "problem_id", "text", "finish_reason", "error", "segments"]
_LISTS = ("prompt_token_ids", "token_ids")


class RolloutSides:
    """Rollouts as sides of pairs: their own tokens, or their text encoded once where there are none."""

    def __init__(
        self, encoder: Encoder, tokenizer: Weights, other: Literal["refuse", "encode"], counts: Counter[str]
    ) -> None:
        self._encoder, self._tokenizer, self._other, self.counts = encoder, tokenizer, other, counts
        self._prompts: dict[str, np.ndarray] = {}

    def sides(self, artifact: Artifact[Rollout]) -> Iterator[tuple[str, Side | None]]:
        """The problem of every rollout with what it wrote; None where it failed or wrote nothing."""
        own = self._has_own_tokens(artifact)
        problems = artifact.problems()
        for facts in rows_with_arrays(artifact, _COLUMNS, _LISTS):
            yield facts["problem_id"], self._side(facts, own, problems)

    def _side(self, facts: dict[str, Any], own: bool, problems: dict[str, Problem]) -> Side | None:
        text = facts["text"]
        if facts["error"] is not None or text is None:
            return None
        truncated = facts["finish_reason"] == "length"
        token_ids, prompt = facts["token_ids"], facts["prompt_token_ids"]
        if own and token_ids is not None and prompt is not None:
            trained = policy_tokens(facts["segments"], len(token_ids))
            row = TrainingRow(
                rollout_id=facts["rollout_id"], prompt_token_ids=prompt, token_ids=token_ids, trained=trained,
                truncated=truncated,
            )  # fmt: skip
            return Side(text=text, row=row, rollout_id=row.rollout_id) if row.trained_tokens else None
        if facts["segments"] is not None and any(segment["origin"] != "policy" for segment in facts["segments"]):
            raise WrongArtifact(
                f"rollout {facts['rollout_id']} holds text that is not the policy's own, and its tokens cannot be "
                "told apart in another tokenizer: give a model with the tokenizer of the rollouts"
            )
        self.counts[ENCODED] += 1
        key = facts["problem_id"]
        if key not in self._prompts:
            self._prompts[key] = encoded_prompt(self._encoder, problems[key]["messages"])
        name = facts["rollout_id"]
        return encoded_side(self._encoder, self._prompts[key], text, name, name, truncated)

    def _has_own_tokens(self, artifact: Artifact[Rollout]) -> bool:
        digest = artifact.manifest.facts.get("tokenizer_digest")
        if digest is None or digest == self._tokenizer.tokenizer_digest:
            return True
        if self._other == "refuse":
            raise WrongArtifact(
                f"{artifact.path} holds tokens of another tokenizer than {self._tokenizer.spec} has, expected the "
                "same: sample from this policy, or import the text with --tokenizer"
            )
        return False


def pairs_of_rollouts(
    reader: RolloutSides, rollouts: Sequence[Artifact[Rollout]], worths: Worths, pairing: Pairing, seed: int
) -> Iterator[Pair]:
    """The pairs of one problem after the other; rollouts are compared only behind the same prompt tokens."""
    problems: dict[str, Problem] = {}
    groups: dict[tuple[str, bytes], list[tuple[Side, tuple[float, float]]]] = {}
    counts = reader.counts
    for artifact in rollouts:
        problems |= artifact.problems()
        for key, side in reader.sides(artifact):
            counts["rollouts"] += 1
            if side is None:
                counts["failed"] += 1
                continue
            if key in worths.broken:
                counts["of_broken_problems"] += 1
                continue
            worth = worths.of(side.row.rollout_id)
            if worth is None:
                counts["unknown"] += 1
                continue
            groups.setdefault((key, side.row.prompt_token_ids.tobytes()), []).append((side, worth))
    counts["groups"] = len(groups)
    for (key, prompt), group in groups.items():
        rng = random.Random(f"{seed} {key} {len(prompt)}")
        chosen = choose_pairs([worth for _, worth in group], pairing, rng)
        counts["groups_without_pair"] += not chosen
        for better, worse in chosen:
            one, other = group[better][0], group[worse][0]
            yield Pair(
                problem_id=key,
                messages=problems[key]["messages"],
                reference=problems[key]["answer"],
                chosen=one,
                rejected=other,
                margin=_margin(worths, one, other),
                source=problems[key].get("source"),
            )


def _margin(worths: Worths, one: Side, other: Side) -> float | None:
    scores = [worths.score(side.row.rollout_id) for side in (one, other)]
    return None if scores[0] is None or scores[1] is None else scores[0] - scores[1]
