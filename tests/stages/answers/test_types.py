import json
import os
import random
from fractions import Fraction
from pathlib import Path

import pytest

from whet.stages.answers.comparison import Comparison
from whet.stages.answers.question import Asked, read_question
from whet.stages.answers.types import (
    ANSWER_TYPES,
    LONGEST_ANSWER,
    AnswerType,
    compare_cheaply,
    compare_fully,
    infer_type,
    reference_of,
    understood,
)

TOLERANCE = Fraction(1, 10_000)
ANIMALS = read_question("Which animal barks?\nA. a cat\nB. a dog\nC. an eel")


def fully(answer_type, expected, answer, strict=False):
    return compare_fully(answer_type, expected, answer, Asked(), TOLERANCE, strict)


def test_the_reference_stands_behind_its_mark():
    assert reference_of("5 - 2 = <<5-2=3>>3\n#### 1,234") == "1,234"
    assert reference_of(r"We get \boxed{\frac{1}{2}}.") == r"\frac{1}{2}"
    assert reference_of(" 42 ") == "42"
    assert reference_of(None) == ""


def test_what_math_data_calls_math_is_compared_as_what_it_shows():
    assert compare_cheaply("math", "Tuesday", r"\text{tuesday}", Asked(), TOLERANCE).equal is True  # type: ignore[union-attr]
    assert compare_cheaply("math", "Tuesday", "Monday", Asked(), TOLERANCE).equal is False  # type: ignore[union-attr]
    assert compare_cheaply("math", "A", r"\textbf{(A) } 12", Asked(), TOLERANCE).equal is True  # type: ignore[union-attr]
    assert compare_cheaply("math", "4:30 p.m.", "4:30 a.m.", Asked(), TOLERANCE).equal is False  # type: ignore[union-attr]


def test_only_expressions_are_left_for_a_worker():
    assert compare_cheaply("math", "420", "421", Asked(), TOLERANCE) is not None
    assert compare_cheaply("number", "4", "2+2", Asked(), TOLERANCE) is None
    assert compare_fully("number", "4", "2+2", Asked(), TOLERANCE).equal is True


def test_beyond_all_length_only_the_same_text_is_equal():
    long = "1" * (LONGEST_ANSWER + 1)
    outcome = compare_cheaply("math", "1", long, Asked(), TOLERANCE)
    assert outcome == Comparison(False, "length", f"{len(long)} characters long")
    assert compare_cheaply("number", long, f" {long}", Asked(), TOLERANCE) == Comparison(True, "same text")


def test_words_may_be_of_any_length():
    long = "word " * LONGEST_ANSWER
    assert compare_cheaply("text", long, long.upper(), Asked(), TOLERANCE).equal is True  # type: ignore[union-attr]
    # n - 1 shared tokens of n and n: the overlap is (n - 1) / n
    other = compare_cheaply("text", long, "lord " + "word " * (LONGEST_ANSWER - 1), Asked(), TOLERANCE)
    assert other is not None
    assert (other.equal, other.token_f1) == (False, pytest.approx(1 - 1 / LONGEST_ANSWER))


