"""Rows that belong together: verdicts and scores name the rollouts they were made for, and every join checks it.

A selection of rollouts has a content digest of its own while its rows keep their ids, so it also names every artifact
its rows came from (the fact `selected_from`): verdicts of those fit too.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from ..artifacts import Artifact, Rollout, WrongArtifact

BROKEN = "problem"
"""How the reason of an invalid verdict begins that blames the problem: its question or its reference is broken."""

SELECTED_FROM = "selected_from"
"""The fact that lists, transitively, the digests a selection's rows came from."""


def identities(artifact: Artifact[Any]) -> set[str]:
    """Every digest under which rows of this artifact may be known: its own, its source file's, its origins'."""
    facts = artifact.manifest.facts
    return {artifact.digest, *_texts(facts.get("source")), *_texts(facts.get(SELECTED_FROM))}


def belongs_to(judgements: Artifact[Any]) -> set[str]:
    """The digests of the rollouts (or of the file) that verdicts or scores were made for."""
    named = judgements.manifest.facts.get("belongs_to") or {}
    return {digest for name in ("rollouts", "source") for digest in _texts(named.get(name))}


def belong(judgements: Artifact[Any], rollouts: Artifact[Any]) -> bool:
    """Whether verdicts or scores were made for these rollouts, or for what these were selected from."""
    return bool(belongs_to(judgements) & identities(rollouts))


def check_belongs(judgements: Artifact[Any], *rollouts: Artifact[Any]) -> None:
    """Refuse verdicts or scores that were made for none of these rollouts.

    Raises:
        WrongArtifact: they belong to other rollouts, or do not say to which.
    """
    if any(belong(judgements, candidate) for candidate in rollouts):
        return
    paths = " or ".join(str(candidate.path) for candidate in rollouts)
    stage = {"verdicts": "verify", "scores": "score"}.get(judgements.kind, "verify")
    raise WrongArtifact(
        f"{judgements.path} holds {judgements.kind} of other rollouts than {paths}, expected {judgements.kind} of "
        f"these: give the folder that whet {stage} made from them"
    )


def blames_problem(verdict: Mapping[str, Any]) -> bool:
    """Whether a verdict calls the problem broken: that is no fault of the policy, and its whole group is dropped."""
    return verdict["verdict"] == "invalid" and (verdict["reason"] or "").startswith(BROKEN)


def by_rollout(judgements: Iterable[Artifact[Any]], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Rows of verdicts or scores by rollout_id, in memory.

    Raises:
        WrongArtifact: one rollout has two rows.
    """
    found: dict[str, dict[str, Any]] = {}
    for artifact in judgements:
        for row in artifact.rows(["rollout_id", *columns]):
            if row["rollout_id"] in found:
                raise WrongArtifact(
                    f"{artifact.path} has {artifact.kind} of rollout {row['rollout_id']}, which has one already, "
                    "expected one each: give only one of the artifacts that judge the same rollouts"
                )
            found[row["rollout_id"]] = row
    return found


def judgements_of(
    rollouts: Sequence[Artifact[Rollout]],
    judgements: Sequence[Artifact[Any]],
    kind: Literal["verdicts", "scores"],
    columns: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """The verdict, or the score, of every rollout, by rollout_id.

    Raises:
        WrongArtifact: they are of other rollouts, or a rollout has none, or two.
    """
    for item in judgements:
        check_belongs(item, *rollouts)
    stage = {"verdicts": "verify", "scores": "score"}[kind]
    for artifact in rollouts:
        if not any(belong(item, artifact) for item in judgements):
            raise WrongArtifact(
                f"no {kind} of {artifact.path} were given, expected a --{kind} for every --rollouts: "
                f"{stage} them (whet {stage} {artifact.path} --out FOLDER)"
            )
    found = by_rollout(judgements, columns)
    for artifact in rollouts:
        missing = [row["rollout_id"] for row in artifact.rows(["rollout_id"]) if row["rollout_id"] not in found]
        if missing:
            raise WrongArtifact(
                f"{len(missing):,} of the {len(artifact):,} rollouts of {artifact.path} have no {kind[:-1]} "
                f"(the first is {missing[0]}), expected all: run the command that made the {kind} again"
            )
    return found


def _texts(value: Any) -> list[str]:
    """A fact that may be missing, one digest, or a list of them."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else [item for item in value if isinstance(item, str)]
