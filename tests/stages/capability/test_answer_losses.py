from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whet.artifacts import Artifact, Draft, Score, WrongArtifact, make_problem
from whet.stages.capability.answer_losses import read_answer_losses
from whet.stages.capability.baselines import baselines
from whet.stages.capability.fitting import measured
from whet.stages.capability.link import Link

SOURCES = ["sums", "sums", "words"]
Made = Callable[..., list[Artifact[Score]]]


@pytest.fixture
def answers(tmp_path: Path) -> Made:
    """Likelihood scores of three answers, two of sums and one of words, one artifact a row of scores."""
    problems = [make_problem([{"role": "user", "content": f"{n}?"}], "1", source=one) for n, one in enumerate(SOURCES)]
    draft = Draft.create(tmp_path / "answers", kind="rollouts", stage="test", options={})
    draft.embed_problems(problems)
    ids = [{"rollout_id": f"{n}", "problem_id": one["problem_id"]} for n, one in enumerate(problems)]
    for chunk in draft.chunks([0]):
        for order, row in enumerate(ids):
            chunk.write({**row, "draw": 0, "text": "1"}, order)
    rollouts = draft.publish()

    def make(rows: Sequence[Sequence[float | None]], policies: str = "", **facts: Any) -> list[Artifact[Score]]:
        made = []
        for place, scores in enumerate(rows):
            of = {"rows": str(rows), "policies": policies, "place": place, **facts}
            draft = Draft.create(
                tmp_path / "scores", kind="scores", stage="score", options=of, inputs={"rollouts": rollouts}
            )
            draft.facts |= {"method": {"name": "likelihood"}, "belongs_to": {"rollouts": rollouts.digest}, **facts}
            if policies:
                draft.facts["model"] = {"digest": policies[place]}
            for chunk in draft.chunks([0]):
                for order, (row, score) in enumerate(zip(ids, scores, strict=False)):
                    chunk.write({**row, "score": score}, order)
            made.append(draft.publish())
        return made

    return make


def test_answers_are_put_to_their_checkpoints_and_benchmarks(answers: Made) -> None:
    """By the policy that scored them: b has the losses 1 and 2 on sums and 4 on words, a 3, 5 and 6."""
    checkpoints, scored = answers([[0.0], [0.0]], "ab"), answers([[-1.0, -2, -4], [-3.0, -5, -6]], "ba")
    found = read_answer_losses(scored, checkpoints, ["sums", "words", "more"])
    assert {name: list(losses_M) for name, losses_M in found.items()} == {"sums": [4.0, 1.5], "words": [6.0, 4.0]}


def test_answers_of_unnamed_policies_stand_in_the_order_of_the_checkpoints(answers: Made) -> None:
    checkpoints, scored = answers([[0.0], [0.0]]), answers([[-1.0, -2, -4], [-3.0, -5, -6]])
    assert read_answer_losses(scored, checkpoints, ["words"])["words"] == pytest.approx([7 / 3, 14 / 3])
    with pytest.raises(WrongArtifact, match="1 artifact of --answer-losses for 2 checkpoints, and not all say which"):
        read_answer_losses(scored[:1], checkpoints, ["words"])


@pytest.mark.parametrize(
    ("rows", "policies", "facts", "message"),
    [
        ([[-1.0, -2, -4]], "a", {}, "has no --answer-losses, expected answers that this policy scored"),
        ([[-1.0, -2, -4]] * 3, "abc", {}, "scored by a policy that is none of the checkpoints"),
        ([[-1.0, -2, -4], [-1.0, -2]], "ab", {}, "other answers of words for"),
        ([[-1.0, -2, -4], [-1.0, None, -4]], "ab", {}, "has no score of 1, expected one of every answer"),
        ([[-1.0, -2, -4]] * 2, "ab", {"method": {"name": "confidence"}}, "holds scores by confidence"),
        ([[-1.0, -2, -4]] * 2, "ab", {"normalize": "group"}, "holds normalised scores"),
        ([[-1.0, -2, -4]] * 2, "ab", {"belongs_to": {"texts": "t"}}, "scores texts, expected answers behind"),
    ],
)
def test_answers_that_do_not_compare_are_refused(
    answers: Made, rows: list[list[float | None]], policies: str, facts: dict[str, Any], message: str
) -> None:
    with pytest.raises(WrongArtifact, match=message):
        read_answer_losses(answers(rows, policies, **facts), answers([[0.0], [0.0]], "ab"), ["sums", "words"])


def test_answers_of_no_benchmark_are_refused(answers: Made) -> None:
    with pytest.raises(WrongArtifact, match="hold answers of sums, words, expected answers of maths, code"):
        read_answer_losses(answers([[-1.0, -2, -4]], "a"), answers([[0.0]], "a"), ["maths", "code"])


def test_the_answer_loss_goes_through_the_curve_of_all_baselines() -> None:
    losses_M = np.linspace(1, 3, 10)
    accuracies_M = Link(2.0, 2.0).accuracy(losses_M)
    one = measured(accuracies_M, np.ones(10), np.arange(10) % 2 == 0)
    noise_MN = np.random.default_rng(0).uniform(1, 3, (10, 4))
    found = baselines(noise_MN, np.zeros(4, int), None, None, np.empty((10, 0)), one, 0.0, 0, losses_M)
    assert found["answer loss"] == pytest.approx(accuracies_M, abs=1e-5)
