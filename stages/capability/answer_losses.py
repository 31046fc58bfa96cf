"""How well each checkpoint reads the answers of the benchmarks: a baseline of its own.

The answers are rollouts whose text is the reference answer, of problems whose source is the benchmark's name; each
checkpoint's likelihood of them is one artifact of scores, or one for each benchmark.
"""

# M checkpoints

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...artifacts import Artifact, Score, WrongArtifact
from ...artifacts.wording import counted
from ..agreement.reading import rollouts_behind

ASK = "whet score ANSWERS POLICY --method likelihood"


def read_answer_losses(
    answers: Sequence[Artifact[Score]], scores: Sequence[Artifact[Score]], benchmarks: Sequence[str]
) -> dict[str, np.ndarray]:
    """The mean loss of every checkpoint on the answers of each benchmark that has some; nats per token, [M].

    An answer's loss is the mean over its tokens, and every answer of a benchmark counts the same. Answers are put to
    checkpoints by the policy that scored them; where scores do not name it, they stand in the order of SCORES. Where
    there is one benchmark, all answers are its own.

    Args:
        scores: of the checkpoints, in their order.

    Raises:
        WrongArtifact: scores that are no likelihoods of rollouts, of other policies, of other answers, or none of the
            benchmarks.
    """
    first = answers[0]
    for artifact in answers:
        _check(artifact, first)
    sources = {} if len(benchmarks) == 1 else _sources(answers)
    losses_M: list[dict[str, dict[str, float]]] = [{} for _ in scores]
    for place, artifact in zip(_places(answers, scores), answers, strict=True):
        for row in artifact.rows(["rollout_id", "problem_id", "score"]):
            if row["score"] is None:
                raise WrongArtifact(
                    f"{artifact.path} has no score of {row['rollout_id']}, expected one of every answer: leave answers "
                    "out that cannot be scored"
                )
            benchmark = benchmarks[0] if len(benchmarks) == 1 else sources.get(row["problem_id"])
            if benchmark is not None and benchmark in benchmarks:
                losses_M[place].setdefault(benchmark, {})[row["rollout_id"]] = -row["score"]
    for one, read in zip(scores, losses_M, strict=True):
        for benchmark in sorted(read.keys() | losses_M[0].keys()):
            if read.get(benchmark, {}).keys() != losses_M[0].get(benchmark, {}).keys():
                raise WrongArtifact(
                    f"--answer-losses hold other answers of {benchmark} for {one.path} than for {scores[0].path}, "
                    "expected the same answers for every checkpoint"
                )
    if not losses_M[0]:
        found = ", ".join(sorted({str(one) for one in sources.values()})) or "nothing"
        raise WrongArtifact(
            f"--answer-losses hold answers of {found}, expected answers of {', '.join(benchmarks)}: a problem's source "
            "names its benchmark"
        )
    return {
        benchmark: np.array([np.mean(list(read[benchmark].values())) for read in losses_M]) for benchmark in losses_M[0]
    }


def _check(artifact: Artifact[Score], first: Artifact[Score]) -> None:
    facts = artifact.manifest.facts
    method = (facts.get("method") or {}).get("name")
    if method != "likelihood" or facts.get("normalize", "none") != "none":
        given = f"scores by {method}" if method != "likelihood" else "normalised scores"
        raise WrongArtifact(f"{artifact.path} holds {given}, expected log-probabilities: {ASK}")
    if "texts" in (facts.get("belongs_to") or {}):
        raise WrongArtifact(f"{artifact.path} scores texts, expected answers behind their questions: rollouts; {ASK}")
    if facts.get("tokenizer_digest") != first.manifest.facts.get("tokenizer_digest"):
        raise WrongArtifact(
            f"{artifact.path} and {first.path} have other tokenizers, expected one: losses per token would not compare"
        )


def _places(answers: Sequence[Artifact[Score]], scores: Sequence[Artifact[Score]]) -> list[int]:
    """Which checkpoint each artifact of answers is of."""
    names = [_policy(one.manifest.facts) for one in scores]
    asked = [_policy(one.manifest.facts) for one in answers]
    if None in names or None in asked:
        if len(answers) != len(scores):
            raise WrongArtifact(
                f"{counted(len(answers), 'artifact')} of --answer-losses for {counted(len(scores), 'checkpoint')}, and "
                "not all say which policy scored them, expected one of each, in one order"
            )
        return list(range(len(scores)))
    for place, name in enumerate(names):
        if name not in asked or names.index(name) != place:
            told = "has no --answer-losses" if name not in asked else "is the same policy as another"
            raise WrongArtifact(f"{scores[place].path} {told}, expected answers that this policy scored: {ASK}")
    for artifact, name in zip(answers, asked, strict=True):
        if name not in names:
            raise WrongArtifact(f"{artifact.path} was scored by a policy that is none of the checkpoints, leave it out")
    return [names.index(name) for name in asked]


def _policy(facts: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """The digests of the policy and of its adapter."""
    digest = (facts.get("model") or {}).get("digest")
    return None if digest is None else (digest, (facts.get("adapter") or {}).get("digest"))


def _sources(answers: Sequence[Artifact[Score]]) -> dict[str, str | None]:
    """The source of every problem behind the answers."""
    behind = rollouts_behind(answers)
    if not behind:
        raise WrongArtifact(
            f"the rollouts that {answers[0].path} scores are not where its lineage says, expected them: their problems "
            "tell which benchmark an answer is of"
        )
    return {key: problem.get("source") for one in behind for key, problem in one.problems().items()}