CASES: list[tuple[AnswerType, str, str, bool]] = [
    # type, expected, answer, equal
    ("number", "42", "42 apples", True),
    ("number", "42", "the total is 42 apples for Tom", True),
    ("number", "May 1, 2024", "2024-05-01", True),
    ("number", "May 1, 2024", "2024-05-02", False),
    ("number", "May 1, 2024", "42", False),
    ("number", "5 or 6 accepted", "6", True),
    ("number", "5 or 6 accepted", "7", False),
    ("number", "12,34,567", "1234567", True),
    ("number", "2+2", "4", True),
    ("math", "12,34,567", "567, 34, 12", True),
    ("math", "3 or 5", "5, 3", True),
    ("math", "3 or 5", "3", False),
    ("math", "1/2 (or 0.5)", "0.5", True),
    ("math", r"\sqrt{8} (or 3)", r"2\sqrt{2}", True),
    ("math", "yes", "True", True),
    ("math", "A -> B -> C", "A, B, C", True),
    ("math", "3 1 2", "3, 1, 2", True),
    ("math", "3 1 2", "1, 2, 3", False),
    ("math", "(a) 3; (b) 4", "(b) 4; (a) 3", True),
    ("text", "autumn or fall", "Fall", True),
    ("text", "autumn or fall", "winter", False),
    ("text", "autumn or fall", "fall or autumn", False),
    ("text", "4:30 p.m.", "16:30", True),
    ("text", "May 1, 2024", "the first of May", False),
    ("text", "12", "12.0", False),
    ("choice", "A or B accepted", "(b)", True),
    ("boolean", "yes", "correct", True),
    ("boolean", "yes", "42", False),
    ("sequence", r"\sqrt{8}, 1/2, red", r"2\sqrt{2}, 0.5, Red", True),
    ("sequence", r"\sqrt{8}, 1/2, red", r"2\sqrt{2}, 0.6, Red", False),
    ("sequence", "C, B, A", "c, b, a", True),
    ("sequence", "1, 2, 3", "3, 2, 1", False),
    ("multi", r"(a) yes; (b) 1.5 m; (c) \sqrt{8}", r"(a) true; (b) 150 cm; (c) 2\sqrt{2}", True),
    ("multi", r"(a) yes; (b) 1.5 m; (c) \sqrt{8}", r"(a) true; (b) 15 cm; (c) 2\sqrt{2}", False),
    ("multi", "[1, 2); {3, 4}", "[1, 2); {4, 3}", True),
    ("multi", "(a) 1, 2; (b) 3", "(a) 2, 1; (b) 3", True),
    ("json", '{"a": [1, 2]}', '{"a": [1.0, 2]}', True),
    ("json", '["a or b"]', '["a"]', False),
]


@pytest.mark.parametrize(("answer_type", "expected", "answer", "equal"), CASES)
def test_every_type_is_compared_in_its_way(answer_type, expected, answer, equal):
    assert fully(answer_type, expected, answer).equal is equal


# Alternatives, words around a number and the type that a reference shows belong to the reference alone.
ONE_WAY = {
    *(case for case in CASES if " accepted" in case[1] or "(or" in case[1] or "autumn" in case[1]),
    *(case for case in CASES if "total" in case[2] or case[2] in ("42", "the first of May")),
    *(case for case in CASES if case[0] == "math" and infer_type(case[1]) != infer_type(case[2])),
}
BOTH_WAYS = [case for case in CASES if case not in ONE_WAY]


@pytest.mark.parametrize(("answer_type", "expected", "answer", "equal"), BOTH_WAYS)
def test_swapped_the_verdict_is_the_same(answer_type, expected, answer, equal):
    assert fully(answer_type, answer, expected).equal is equal


@pytest.mark.parametrize(("answer_type", "expected", "answer", "equal"), CASES)
def test_every_reference_equals_itself_and_is_understood(answer_type, expected, answer, equal):
    for text in (expected, answer):
        if understood(answer_type, text, Asked()) is None:
            assert fully(answer_type, text, text).equal is True
    assert understood(answer_type, expected, Asked()) is None


def test_what_was_compared_cheaply_is_compared_fully_to_the_same():
    for answer_type, expected, answer, _ in CASES:
        cheap = compare_cheaply(answer_type, expected, answer, Asked(), TOLERANCE)
        assert cheap is None or cheap == fully(answer_type, expected, answer)


def test_the_text_of_an_option_is_met_by_its_letter():
    dogs: list[tuple[AnswerType, str]] = [("text", "a dog"), ("math", "a dog"), ("choice", "a dog"), ("choice", "B")]
    for answer_type, expected in dogs:
        for answer, equal in [("B", True), ("(b)", True), ("a dog", True), ("A", False), ("a cat", False)]:
            assert compare_fully(answer_type, expected, answer, ANIMALS, TOLERANCE).equal is equal
    legs = read_question("How many legs?\nA. 2\nB. 4\nC. 6")
    assert compare_fully("number", "4", "B", legs, TOLERANCE).equal is True
    assert compare_fully("number", "4", "C", legs, TOLERANCE).equal is False
    assert compare_fully("number", "4", "4 legs", legs, TOLERANCE).equal is True
    assert compare_fully("text", "a dog", "a dog, I think", ANIMALS, TOLERANCE).token_f1 == pytest.approx(2 / 4)


