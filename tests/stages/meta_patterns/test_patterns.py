"""Every pattern, on a fixed draw that was checked by hand; every family of questions, worked out again."""

import random
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import problem_id
from whet.stages.meta_patterns import FAMILIES, PATTERNS, TASK, generate, known, problem_of

BY_HAND = (Path(__file__).parent / "by_hand.txt").read_text().strip().split("\n\n")
"""A case a pattern, each read by a person: name and label, question (?), reference (=), completion (>)."""


def shown(instance):
    """A case in the form of by_hand.txt."""
    payload = instance.payload
    marked = [("?", payload["question"]), ("=", instance.answer), (">", payload["completion"])]
    lines = [f"{mark} {line}" for mark, text in marked for line in text.split("\n")]
    return "\n".join([f"{payload['pattern']} {payload['label']}", *lines])


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: case.split()[0])
def test_a_pattern_writes_what_its_label_says(case):
    pattern = case.split()[0]
    assert shown(generate(random.Random(pattern), 1, 1, patterns=(pattern,), wordings=1)) == case


def test_no_pattern_is_forgotten_and_all_three_labels_have_several():
    assert [case.split()[0] for case in BY_HAND] == list(PATTERNS)
    labels = [pattern.label for pattern in PATTERNS.values()]
    assert all(labels.count(label) >= 6 for label in "ABC")
    assert all(pattern.description and set(pattern.families) <= set(FAMILIES) for pattern in PATTERNS.values())


def numbers(text):
    return [int(found) for found in re.findall(r"\d+", text)]


def worked_out(family, question):
    """The reference of a question in its shortest wording, from the question alone."""
    values = numbers(question)
    match family:
        case "quantity":
            return f"{values[0] + values[1]} {question.split()[1]}"
        case "price":
            return f"${values[0] + values[1]}"
        case "change":
            return f"-{Fraction(values[0] - values[1], values[0]) * 100}%"
        case "fraction":
            return str(Fraction(values[0], values[1]) + Fraction(values[2], values[3]))
        case "rounding":
            shown, places = re.findall(r"[\d.]+", question)[:2]
            return f"{round(float(shown), int(places)):.{places}f}"
        case "choice":
            return re.findall(rf"([A-D])\) {values[0] + values[1]}\b", question)[0]
        case "interval":
            left, right = re.findall("<=?", question)
            return f"{'(' if left == '<' else '['}{values[0]}, {values[1]}{')' if right == '<' else ']'}"
        case "solutions":
            return f"{values[0]}, {values[1]}"
        case "sequence":
            return ", ".join(str(values[1] + values[2] * index) for index in range(values[0]))
        case "formula":
            return f"x^2+{values[0] + values[1]}x+{values[0] * values[1]}"
        case "boolean":
            return "Yes" if values[0] > values[1] else "No"
        case "parts":
            return f"(a) {values[0] + values[1]} (b) {values[2] + values[3]}"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_reference_of_a_family_is_the_answer_of_its_question_and_the_wrong_answers_are_not(family):
    rng = random.Random(5)
    for _ in range(300):
        case = FAMILIES[family](rng, 1, 3, 1)
        whole = case.reference if family != "fraction" else str(Fraction(case.reference))
        assert whole == worked_out(family, case.question), case.question
        assert case.near
        assert case.far
        values = {numbers(answer)[0] if family in ("quantity", "price", "change") else answer for answer in case.near}
        assert len(values) == len(case.near)
        for answer in (*case.near, *case.far):
            assert answer != case.reference
            if family == "fraction":
                assert Fraction(answer) != Fraction(case.reference)
            if family == "solutions":
                assert sorted(numbers(answer)) != numbers(case.reference)
            if family == "formula":
                assert [evaluated(answer, x) for x in (2, 3)] != [evaluated(case.reference, x) for x in (2, 3)]


def evaluated(formula, x):
    """A formula in x at a number."""
    text = re.sub(r"(\d|\))(?=[x(])|(x)(?=[x(])", lambda found: found[0] + "*", formula).replace("^", "**")
    return eval(text, {"__builtins__": {}}, {"x": x})


def answer_in(completion):
    return re.findall(r"\\boxed\{(.*)\}", completion)[-1]


def draws(pattern, count=200, low=1, high=3, wordings=1):
    return [generate(random.Random(seed), low, high, patterns=(pattern,), wordings=wordings) for seed in range(count)]


def test_rearranged_formulas_are_equal_and_their_twins_are_not():
    for pattern, equal in (("formula-rearranged", True), ("formula-rearranged-unequal", False)):
        for instance in draws(pattern):
            given = answer_in(instance.payload["completion"])
            # Two polynomials of degree 2 that agree in three places are the same.
            same = all(evaluated(given, x) == evaluated(instance.answer, x) for x in (1, 2, 3))
            assert same == equal, (given, instance.answer)


