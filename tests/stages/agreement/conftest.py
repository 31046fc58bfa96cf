"""Verdicts and labels of the same rollouts, and reports that hold one against the other."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from whet.artifacts import Artifact, Draft, Rollout, Verdict, make_problem
from whet.stages.eval import EvalOptions
from whet.stages.eval import eval as evaluate

WORDS = {"c": "correct", "i": "incorrect", "v": "invalid", "u": "unknown"}


class Judging:
    """Makes rollouts, verdicts on them given as letters, and reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rollouts(
        self, name: str, sizes: Sequence[int], sources: Sequence[str | None] = (), **facts: Any
    ) -> Artifact[Rollout]:
        """Rollouts of as many problems as there are sizes."""
        draft = Draft.create(self.folder / name, kind="rollouts", stage="test", options={"of": name})
        draft.facts.update(facts)
        each = [*sources, *[None] * (len(sizes) - len(sources))]
        problems = [
            make_problem([{"role": "user", "content": f"question {place}"}], "4", source=source)
            for place, source in enumerate(each)
        ]
        draft.embed_problems(problems)
        for chunk in draft.chunks([0]):
            order = 0
            for place, (problem, size) in enumerate(zip(problems, sizes, strict=True)):
                for number in range(size):
                    row = {"rollout_id": f"{place}-{number}", "problem_id": problem["problem_id"], "draw": number}
                    chunk.write({**row, "text": "4"}, order)
                    order += 1
        return draft.publish()

    def verdicts(
        self, name: str, letters: Sequence[str], *, of: Artifact[Rollout] | None = None,
        row: Callable[[int, int], dict[str, Any]] = lambda place, draw: {}, **facts: Any,
    ) -> Artifact[Verdict]:  # fmt: skip
        """A verdict for every letter, one text a problem; a blank has no verdict. `row(place, draw)` adds columns.

        They belong to the rollouts given, else to a file that all such verdicts name.
        """
        inputs = {} if of is None else {"rollouts": of}
        draft = Draft.create(
            self.folder / name, kind="verdicts", stage="test", options={"letters": list(letters)}, inputs=inputs
        )
        draft.facts["belongs_to"] = {"source": "a file"} if of is None else {"rollouts": of.digest}
        draft.facts.update(facts)
        for chunk in draft.chunks([0]):
            order = 0
            for place, group in enumerate(letters):
                problem = make_problem([{"role": "user", "content": f"question {place}"}], "4")
                for number, letter in enumerate(group):
                    if letter == " ":
                        continue
                    ids = {"rollout_id": f"{place}-{number}", "problem_id": problem["problem_id"]}
                    chunk.write({**ids, "verdict": WORDS[letter], **row(place, number)}, order)
                    order += 1
        return draft.publish()

    def report(self, name: str, artifacts: Sequence[Any], labels: Artifact[Verdict], **more: Any) -> dict[str, Any]:
        """Run eval with labels, publish its report, and read metrics.json."""
        draft = Draft.create(self.folder / name, kind="report", stage="eval", options={"of": name})
        against = more.pop("against", None)
        evaluate(list(artifacts), draft, EvalOptions(**{"resamples": 300, **more}), labels=labels, against=against)
        draft.publish()
        return json.loads((self.folder / name / "v1" / "metrics.json").read_text())

    def page(self, name: str) -> str:
        return (self.folder / name / "v1" / "README.md").read_text()


@pytest.fixture
def judging(tmp_path: Path) -> Judging:
    return Judging(tmp_path)


@pytest.fixture
def warned() -> Iterator[list[str]]:
    """What is warned of during the test."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING", format="{message}")
    yield lines
    logger.remove(sink)
