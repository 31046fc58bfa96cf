"""Every scan is one pass: twice the text costs about twice the time, whatever it is made of."""

import time

import pytest

from whet.stages.answers.extraction import LONGEST_ENDING, extract
from whet.stages.answers.types import ANSWER_TYPES
from whet.stages.answers.validity import validity

PIECES = [
    r"\boxed{",
    r"\boxed{1} ",
    r"\boxed{1}, ",
    "{",
    "}",
    "{}",
    "\\",
    '\\"',
    '["',
    "[",
    "[1",
    '{"a": 1} ',
    '{"a',
    "<think>",
    "</think>",
    "<answer>",
    "<answer>1</answer>",
    "the answer is ",
    "answer to ",
    "answer *_*_*_*_ ",
    "answers\n",
    "the answer is because",
    "#### ",
    "答案是",
    "**Final Answer**\n",
    "## ",
    "\n- a",
    "answer:\n1. a\n",
    "**a** ",
    "**",
    "__",
    "```\n",
    "(a) ",
    "(a) 1 ",
    "\n1. ",
    "①",
    "A, ",
    "A and ",
    "option is A",
    "B is right ",
    "选B",
    "the statement is true ",
    "so yes ",
    "Yes, ",
    "1, ",
    "-> ",
    " ",
    "\n",
    "a",
    ".",
    ". ",
    "\x00\ud800",
    "cannot be determined ",
    "Step 12. ",
    "I cannot ",
]


def cpu_seconds(text: str, answer_type: str) -> float:
    """The least of two measurements."""
    times = []
    for _ in range(2):
        started = time.process_time()
        found = extract(text, answer_type)
        validity(text, "stop", found)
        validity(text, "stop", None)
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.parametrize("answer_type", ["math", "choice", "boolean", "sequence", "multi", "json"])
def test_twice_the_text_costs_about_twice_the_time(answer_type):
    assert answer_type in ANSWER_TYPES
    size = 8_000
    slow = {}
    for piece in PIECES:
        half, whole = (cpu_seconds(piece * (length // len(piece)), answer_type) for length in (size, 2 * size))
        # Quadratic costs would be four times as much, and seconds; below 50 ms the clock is too coarse to tell.
        if whole > 0.05 and whole > 3 * half:
            slow[piece] = (half, whole)
    assert slow == {}


@pytest.mark.parametrize("piece", ["a", " ", "<think>", "</think>", "{", "the answer is ", "Let me see. ", "\x00"])
def test_ten_megabytes_cost_what_their_ending_costs(piece):
    # Only tags of reasoning are looked for in all of the text, the answer in its ending.
    text = piece * (10_000_000 // len(piece))
    ending = text[-LONGEST_ENDING:]
    assert cpu_seconds(text, "math") < 1 + 3 * cpu_seconds(ending, "math")
