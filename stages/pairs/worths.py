"""What rollouts are worth against each other: their verdicts, their scores, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...artifacts import Artifact, Rollout, Score, Verdict, WrongArtifact, WrongOption
from ..joins import belong, blames_problem, by_rollout, check_belongs
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
        WrongArtifact: one of them has no verdict, or no score, though there are some.
    """
    judged = by_rollout(verdicts, ["problem_id", "verdict", "reason"]) if verdicts else None
    scored = by_rollout(scores, ["score"]) if scores else None
    for known, kind in ((judged, "verdict"), (scored, "score")):
        if known is None:
            continue
        for artifact in rollouts:
            names = (row["rollout_id"] for row in artifact.rows(["rollout_id"]))
            if missing := [name for name in names if name not in known]:
                raise WrongArtifact(
                    f"{len(missing):,} of the {len(artifact):,} rollouts of {artifact.path} have no {kind} "
                    f"(the first is {missing[0]}), expected all: run the command that made the {kind}s again"
                )
    return Worths(judged, scored, reward)


def check_worths(
    pairing: Pairing,
    rollouts: Sequence[Artifact[Rollout]],
    verdicts: Sequence[Artifact[Verdict]],
    scores: Sequence[Artifact[Score]],
) -> None:
    """Refuse rollouts that nothing orders.

    Raises:
        WrongOption: neither verdicts nor scores, or not both where the pairing takes both.
        WrongArtifact: they are about other rollouts, or not about all of these.
    """
    if not verdicts and not scores:
        raise WrongOption("pairs of --rollouts need --verdicts or --scores of them: what makes one better than another")
    if pairing.pairs == "confident-errors" and not (verdicts and scores):
        missing = "--scores" if verdicts else "--verdicts"
        raise WrongOption(f"--pairs confident-errors takes --verdicts and --scores, and {missing} are missing")
    for given, flag, stage in ((verdicts, "--verdicts", "verify"), (scores, "--scores", "score")):
        for judgements in given:
            check_belongs(judgements, *rollouts)
        for artifact in rollouts if given else ():
            if not any(belong(judgements, artifact) for judgements in given):
                raise WrongArtifact(
                    f"no {given[0].kind} of {artifact.path} were given, expected a {flag} for every --rollouts: make "
                    f"them with whet {stage}"
                )
