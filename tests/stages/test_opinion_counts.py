"""Where rules and a verifier disagree, from counts."""

from pathlib import Path

import pytest

from whet.stages.opinion_counts import confusion, facts, lines, overturned, table

COUNTS = {
    "correct": 10.0,
    "rules incorrect, verifier correct": 3.0,
    "rules incorrect, verifier incorrect": 6.0,
    "rules incorrect, verifier unknown": 5.0,
    "rules invalid, verifier incorrect": 1.0,
    "rules unknown, verifier correct": 2.0,
}


def test_rows_are_counted_by_both_opinions() -> None:
    found = confusion(COUNTS)
    assert found["incorrect"] == {"correct": 3, "incorrect": 6, "invalid": 0, "unknown": 5}
    assert found["unknown"]["correct"] == 2
    assert sum(sum(row.values()) for row in found.values()) == 17


def test_the_overturn_rate_leaves_out_what_either_cannot_tell() -> None:
    # Both known: 3 + 6 + 1 = 10; correct against not correct: 3.
    found = overturned(COUNTS)
    assert (found.rows, found.of, found.rate) == (3, 10, 0.3)
    assert overturned({}).rate is None


def test_the_manifest_holds_the_rate_with_its_interval() -> None:
    # Wilson, 3 of 10 at 95 %: .108 to .603 (a table value).
    found = facts(COUNTS)["overturned"]
    assert (found["rows"], found["of"], found["rate"]) == (3, 10, 0.3)
    assert found["interval_95"] == pytest.approx([0.1078, 0.6032], abs=1e-4)
    assert set(facts(COUNTS)["rules_against_verifier"]) == {"incorrect", "invalid", "unknown"}


def test_the_table_shows_a_row_for_every_verdict_of_the_rules_that_occurs() -> None:
    shown = table(COUNTS)
    assert [list(column.cells) for column in shown.columns] == [
        ["incorrect", "invalid", "unknown"], ["3", "0", "2"], ["6", "1", "0"], ["0", "0", "0"], ["5", "0", "0"],
    ]  # fmt: skip


def test_an_overturned_row_can_be_read() -> None:
    row = {
        "rollout_id": "r1", "expected": "1/2", "extracted": "half of\nit", "rule_verdict": "incorrect",
        "rule_reason": "another number", "model_verdict": "correct", "confidence": 0.913,
    }  # fmt: skip
    assert lines([row, {**row, "extracted": None, "rule_reason": None, "confidence": None}]) == [
        "r1: expected 1/2, found half of it: rules say incorrect (another number), the verifier correct (0.91)",
        "r1: expected 1/2, found nothing: rules say incorrect, the verifier correct",
    ]


def test_imports_no_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys, whet.stages.verify; assert not {'torch', 'transformers', 'sympy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
