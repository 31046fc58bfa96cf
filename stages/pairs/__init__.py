"""Pairs of a chosen and a rejected completion of one problem: read from preferences, or made from rollouts.

    given = read_pairs(policy, preferences=[...], seed=0)
    given = read_pairs(policy, rollouts=[...], verdicts=[...], scores=[...], pairing=Pairing(pairs="all"), seed=0)
    given.pairs[0].chosen.row.token_ids, given.counts
    write_pairs(draft, given.pairs)

Pairs of rollouts carry the rollouts' own tokens. Text is encoded once: the prompt as for sampling, the completion
exactly as it stands with the end token after it; what does not decode to the same text is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...artifacts import Message
from ..batching import TrainingRow

ENCODED = "encoded_once"
"""The count of completions that came as text."""


@dataclass(slots=True, kw_only=True)
class Side:
    """One completion of a pair; `row.rollout_id` tells rows apart also where it is no rollout."""

    text: str
    row: TrainingRow
    rollout_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Pair:
    """Two completions of one problem, of which one is preferred."""

    problem_id: str
    messages: list[Message]
    reference: str | None
    chosen: Side
    rejected: Side
    margin: float | None = None
    """By how much the chosen one is better, where somebody says: the difference of two scores"""

    chosen_votes: int | None = None
    rejected_votes: int | None = None
    source: str | None = None

    @property
    def identical(self) -> bool:
        """Whether both are the same, in tokens."""
        one, other = self.chosen.row.token_ids, self.rejected.row.token_ids
        return len(one) == len(other) and bool((one == other).all())

    def rows(self, unit: int) -> tuple[TrainingRow, TrainingRow]:
        """Chosen and rejected as rows of a step that are computed together; their rewards are 1 and 0."""
        return (
            replace(self.chosen.row, unit=unit, reward=1.0, advantage=1.0),
            replace(self.rejected.row, unit=unit, reward=0.0, advantage=-1.0),
        )
