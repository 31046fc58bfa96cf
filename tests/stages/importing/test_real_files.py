"""Real data: the folder named by WHET_DATA."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("WHET_DATA", "/nonexistent"))
real = pytest.mark.skipif(
    "WHET_DATA" not in os.environ,
    reason="WHET_DATA is not set: give the folder of gsm8k_test.jsonl and math_rollouts_100x8.jsonl",
)


@real
def test_gsm8k_test_has_1319_problems_with_numbers_for_answers(load):
    made = load(DATA / "gsm8k_test.jsonl", preset="gsm8k")
    rows = list(made.rows())
    assert len(rows) == len({row["problem_id"] for row in rows}) == 1319
    assert all(float(row["answer"]) is not None for row in rows)


@real
def test_the_100_by_8_rollouts_import_with_728_right_labels(load):
    path = DATA / "math_rollouts_100x8.jsonl"
    made = {k: load(path, k, kind=k, preset="qwen-math") for k in ("problems", "rollouts", "verdicts", "scores")}
    assert {kind: len(artifact) for kind, artifact in made.items()} == {
        "problems": 100, "rollouts": 800, "verdicts": 800, "scores": 800,
    }  # fmt: skip
    assert made["verdicts"].manifest.counts == {"correct": 728, "incorrect": 72}
    ids = [
        [row["rollout_id"] for row in made[kind].rows(["rollout_id"])] for kind in ("rollouts", "verdicts", "scores")
    ]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids[0])) == 800
    assert sum(row["score"] for row in made["scores"].rows(["score"]) if row["score"] is not None) != 0
