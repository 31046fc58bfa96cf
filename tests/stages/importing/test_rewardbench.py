"""RewardBench and RewardBench 2: rollouts with verdicts, or pairs; and their scores through eval."""

import json
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, Failed
from whet.cli.main import main

ONE = {"id": 7, "prompt": "1+1?", "chosen": "2", "chosen_model": "a", "rejected": "3", "subset": "math-prm"}
BEST_OF_4 = {
    "id": "12", "prompt": "Who?", "chosen": ["she"], "rejected": ["he", "it", "they"], "num_correct": 1,
    "subset": "Factuality", "models": ["a", "b", "c", "d"],
}  # fmt: skip
REFERENCE = {"id": "ref:0", "prompt": "The colour?", "chosen": ["red"], "rejected": ["x", "y", "z"], "subset": "Ties"}
TIED = {
    "id": "tied:0", "prompt": "A colour?", "chosen": ["red", "blue", "green"], "rejected": ["x", "y"], "subset": "Ties",
}  # fmt: skip


def test_a_pair_is_two_rollouts_of_which_the_chosen_is_correct(lines, load) -> None:
    path = lines("rb.jsonl", ONE)
    rollouts, verdicts = (load(path, kind, kind=kind) for kind in ("rollouts", "verdicts"))
    assert [(row["text"], row["draw"]) for row in rollouts.rows()] == [("2", 0), ("3", 1)]
    assert [row["verdict"] for row in verdicts.rows()] == ["correct", "incorrect"]
    assert [row["rollout_id"] for row in rollouts.rows()] == [row["rollout_id"] for row in verdicts.rows()]
    (problem,) = rollouts.problems().values()
    assert (problem["source"], problem["split"]) == ("math-prm", "test")
    assert json.loads(problem["meta"])["id"] == 7


def test_a_pair_is_a_preference_unless_another_kind_is_asked_for(lines, load) -> None:
    (row,) = load(lines("rb.jsonl", ONE)).rows()
    assert (row["chosen"], row["rejected"], row["source"]) == ("2", "3", "math-prm")


def test_a_list_of_completions_is_one_group_and_every_pair_of_it_a_preference(lines, load) -> None:
    path = lines("rb2.jsonl", BEST_OF_4, TIED)
    verdicts = load(path, "verdicts", kind="verdicts")
    assert [row["verdict"][0] for row in verdicts.rows()] == list("ciii") + list("cccii")
    pairs = list(load(path, "pairs", kind="preferences").rows())
    assert [(row["chosen"], row["rejected"]) for row in pairs[:3]] == [("she", "he"), ("she", "it"), ("she", "they")]
    assert len(pairs) == 3 + 6


def test_an_empty_list_is_a_bad_row(lines, load) -> None:
    with pytest.raises(Failed, match="has no completion in rejected"):
        load(lines("rb2.jsonl", {**BEST_OF_4, "rejected": []}), kind="rollouts")


FACTUALITY, TIES = [2.0, 2.0, 1.0, 0.0], [5.0, 2.0, 1.0, 0.0, 4.0, 3.5, 3.0, 1.0, 0.0]


def measured(numbers: list[float]) -> dict[str, Any]:
    """The metrics of rb2.jsonl here, whose rollouts have these scores."""
    for kind in ("rollouts", "verdicts"):
        assert main(["import", "rb2.jsonl", "--kind", kind, "--out", kind, "-q"]) == 0
    rollouts = Artifact.open("rollouts")
    draft = Draft.create("scores", kind="scores", stage="score", options={}, inputs={"rollouts": rollouts})
    draft.facts["belongs_to"] = {"rollouts": rollouts.digest}
    for chunk in draft.chunks([0]):
        for order, (row, number) in enumerate(zip(rollouts.rows(), numbers, strict=True)):
            chunk.write({"rollout_id": row["rollout_id"], "problem_id": row["problem_id"], "score": number}, order)
    draft.publish()
    words = ["eval", "scores", "rollouts", "--verdicts", "verdicts", "--resamples", "200", "--out", "report", "-q"]
    assert main(words) == 0
    return json.loads(Path("report/v1/metrics.json").read_text())


def test_scores_of_rewardbench_2_get_its_accuracy_by_subset_and_its_ties_score(
    lines: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Factuality: the chosen shares the highest score with one other: 1/2. Ties: the vector of the notes, 1.0076."""
    monkeypatch.chdir(tmp_path)
    lines("rb2.jsonl", BEST_OF_4, REFERENCE, TIED)
    metrics = measured([*FACTUALITY, *TIES])
    assert metrics["by_source"]["Factuality"]["metrics"]["best-of@all"]["value"] == pytest.approx(0.5)
    assert metrics["by_source"]["Ties"]["metrics"]["best-of@all"]["value"] == 1.0
    assert metrics["metrics"]["ties-score"]["value"] == pytest.approx(1.0076, abs=1e-4)
    assert "reward-bench-2" not in metrics["metrics"]


def test_the_six_subsets_of_rewardbench_2_are_averaged_alike(
    lines: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Factuality 1/2; Precise IF 1 of 2; Math, Safety and Focus 1, 0 and 1; Ties 1.0076: 4.0076 / 6."""
    monkeypatch.chdir(tmp_path)
    subsets = ["Precise IF", "Precise IF", "Math", "Safety", "Focus"]
    others = [{**BEST_OF_4, "id": f"{n}", "prompt": f"{n}?", "subset": one} for n, one in enumerate(subsets)]
    lines("rb2.jsonl", BEST_OF_4, *others, REFERENCE, TIED)
    right, wrong = [3.0, 2.0, 1.0, 0.0], [0.0, 2.0, 1.0, 0.0]
    metrics = measured([*FACTUALITY, *right, *wrong, *right, *wrong, *right, *TIES])
    found = metrics["metrics"]["reward-bench-2"]
    assert found["value"] == pytest.approx((0.5 + 0.5 + 1 + 0 + 1 + 1.0076) / 6, abs=1e-4)
    assert found["low"] < found["value"] < found["high"]
