"""Small published runs, and reports on them, for the tests of eval."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, Rollout, Verdict, make_problem
from whet.stages.eval import EvalOptions
from whet.stages.eval import eval as evaluate

Group = tuple[str, list[tuple[str, str | None]]]
"""A question, and the verdict and extracted answer of each of its rollouts."""
Judged = Artifact[Rollout] | Artifact[Verdict]


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., tuple[Artifact[Rollout], Artifact[Verdict]]]:
    """Publish rollouts and their verdicts below the test's folder."""

    def make(
        name: str,
        groups: Sequence[Group],
        *,
        facts: dict[str, Any] | None = None,
        row: Callable[[int, int], dict[str, Any]] = lambda problem, draw: {},
    ) -> tuple[Artifact[Rollout], Artifact[Verdict]]:
        """`facts` goes into both manifests; `row(problem, draw)` gives further rollout columns."""
        source = f"digest of {name}"
        rollouts = Draft.create(tmp_path / name / "rollouts", kind="rollouts", stage="import", options={"of": name})
        verdicts = Draft.create(tmp_path / name / "verdicts", kind="verdicts", stage="import", options={"of": name})
        rollouts.facts.update({"source": source, **(facts or {})})
        verdicts.facts.update({"belongs_to": {"source": source}, **(facts or {})})
        problems = [make_problem([{"role": "user", "content": question}], "4") for question, _ in groups]
        rollouts.embed_problems(problems)
        for draft in (rollouts, verdicts):
            for chunk in draft.chunks([0]):
                order = 0
                for place, (problem, (_, group)) in enumerate(zip(problems, groups, strict=True)):
                    for draw, (verdict, extracted) in enumerate(group):
                        ids = {"rollout_id": f"{place}-{draw}", "problem_id": problem["problem_id"]}
                        if draft is rollouts:
                            chunk.write({**ids, "draw": draw, "text": "4" * (draw + 1), **row(place, draw)}, order)
                        else:
                            chunk.write({**ids, "verdict": verdict, "extracted": extracted}, order)
                        order += 1
        return rollouts.publish(), verdicts.publish()

    return make


@pytest.fixture
def report_on(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run eval, publish its report below the test's folder, and read metrics.json."""

    def report(
        name: str, artifacts: Sequence[Judged], against: Sequence[Judged] | None = None, **options: Any
    ) -> dict[str, Any]:
        draft = Draft.create(
            tmp_path / name, kind="report", stage="eval", options={key: str(value) for key, value in options.items()}
        )
        others = None if against is None else list(against)
        evaluate(list(artifacts), draft, EvalOptions(**{"resamples": 500, **options}), against=others)
        published = draft.publish()
        assert {file.path for file in published.manifest.files} == {"metrics.json", "metrics.png"}
        assert (published.path / "metrics.png").read_bytes().startswith(b"\x89PNG")
        return json.loads((published.path / "metrics.json").read_text())

    return report
