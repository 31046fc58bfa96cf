"""What the main process reads itself takes no long time, whatever stands in it: no pattern is worse than linear."""

import random
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from whet.artifacts import make_problem
from whet.stages.answers.bounded import LONGEST_HERE, compare_here
from whet.stages.answers.question import Asked, read_question
from whet.stages.answers.task import Task
from whet.stages.answers.types import ANSWER_TYPES
from whet.stages.verifying import AnswerPool, Verifying

SECONDS = 0.5
"""CPU time for one text; a pattern of quadratic time takes minutes."""

FRAGMENTS = [
    "(", ")", "{", "}", "[", "]", "\\frac{", "\\boxed{", "\\boxed", "\\text{", " ", "\n", "1", "1,", "1, ",
    "1,000,", ",", "a", "a ", "A. ", "(A) ", "\nA. ", "-", "+", "$", "**", "*a", "_", "`", "\\", "\\\\", "\\ ", "^",
    "^{", "=", "x = ", "<", "<think>", "</think>", "<answer>", "the answer is ", "final answer", "####", "%", ".",
    "..", "1.", "\\left(", "&", "é", "答案是", "百分", "\u200f", "\x00", "'", '"', " and ", "or ", ";", ":",
    '{"a":', '["', "2024-01-", "1/2 ", "\\times10^", "true ", "option ", "|", "!", "\\sqrt{", "^\\circ", "\\cup",
    "\ud800", "is ", "because ", "(1) ", "\n1. ", "\n- ", "I cannot ", "percent ", "million ", "twenty-",
    "January ", "12:30 ", "p.m. ", "e\u0301", "\\pm ", "~", "?", "A: ", "```json\n", "\r\n", "—", "１", "not ",
    "so ", "= \\", "1 ", "ab ",
]  # fmt: skip
REFERENCES = {
    "text": "the cat sat", "number": "42", "math": "x+1", "choice": "B", "boolean": "true", "sequence": "1, 2, 3",
    "multi": "(1) 4 (2) 5", "json": '{"a": 1}',
}  # fmt: skip


def seconds_of(call: Callable[[], Any]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def texts(length: int, count: int) -> list[tuple[str, str]]:
    """Every fragment again and again; then pairs and triples in different arrangements, drawn at random."""
    rng = random.Random(0)

    def fill(unit: str, size: int) -> str:
        return (unit * (size // len(unit) + 1))[:size]

    found = [(repr(unit), fill(unit, length)) for unit in FRAGMENTS]
    for _ in range(count):
        a, b, c = (rng.choice(FRAGMENTS) for _ in range(3))
        found += [
            (f"{a!r} and {b!r} in turn", fill(a + b, length)),
            (f"{a!r}, then {b!r}", fill(a, length // 2) + fill(b, length // 2)),
            (f"{a!r}, many {b!r}, {c!r}", a + fill(b, length - 20) + c),
        ]
    return found


def slow_ones(calls: list[tuple[str, Callable[[], Any]]]) -> dict[str, float]:
    times = {label: seconds_of(call) for label, call in calls}
    return {label: seconds for label, seconds in times.items() if seconds > SECONDS}


@pytest.mark.slow
def test_answers_are_compared_here_in_no_time() -> None:
    assert set(REFERENCES) == set(ANSWER_TYPES)

    def call(answer_type: Any, expected: str, answer: str) -> Callable[[], Any]:
        return lambda: compare_here(Task(answer_type, expected, answer, Asked(), Fraction(1, 10_000)))

    calls = [
        (f"{answer_type}: {label} against {shown}", call(answer_type, expected, answer))
        for label, answer in texts(LONGEST_HERE - 100, 20)
        for answer_type, reference in REFERENCES.items()
        for shown, expected in ((reference, reference), ("itself", answer + " "))
    ]
    assert slow_ones(calls) == {}


@pytest.mark.slow
def test_rollouts_are_read_in_no_time() -> None:
    with AnswerPool(Verifying()) as pool:

        def call(answer_type: str, reference: str, text: str, finish_reason: str) -> Callable[[], Any]:
            problem = make_problem([{"role": "user", "content": "What is it?"}], reference, answer_type)
            return lambda: pool._read(text, finish_reason, problem)

        kinds = list(REFERENCES.items())
        calls = [
            (f"{kind}: {label}", call(kind, reference, text, finish_reason))
            for number, (label, text) in enumerate(texts(100_000, 30))
            for kind, reference in (kinds[number % len(kinds)], ("math", "4"))
            for finish_reason in ("stop", "length")
        ]
        assert slow_ones(calls) == {}


@pytest.mark.slow
def test_questions_and_references_are_read_in_no_time() -> None:
    with AnswerPool(Verifying()) as pool:

        def call(text: str) -> Callable[[], Any]:
            problem = make_problem([{"role": "user", "content": text}], text, None)
            return lambda: pool._read(r"\boxed{4}", "stop", problem)

        calls = [(f"reference {label}", call(text)) for label, text in texts(50_000, 20)]
        calls += [(f"question {label}", lambda text=text: read_question(text)) for label, text in texts(50_000, 20)]
        assert slow_ones(calls) == {}


def test_single_signs_are_read_and_compared_in_no_time() -> None:
    with AnswerPool(Verifying()) as pool:
        problem = make_problem([{"role": "user", "content": "What is it?"}], "4", "math")
        task = Task("math", "4", "", Asked(), Fraction(1, 10_000))
        calls: list[tuple[str, Callable[[], Any]]] = []
        for label, text in texts(9_000, 0):
            calls.append((f"reading {label}", lambda text=text: pool._read(text, "stop", problem)))
            calls.append((f"comparing {label}", lambda text=text: compare_here(task._replace(answer=text))))
        assert slow_ones(calls) == {}
