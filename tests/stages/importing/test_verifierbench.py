"""Rows in the form of VerifierBench, and labels as letters and words in other forms."""

import json

import pytest

from whet.artifacts import Failed
from whet.stages.importing.fields import verdict_of
from whet.stages.importing.presets import answer_type_of
from whet.stages.joins import belong


def row(question, gold, completion, judgment, answer_type="Numerical", source="arithmetic", domain="Math"):
    return {
        "question": question, "gold_answer": gold, "llm_response": completion, "gold_judgment": judgment,
        "data_source": source, "domain": domain, "answer_type": answer_type,
    }  # fmt: skip


ROWS = [
    row("What is 6 times 7?", "42", "6 * 7 = 42", "A"),
    row("What is 6 times 7?", "42", "It is 41.", "B"),
    row("Factor x^2 - 1.", "(x-1)(x+1)", "(x+1)(x+1)", "B", "Formula"),
    row("Name the first two primes.", "2, 3", "2, 3, 2, 3, 2, 3, 2, 3", "C", "Sequence", "lists", "General Reasoning"),
    row("Is water wet? A) yes B) no", "A", "A) yes", "A", "Multiple Choice", "everyday", "Knowledge"),
]


def test_one_file_gives_problems_rollouts_and_labels_that_belong_together(lines, load):
    path = lines("verifierbench.jsonl", *ROWS)
    problems, rollouts, labels = (load(path, kind, kind=kind) for kind in ("problems", "rollouts", "verdicts"))
    assert belong(labels, rollouts)
    asked = list(rollouts.problems().values())
    assert [problem["messages"][0]["content"] for problem in asked] == [ROWS[n]["question"] for n in (0, 2, 3, 4)]
    assert [problem["answer"] for problem in asked] == ["42", "(x-1)(x+1)", "2, 3", "A"]
    assert [problem["answer_type"] for problem in asked] == ["number", "math", "sequence", "choice"]
    assert [problem["source"] for problem in asked] == ["arithmetic", "arithmetic", "lists", "everyday"]
    assert {problem["split"] for problem in asked} == {"test"}
    assert [json.loads(problem["meta"] or "")["domain"] for problem in asked] == [
        ROWS[n]["domain"] for n in (0, 2, 3, 4)
    ]
    assert json.loads(asked[0]["meta"] or "") == {"domain": "Math", "answer_type": "Numerical"}
    drawn, labelled = list(rollouts.rows()), list(labels.rows())
    assert [each["text"] for each in drawn] == [each["llm_response"] for each in ROWS]
    assert [each["draw"] for each in drawn] == [0, 1, 0, 0, 0]
    assert [each["rollout_id"] for each in drawn] == [each["rollout_id"] for each in labelled]
    assert [each["verdict"] for each in labelled] == ["correct", "incorrect", "incorrect", "invalid", "correct"]
    assert [each["expected"] for each in labelled] == ["42", "42", "(x-1)(x+1)", "2, 3", "A"]
    assert len(problems) == 5  # one a record, as every import of problems; --dedupe drops repeats
    assert {each["problem_id"] for each in problems.rows()} == set(rollouts.problems())


def test_rows_can_be_grouped_by_domain_instead(lines, load):
    made = load(lines("a.jsonl", *ROWS), kind="problems", preset="verifierbench", map=["source=domain"])
    assert [each["source"] for each in made.rows()] == [each["domain"] for each in ROWS]
    assert json.loads(next(iter(made.rows()))["meta"])["data_source"] == "arithmetic"


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("Multiple Choice", "choice"), ("multiple_choice", "choice"), ("Sequence", "sequence"), ("Numerical", "number"),
        ("Short Text", "text"), ("Formula", "math"), ("Multi-subproblem", "multi"), ("Multi-part", "multi"),
        ("multi-subproblems", "multi"), ("Boolean", "boolean"), ("boolean", "boolean"), ("Interval", "math"),
        ("Proof", None), ("", None),
    ],
)  # fmt: skip
def test_their_names_of_answer_types_become_ours(name, ours):
    assert answer_type_of(name) == ours


def test_an_answer_type_without_a_name_of_ours_is_left_to_be_inferred(lines, load):
    (made,) = load(lines("a.jsonl", row("q", "1", "1", "A", "Vague")), kind="problems").rows()
    assert made["answer_type"] is None
    assert json.loads(made["meta"]) == {"domain": "Math", "answer_type": "Vague"}


@pytest.mark.parametrize(
    ("label", "verdict"),
    [
        ("A", "correct"), ("b", "incorrect"), ("(C)", "invalid"), ("CORRECT", "correct"), ("Incorrect", "incorrect"),
        ("not correct", "incorrect"), ("NOT_ATTEMPTED", "invalid"), ("right", "correct"), (1, "correct"),
        (0.0, "incorrect"),
        ("D", None), ("A or B", None), ("", None), (2, None), ("no answer", None),
    ],
)  # fmt: skip
def test_labels_are_letters_or_words(label, verdict):
    assert verdict_of(label) == verdict


def test_labels_of_letters_are_read_from_any_form(lines, load):
    records = [{"prompt": str(n), "answer": "1", "completion": "1", "label": label} for n, label in enumerate("ABC")]
    made = load(lines("a.jsonl", *records), kind="verdicts")
    assert [each["verdict"] for each in made.rows()] == ["correct", "incorrect", "invalid"]
    with pytest.raises(Failed, match="line 2 has label 'E', expected true, false, 1, 0, A, B, C, correct"):
        load(lines("b.jsonl", records[0], records[1] | {"label": "E"}), "b", kind="verdicts")


def test_a_column_of_letters_is_no_label_where_none_is_wanted(lines, load):
    """The `label` of a question with options may be the right option."""
    made = load(lines("a.jsonl", {"question": "Which?", "label": "A", "answer": "yes"}))
    assert json.loads(next(iter(made.rows()))["meta"]) == {"label": "A"}