FACTORS = {
    "m": 1,
    "cm": Fraction(1, 100),
    "km": 1000,
    "kg": 1000,
    "g": 1,
    "h": 3600,
    "min": 60,
    "s": 1,
    "L": 1000,
    "mL": 1,
}


def in_small_units(quantity):
    value, unit = quantity.split()
    return int(value) * FACTORS[unit]


def test_converted_quantities_are_equal_and_their_twins_are_not():
    for pattern, equal in (("unit-conversion-equal", True), ("unit-conversion-unequal", False)):
        for instance in draws(pattern):
            given = answer_in(instance.payload["completion"])
            assert given.split()[1] != instance.answer.split()[1]
            assert (in_small_units(given) == in_small_units(instance.answer)) == equal


def test_unsimplified_fractions_have_the_value_and_only_the_question_tells_the_twins_apart():
    for pattern, asked in (("not-simplified", True), ("unsimplified-unasked", False)):
        for instance in draws(pattern):
            given = answer_in(instance.payload["completion"])
            assert given != instance.answer
            assert Fraction(given) == Fraction(instance.answer)
            assert ("lowest terms" in instance.payload["question"]) == asked


def test_a_wrong_rounding_is_the_other_neighbour():
    for instance in draws("wrong-rounding"):
        exact = Fraction(re.findall(r"[\d.]+", instance.payload["question"])[0])
        given, right = Fraction(answer_in(instance.payload["completion"])), Fraction(instance.answer)
        unit = Fraction(1, 10 ** len(instance.answer.split(".")[1]))
        assert abs(given - right) == unit
        assert abs(right - exact) < unit / 2 < abs(given - exact) < unit


@pytest.mark.parametrize("pattern", ["alternative-missed", "one-candidate", "parts-one-wrong", "parts-one-missing"])
def test_incomplete_or_wrong_parts_do_not_make_the_reference(pattern):
    for instance in draws(pattern):
        completion = instance.payload["completion"]
        if pattern.startswith("parts"):
            given = dict(re.findall(r"\(([ab])\) (\d+)", completion))
            assert given != dict(re.findall(r"\(([ab])\) (\d+)", instance.answer))
            assert set(given.items()) & set(re.findall(r"\(([ab])\) (\d+)", instance.answer))
        else:
            wanted = set(numbers(instance.answer))
            assert (set(numbers(answer_in(completion))) < wanted) == (pattern == "one-candidate")


def test_completions_that_break_off_state_no_answer_and_say_that_they_were_cut():
    for pattern in ("truncated", "looping", "garbled", "asks-for-internet", "ends-unanswerable", "code-only"):
        for instance in draws(pattern):
            assert "boxed" not in instance.payload["completion"]
            assert (instance.payload["finish_reason"] == "length") == (pattern in ("truncated", "looping"))


def test_the_same_seed_gives_the_same_case_and_more_wordings_give_more_texts():
    for pattern in PATTERNS:
        assert draws(pattern, 3) == draws(pattern, 3)
    plain = draws("plain-correct", 200, wordings=20)
    shapes = {re.sub(r"boxed\{.*\}|\d+", "N", instance.payload["completion"]) for instance in plain}
    assert len(shapes) > 60
    assert {instance.payload["answer_type"] for instance in plain} == {
        "number", "math", "choice", "sequence", "boolean", "multi",
    }  # fmt: skip


def test_short_wordings_are_printable_ascii():
    for pattern in PATTERNS:
        for instance in draws(pattern, 20):
            text = instance.payload["question"] + instance.answer + instance.payload["completion"]
            assert re.fullmatch(r"[\n -~]+", text)


def test_labels_come_equally_often():
    counts = dict.fromkeys("ABC", 0)
    rng = random.Random(0)
    for _ in range(900):
        counts[generate(rng, 1, 2).payload["label"]] += 1
    # 300 each with a standard deviation of 14
    assert all(250 < count < 350 for count in counts.values())


def test_a_problem_keeps_what_the_program_writes_and_knows():
    instance = generate(random.Random(1), 1, 2, patterns=("truncated",))
    problem: Any = problem_of(instance, "train")
    assert problem["source"] == f"{TASK}/truncated"
    assert problem["problem_id"] == problem_id(problem["messages"], problem["answer"], problem["answer_type"])
    found = known(problem)
    assert found == {
        "task": TASK, "pattern": "truncated", "label": "C", "family": instance.payload["family"],
        "completion": instance.payload["completion"], "finish_reason": "length",
    }  # fmt: skip
    for meta in ('{"task": "addition"}', "no JSON", None):
        problem["meta"] = meta
        assert known(problem) is None
