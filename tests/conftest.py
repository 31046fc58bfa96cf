"""Small artifacts with known contents, for tests of what reads artifacts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, Problem, make_problem, rollout_id
from whet.artifacts.recipe import digests_of, recipe_digest

LETTERS = {
    "c": {"verdict": "correct"},
    "i": {"verdict": "incorrect"},
    "v": {"verdict": "invalid"},
    "u": {"verdict": "unknown"},
    "p": {"verdict": "invalid", "reason": "problem: its reference answers another question"},
}


class Small:
    """Makes small artifacts below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(
        self,
        name: str,
        kind: str,
        parts: Sequence[Sequence[Mapping[str, Any]]],
        problems: Sequence[Problem] = (),
        facts: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Artifact[Any]:
        """An artifact of the given rows, part by part."""
        draft = self.draft(name, kind, problems, facts, inputs, **options)
        for chunk in draft.chunks(list(range(len(parts)))):
            for order, row in enumerate(parts[chunk.index]):
                chunk.write(row, order)
        return draft.publish()

    def draft(
        self, name: str, kind: str, problems: Sequence[Problem] = (), facts: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None, **options: Any,
    ) -> Draft[Any]:  # fmt: skip
        """A draft whose recipe is its name, unless options say otherwise."""
        options = options or {"name": name}
        draft = Draft.create(self.folder / name, kind=kind, stage="small", options=options, inputs=inputs or {})
        draft.facts.update(facts or {})
        if kind == "rollouts":
            draft.embed_problems(problems)
        return draft

    def problem(self, text: str, answer: str = "1", **more: Any) -> Problem:
        return make_problem([{"role": "user", "content": text}], answer, "number", **more)

    def problems(self, name: str, texts: Sequence[str]) -> Artifact[Any]:
        return self.make(name, "problems", [[self.problem(text) for text in texts]])

    def judged(self, name: str, letters: Mapping[str, str]) -> tuple[Artifact[Any], Artifact[Any]]:
        """Rollouts and their verdicts: for every problem text a string of LETTERS. One part a problem.

        Draw d of a problem says its text d+1 times and has as many tokens.
        """
        problems = [self.problem(text) for text in letters]
        recipe = recipe_digest("small", 1, {"name": name}, digests_of({}))
        rollouts, verdicts = [], []
        for problem, (text, drawn) in zip(problems, letters.items(), strict=True):
            ids = [rollout_id(recipe, problem["problem_id"], draw) for draw in range(len(drawn))]
            rollouts.append(
                [
                    {
                        "rollout_id": key, "problem_id": problem["problem_id"], "draw": draw,
                        "text": " ".join([text] * (draw + 1)), "token_ids": list(range(draw + 1)),
                        "finish_reason": "stop",
                    }
                    for draw, key in enumerate(ids)
                ]
            )  # fmt: skip
            verdicts.append(
                [
                    {"rollout_id": key, "problem_id": problem["problem_id"], **LETTERS[letter]}
                    for key, letter in zip(ids, drawn, strict=True)
                ]
            )
        made = self.make(name, "rollouts", rollouts, problems)
        facts = {"belongs_to": {"rollouts": made.digest}}
        judged = self.make(f"{name}-verdicts", "verdicts", verdicts, facts=facts, inputs={"rollouts": made})
        return made, judged


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)
