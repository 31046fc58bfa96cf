"""Pairs as rows of preferences: read, and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...artifacts import Artifact, Draft, Preference, problem_id
from ..tokens import Encoder
from . import ENCODED, Pair
from .encoding import encoded_prompt, encoded_side


def pairs_of_preferences(
    encoder: Encoder, preferences: Sequence[Artifact[Preference]], counts: Counter[str]
) -> Iterator[Pair]:
    for artifact in preferences:
        for number, row in enumerate(artifact.rows()):
            counts["preferences"] += 1
            counts[ENCODED] += 2
            prompt, place = encoded_prompt(encoder, row["messages"]), f"{artifact.digest} {number}"
            yield Pair(
                problem_id=row.get("problem_id") or problem_id(row["messages"], row.get("reference")),
                messages=row["messages"],
                reference=row.get("reference"),
                chosen=encoded_side(encoder, prompt, row["chosen"], f"{place} chosen", row.get("chosen_rollout_id")),
                rejected=encoded_side(
                    encoder, prompt, row["rejected"], f"{place} rejected", row.get("rejected_rollout_id")
                ),
                margin=row.get("margin"),
                chosen_votes=row.get("chosen_votes"),
                rejected_votes=row.get("rejected_votes"),
                source=row.get("source"),
            )


def write_pairs(draft: Draft[Preference], pairs: Sequence[Pair]) -> None:
    """The pairs as rows of preferences, with the ids of their rollouts; once, as a draft may be gone on with."""
    for chunk in draft.chunks([0]):
        for order, pair in enumerate(pairs):
            if order not in chunk.done:
                chunk.write(_preference(pair), order, {"pairs": 1})


def _preference(pair: Pair) -> Preference:
    return {
        "messages": pair.messages,
        "reference": pair.reference,
        "chosen": pair.chosen.text,
        "rejected": pair.rejected.text,
        "source": pair.source,
        "problem_id": pair.problem_id,
        "chosen_rollout_id": pair.chosen.rollout_id,
        "rejected_rollout_id": pair.rejected.rollout_id,
        "margin": pair.margin,
        "chosen_votes": pair.chosen_votes,
        "rejected_votes": pair.rejected_votes,
    }
