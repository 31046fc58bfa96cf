"""What rollouts are worth against each other: their verdicts, their scores, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...artifacts import Artifact, Rollout, Score, Verdict, WrongOption
from ..joins import blames_problem, judgements_of
from ..pairing import Pairing
from ..reward_mapping import Reward


class Worths:
    """What every rollout is worth, None where it is not known."""

    def __init__(self, verdicts: dict[str, Any] | None, scores: dict[str, Any] | None, reward: Reward) -> None:
        self._verdicts, self.scores, self._reward = verdicts, scores, reward
        rows = (verdicts or {}).values()
        self.broken = {row["problem_id"] for row in rows if blames_problem(row)}

    def of(self, rollout_id: str) -> tuple[float, float] | None:
        value: float | None = 0.0
        if self._verdicts is not None:
            value = self._reward.of(self._verdicts[rollout_id]["verdict"])
        score = 0.0 if self.scores is None else self.score(rollout_id)
        return None if value is None or score is None else (value, score)

    def score(self, rollout_id: str) -> float | None:
        return None if self.scores is None else self.scores[rollout_id]["score"]


def read_worths(
    rollouts: Sequence[Artifact[Rollout]],
    verdicts: Sequence[Artifact[Verdict]],
    scores: Sequence[Artifact[Score]],
    reward: Reward,
) -> Worths:
    """What the rollouts are worth.

    Raises:
        WrongArtifact: verdicts or scores are of other rollouts, or a rollout has none.
    """
    asked = ["problem_id", "verdict", "reason"]
    judged = judgements_of(rollouts, verdicts, "verdicts", asked) if verdicts else None
    scored = judgements_of(rollouts, scores, "scores", ["score"]) if scores else None
    return Worths(judged, scored, reward)


def check_worths(pairing: Pairing, verdicts: Sequence[Artifact[Verdict]], scores: Sequence[Artifact[Score]]) -> None:
    """Refuse to make pairs of rollouts that nothing orders.

    Raises:
        WrongOption: neither verdicts nor scores, or not both where the pairing takes both.
    """
    if not verdicts and not scores:
        raise WrongOption("pairs of --rollouts need --verdicts or --scores of them: what makes one better than another")
    if pairing.pairs == "confident-errors" and not (verdicts and scores):
        missing = "--scores" if verdicts else "--verdicts"
        raise WrongOption(f"--pairs confident-errors takes --verdicts and --scores, and {missing} are missing")