def test_a_reference_with_alternatives_marks_the_one_that_was_given():
    outcome = fully("text", "NYC (or New York)", "new york")
    assert (outcome.equal, outcome.marks, outcome.token_f1) == (True, ("one of the alternatives",), 1.0)
    # 1 shared token of 1 and 2 with NYC, 1 of 2 and 2 with New York: the better one counts, 2 / 4
    wrong = fully("text", "NYC (or New York)", "New Jersey")
    assert (wrong.equal, wrong.reason, wrong.token_f1) == (False, "none of the alternatives", 0.5)


def test_strict_refuses_what_is_given_the_benefit_of_the_doubt():
    for expected, answer in [("42", "the total is 42 apples for Tom"), ("3.14", "3.14159"), ("3.14", r"\pi")]:
        assert fully("number", expected, answer).equal is True
        assert fully("number", expected, answer, strict=True).equal is False
        assert fully("math", expected, answer, strict=True).equal is False


@pytest.mark.parametrize(
    ("answer_type", "reference", "why"),
    [
        ("number", "banana", "the word 'banana'"),
        ("math", "x^{2", "x^{2"),
        ("math", "3 + banana", "the word 'banana'"),
        ("math", "5 or x^{2 accepted", "x^{2"),
        ("choice", "E", "no option E in the question"),
        ("boolean", "maybe", "neither true nor false"),
        ("json", "{", "Expecting property name"),
        ("sequence", "7", "it has fewer than two parts"),
        ("sequence", "7, x^{2, 5", "x^{2"),
        ("multi", "7", "it has fewer than two parts"),
        ("multi", "(a) 7; (b) x^{2", "x^{2"),
        ("text", ".", "it has no words"),
    ],
)
def test_a_reference_that_cannot_be_verified_against_says_why(answer_type, reference, why):
    reason = understood(answer_type, reference, ANIMALS)
    assert reason is not None
    assert reason.startswith(why)


PIECES = r"1 2 0 12 5 . , - + / ( ) [ ] { } x y = < % ^ ; : yes A B cm million $ 的 年 \\ \frac \sqrt \text{ \cup \pi"
ALPHABET = [*PIECES.split(), " ", ", ", " or ", " and ", "not ", "the ", '"', "\n"]


def test_comparing_anything_with_anything_is_symmetric_and_never_fails():
    chance = random.Random(7)
    texts = ["".join(chance.choices(ALPHABET, k=chance.randint(1, 6))) for _ in range(1500)]
    for one in texts:
        other = chance.choice([one, one.replace("1", "2"), chance.choice(texts)])
        for answer_type in ANSWER_TYPES:
            there = compare_cheaply(answer_type, one, other, Asked(), Fraction(0))
            back = compare_cheaply(answer_type, other, one, Asked(), Fraction(0))
            if answer_type == "math" and infer_type(one) != infer_type(other):
                continue
            if there is None or back is None or None in (there.equal, back.equal) or there.marks or back.marks:
                continue
            assert there.equal == back.equal, (answer_type, one, other)


@pytest.mark.skipif("WHET_DATA" not in os.environ, reason="WHET_DATA names the folder of the data")
def test_all_references_of_the_data_are_understood_and_equal_themselves():
    folder = Path(os.environ["WHET_DATA"])
    references = []
    for name in ("gsm8k_train_2000.jsonl", "gsm8k_test.jsonl"):
        rows = (folder / name).read_text().splitlines()
        references += [("number", reference_of(json.loads(row)["answer"])) for row in rows]
    rows = (folder / "math_rollouts_100x8.jsonl").read_text().splitlines()
    references += [("math", reference_of(json.loads(row)["gt"])) for row in rows]
    assert len(references) == 2000 + 1319 + 100
    for answer_type, reference in references:
        assert understood(answer_type, reference, Asked()) is None
        assert fully(answer_type, reference, reference).equal is True
