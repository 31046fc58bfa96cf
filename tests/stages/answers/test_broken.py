from typing import Any

import pytest

from whet.artifacts import make_problem
from whet.stages.answers.broken import broken


def reason(question, reference, answer_type="math"):
    return broken(make_problem([{"role": "user", "content": question}], reference), reference, answer_type)


@pytest.mark.parametrize("reference", ["", "  ", "\n"])
def test_a_problem_without_a_reference_is_broken(reference):
    assert reason("How many?", reference) == "it has no reference answer"


@pytest.mark.parametrize(
    "reference", ["?", "???", "nan", "N/A", "null", "[deleted]", "[removed]", "see the figure", "See solution.", "略"]
)
def test_a_reference_that_was_lost_is_broken(reference):
    assert reason("How many?", reference) == f"its reference answer is {reference!r}"


@pytest.mark.parametrize("reference", ["0", "no", "None", "none of them", "x", ">", "seen", r"\emptyset"])
def test_short_references_are_whole(reference):
    assert reason("How many?", reference) is None


def test_null_is_json():
    assert reason("Which value has the key?", "null", "json") is None


def test_a_question_that_is_missing_or_garbled_is_broken():
    assert reason("", "7") == "it has no question"
    assert reason(" \n", "7") == "it has no question"
    assert reason("�� ��� �� ���� ��", "7") == "its question is garbled"
    assert reason("1+1=?", "2") is None


def test_a_question_that_is_an_image_is_one():
    messages: Any = [{"role": "user", "content": [{"type": "image"}]}]
    assert broken(make_problem(messages, "7"), "7", "number") is None
    empty: Any = [{"role": "user", "content": [{"type": "text", "text": " "}]}]
    assert broken(make_problem(empty, "7"), "7", "number") == "it has no question"
