"""Scores and verdicts of the same rollouts, joined."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...artifacts import Artifact, Rollout, Verdict, WrongArtifact, WrongOption
from ..agreement.reading import check_same_rollouts, rollouts_behind
from ..evaluating import choose_step
from ..joins import blames_problem, by_rollout, check_belongs
from .facts import OWN_REFERENCE, WITHIN_PROBLEM
from .scale import Scale, scale_of

_VERDICT = ["problem_id", "step", "verdict", "reason", "extracted", "answer_type"]


@dataclass(slots=True)
class Row:
    """A rollout with its score and its verdict; `other` is the score of --against."""

    problem_id: str
    verdict: str
    score: float | None
    extracted: str | None = None
    answer_type: str | None = None
    length: int | None = None
    other: float | None = None

    @property
    def right(self) -> bool:
        return self.verdict == "correct"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """All rows, by group in canonical order.

    Args:
        within_problem: the scores (or those of --against) say nothing across problems.
        scale: what the scores may be read as.
        length_unit: of `Row.length`.
        source_of: by problem; None where it has none.
        tied: (kind, name) of the prompts of RewardBench 2's ties, by problem: kind is ref or tied.
        chosen: artifacts whose rows were chosen by how they went.
    """

    name: str
    verdicts: str
    groups: dict[str, list[Row]]
    within_problem: bool
    scale: Scale
    length_unit: str
    source_of: dict[str, str | None]
    tied: dict[str, tuple[str, str]]
    against: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    chosen: list[str] = field(default_factory=list)


def read_judged(
    artifacts: Sequence[Artifact[Any]],
    verdicts: Artifact[Verdict],
    against: Sequence[Artifact[Any]] | None = None,
    step: str | None = None,
) -> Judged:
    """Join scores with verdicts, and with the scores of --against where there are some.

    A group is the rollouts of one problem; where the rollouts are known and a problem occurs several times, those of
    one occurrence. Rows of problems that a verdict calls broken are left out, and where some rollouts were the
    reference of the others (POLAR), those without a score in a group that has scores: the reference is known, and no
    choice by score ever takes it.

    Args:
        artifacts: scores, and their rollouts or not: those tell length and source.
        step: of on-policy rows, the one to keep: a number or "last".

    Raises:
        WrongOption: no scores, two artifacts of one kind, or several steps and none chosen.
        WrongArtifact: they are about different rollouts.
    """
    scores, rollouts = _of_kind(artifacts, "scores"), _of_kind(artifacts, "rollouts")
    others = _of_kind(against or [], "scores")
    if scores is None or (against and others is None):
        raise WrongOption("--verdicts tell how well scores rank, but no scores are given: give scores")
    given = [scores, verdicts, *([] if others is None else [others])]
    behind = [rollouts] if rollouts is not None else rollouts_behind(given)
    for judgements in given[1:]:
        check_same_rollouts(scores, judgements, behind)
    if rollouts is not None:
        check_belongs(scores, rollouts)
    judged = by_rollout([verdicts], _VERDICT)
    compared = {} if others is None else by_rollout([others], ["score"])
    known = _about(behind)
    wanted = _step(judged, step, str(verdicts.path))
    groups: dict[str, list[Row]] = {}
    counts = {"without_verdict": 0, "without_score": 0, "broken_problems": 0}
    broken = {row["problem_id"] for row in judged.values() if blames_problem(row)}
    left_out = set()
    lengths: list[tuple[Row, int | None, int | None]] = []
    for name, problem, score, count in _scored(scores):
        verdict = judged.get(name)
        about = known.get(name, (None, None, 0))
        if rollouts is not None and name not in known:
            continue
        if verdict is None:
            counts["without_verdict"] += 1
            continue
        if wanted is not None and (verdict["step"] or 0) != wanted:
            continue
        if problem in broken:
            left_out.add(problem)
            continue
        row = Row(
            problem, verdict["verdict"], score, verdict["extracted"], verdict["answer_type"],
            other=None if others is None else compared.get(name, {}).get("score"),
        )  # fmt: skip
        lengths.append((row, about[0] if count is None else count, about[1]))
        groups.setdefault(f"{problem}#{about[2]}" if about[2] else problem, []).append(row)
    if scores.manifest.counts.get(OWN_REFERENCE):
        counts["own_references"] = _leave_out_references(groups)
    counts["without_score"] = sum(row.score is None for group in groups.values() for row in group)
    counts["broken_problems"] = len(left_out)
    if not groups:
        raise WrongArtifact(f"{verdicts.path} has no verdict of a rollout that {scores.path} scores, expected some")
    problems = {key: problem for artifact in behind for key, problem in artifact.problems().items()}
    by_tokens = all(tokens is not None for _, tokens, _ in lengths)
    for row, tokens, characters in lengths:
        row.length = tokens if by_tokens else characters
    facts = [one.manifest.facts for one in given if one is not verdicts]
    return Judged(
        name=str(scores.path),
        verdicts=str(verdicts.path),
        groups=dict(sorted(groups.items())),
        within_problem=any(one.get("comparable") == WITHIN_PROBLEM for one in facts),
        scale=scale_of(facts[0], [row.score for row, *_ in lengths if row.score is not None]),
        length_unit="tokens" if by_tokens else "characters",
        source_of={key: problem.get("source") for key, problem in problems.items()},
        tied={key: found for key, problem in problems.items() if (found := _tie(problem.get("meta"))) is not None},
        against=None if others is None else str(others.path),
        counts=counts,
        chosen=[str(one.path) for one in given if one.manifest.facts.get("stop_rule", "fixed") != "fixed"],
    )


def _of_kind(artifacts: Sequence[Artifact[Any]], kind: str) -> Artifact[Any] | None:
    found = [artifact for artifact in artifacts if artifact.kind == kind]
    if len(found) > 1:
        raise WrongOption(
            f"{found[0].path} and {found[1].path} both hold {kind}, expected one: compare them with --against"
        )
    return found[0] if found else None


def _scored(scores: Artifact[Any]) -> Iterator[tuple[str, str, float | None, int | None]]:
    """Rollout, problem, score and how many tokens have a score of their own; token scores stay out of Python."""
    import pyarrow.compute as pc

    plain = ("rollout_id", "problem_id", "score")
    for batch in scores.batches([*plain, "token_scores"]):
        tokens = pc.call_function("list_value_length", [batch["token_scores"]])
        yield from zip(*(batch[name].to_pylist() for name in plain), tokens.to_pylist(), strict=True)


def _leave_out_references(groups: dict[str, list[Row]]) -> int:
    """Take rows without a score out of the groups that have scores; how many they are."""
    found = 0
    for key, group in groups.items():
        scored = [row for row in group if row.score is not None]
        if scored:
            found += len(group) - len(scored)
            groups[key] = scored
    return found


def _about(rollouts: Sequence[Artifact[Rollout]]) -> dict[str, tuple[int | None, int | None, int]]:
    """Tokens, characters and occurrence of every rollout; nothing is read into Python but numbers."""
    import pyarrow.compute as pc

    found: dict[str, tuple[int | None, int | None, int]] = {}
    for artifact in rollouts:
        for batch in artifact.batches(["rollout_id", "occurrence", "token_ids", "text"]):
            tokens = pc.call_function("list_value_length", [batch["token_ids"]]).to_pylist()
            characters = pc.call_function("utf8_length", [batch["text"]]).to_pylist()
            occurrences = [number or 0 for number in batch["occurrence"].to_pylist()]
            columns = zip(batch["rollout_id"].to_pylist(), tokens, characters, occurrences, strict=True)
            found.update((name, (count, letters, number)) for name, count, letters, number in columns)
    return found


def _step(judged: dict[str, dict[str, Any]], step: str | None, name: str) -> int | None:
    steps = {row["step"] or 0 for row in judged.values()}
    if step is None:
        if len(steps) > 1:
            raise WrongOption(
                f"{name} holds {len(steps)} steps, {min(steps)} to {max(steps)}, expected one: add --step N or "
                "--step last"
            )
        return None
    return choose_step(steps, step, name)


_TIE = re.compile(r"(ref|tied):(.+)")


def _tie(meta: str | None) -> tuple[str, str] | None:
    """What the id of a prompt of RewardBench 2's ties says: ("ref", "3") and ("tied", "3") belong together."""
    if meta is None or '"id"' not in meta:
        return None
    name = json.loads(meta).get("id")
    found = _TIE.fullmatch(name) if isinstance(name, str) else None
    return (found[1], found[2]) if found else None
