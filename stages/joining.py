"""Verdicts belong to the rollouts they judge: every join checks it before it pairs rows by rollout_id."""

from whet.artifacts import Artifact, Rollout, Verdict, WrongArtifact

from .joins import check_belongs


def refuse_strangers(verdicts: Artifact[Verdict], rollouts: Artifact[Rollout]) -> None:
    """Refuse verdicts of other rollouts than these.

    Verdicts name the content digest of their rollouts; imported ones name the file both came from.

    Raises:
        WrongArtifact: they belong to other rollouts, or do not say to which.
    """
    check_belongs(verdicts, rollouts)


def verdict_by_rollout(verdicts: Artifact[Verdict], rollouts: Artifact[Rollout]) -> dict[str, Verdict]:
    """The verdict of every rollout, by rollout_id, in memory (without the reference answers).

    Raises:
        WrongArtifact: they belong to other rollouts, judge one twice, or leave some out.
    """
    refuse_strangers(verdicts, rollouts)
    found: dict[str, Verdict] = {}
    for row in verdicts.rows(["rollout_id", "problem_id", "verdict", "extracted"]):
        if row["rollout_id"] in found:
            raise WrongArtifact(
                f"{verdicts.path} judges rollout {row['rollout_id']} twice, expected one verdict each: make it again"
            )
        found[row["rollout_id"]] = row
    missing = [row["rollout_id"] for row in rollouts.rows(["rollout_id"]) if row["rollout_id"] not in found]
    if missing:
        raise WrongArtifact(
            f"{verdicts.path} has no verdict for {len(missing):,} of the {len(rollouts):,} rollouts of {rollouts.path} "
            f"(the first is {missing[0]}), expected all: run the command that made it again"
        )
    return found
