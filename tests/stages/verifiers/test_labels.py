"""What the strict parser reads where published parsers misread, row by row of CompassVerifier's pitfalls."""

import pytest

from whet.stages.verifiers.labels import read_label

CORRECT = [
    "A", " A", "A\n", "(A)", "**A**", "A.", "[A]", "`A`", "\\boxed{A}", "$\\boxed{A}$", "\\boxed{\\text{A}}",
    "\\fbox{A}",
    "CORRECT", "correct", "Correct.", "A: CORRECT", "A - CORRECT", "(A) Correct", "A, correct", "Answer: A",
    "The answer is correct.", "Verdict: A", "Label: A", "The verdict is **A**.", "So the final verdict is A",
    "答案:A", "A:CORRECT",
    "\\boxed{CORRECT}", "\\boxed{A} CORRECT", "A. The final answers are the same.", "A because both are 4",
    "Final Judgment: \\boxed{A} - CORRECT", "**Final Judgment:** \\boxed{A} - CORRECT", "Final Judgement: A",
    "Final verdict: \\boxed{A} - CORRECT", "final verdict:\n\\boxed{A}", "**Final Verdict**: A", "最终判断:A",
    "The candidate chose \\boxed{B}, as the reference does.\nFinal verdict: \\boxed{A} - CORRECT",
    "Not C: it does end. Its answer is B.\nFinal Judgment: \\boxed{A} - CORRECT\n\nBoth give option B.",
    "<think>maybe B: INCORRECT</think>A", "We compare.\nBoth are 4.\n\\boxed{A}", "We compare.\nA",
    "We compare.\nThe verdict is A.", "Both say 4, so this is CORRECT.",
]  # fmt: skip
INCORRECT = [
    "B", " B", "INCORRECT", "Incorrect", "B: INCORRECT", "Answer: B", "not correct", "The answer is not correct.",
    "\\boxed{B}", "Final Judgment: \\boxed{B} - INCORRECT", "Final verdict: B", "The completion is INCORRECT",
    "NOT CORRECT",
    "B. INCORRECT: 5 is not 4", "Label:B", "Verdict: incorrect",
]  # fmt: skip
INVALID = [
    "C", "INVALID", "invalid", "C: INVALID", "\\boxed{C}", "Final Judgment: \\boxed{C} - INVALID", "Answer: C",
    "Final verdict: C",
]  # fmt: skip
UNKNOWN = [
    "", "  \n", "A or B", "A/B", "A, B", "A and C", "A: INCORRECT", "B: CORRECT", "C: CORRECT", "CORRECT or INCORRECT",
    "Correct and incorrect parts", "D", "a", "b", "AB", "A1", "BCD", "Yes", "42", "A wrong answer", "A correct answer",
    "An answer", "Better", "Could be", "The correct answer is A", "not A", "Either A or B", "I cannot tell.",
    "not incorrect", "NOT INVALID", "A-level questions", "A's are 4", "A(n) answer", "A.5",
    "\\boxed{42}", "\\boxed{A} \\boxed{B}", "\\boxed{A or B}",
    "Final verdict: \\boxed{A} - INCORRECT", "Final verdict: A\nFinal verdict: B",
    "Final verdict: \\boxed{A} - CORRECT\nFinal verdict: \\boxed{B} - INCORRECT\nFinal verdict: \\boxed{C} - INVALID",
    "Final verdict: A\nNo, wait: \\boxed{B}", "Final verdict:", "Final Judgment: the same",
    "A\nNo, it is not.", "The candidate's \\boxed{B} is right.\nThey agree.",
    "The question has four options.\nThe answer is B.", "<think>it is B", "<think>it is B</think>",
    "They agree, as A is the first letter.",
]  # fmt: skip


@pytest.mark.parametrize("text", CORRECT)
def test_a_plain_label_of_correct_is_read(text: str) -> None:
    assert read_label(text).verdict == "correct"


@pytest.mark.parametrize("text", INCORRECT)
def test_a_plain_label_of_incorrect_is_read(text: str) -> None:
    assert read_label(text).verdict == "incorrect"


@pytest.mark.parametrize("text", INVALID)
def test_a_plain_label_of_invalid_is_read(text: str) -> None:
    assert read_label(text).verdict == "invalid"


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_not_plainly_one_label_is_unknown(text: str) -> None:
    verdict, reason = read_label(text)
    assert verdict == "unknown"
    assert str(reason).startswith("label: ")


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("It is INCOMPLETE.\nFinal verdict: \\boxed{C} - INVALID", "truncated"),
        ("It is REPETITIVE.\nFinal verdict: \\boxed{C} - INVALID", "looping"),
        ("It is a REFUSAL.\nFinal verdict: \\boxed{C} - INVALID", "refusal"),
        ("Neither INCOMPLETE nor REPETITIVE, but:\nFinal verdict: \\boxed{C} - INVALID", "no answer"),
        ("C", "no answer"),
    ],
)
def test_the_kind_of_an_invalid_completion_is_its_reason(written: str, kind: str) -> None:
    verdict, reason = read_label(written)
    assert verdict == "invalid"
    assert str(reason).partition(":")[0] == kind


def test_the_reason_shows_the_end_of_what_was_written() -> None:
    assert read_label("A or B").reason == "label: labels that do not agree (correct, incorrect) in 'A or B'"
    assert read_label("x" * 90 + " the end").reason == f"label: no label in '...{'x' * 69} the end'"


def test_other_labels_are_read_as_they_are_given() -> None:
    labels = {"Yes": "correct", "No": "incorrect"}
    assert read_label("Yes", labels).verdict == "correct"
    assert read_label("No.", labels).verdict == "incorrect"
    assert read_label("Nobody", labels).verdict == "unknown"
    assert read_label("A", labels).verdict == "unknown"
