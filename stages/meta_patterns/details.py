"""Details that decide: the text beside a letter, open and closed ends, the last digit of a rounded number."""

from __future__ import annotations

import random

from .base_case import BaseCase, Pattern, Written, answered


def _option(case: BaseCase, letter: str) -> str:
    return case.parameters["options"][letter]


def right_letter_right_text(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng, f"{case.reference}) {_option(case, case.reference)}"))


def right_letter_wrong_text(case: BaseCase, rng: random.Random) -> Written:
    other = rng.choice([letter for letter in case.parameters["options"] if letter != case.reference])
    return Written(completion=answered(case, rng, f"{case.reference}) {_option(case, other)}"))


def text_without_letter(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng, _option(case, case.reference)))


def wrong_text_without_letter(case: BaseCase, rng: random.Random) -> Written:
    other = rng.choice([letter for letter in case.parameters["options"] if letter != case.reference])
    return Written(completion=answered(case, rng, _option(case, other)))


def right_endpoints(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng))


def wrong_endpoint(case: BaseCase, rng: random.Random) -> Written:
    """One end open instead of closed, or the other way round."""
    left, right = case.parameters["left"], case.parameters["right"]
    if rng.random() < 0.5:
        left = "[" if left == "(" else "("
    else:
        right = "]" if right == ")" else ")"
    answer = f"{left}{case.parameters['a']}, {case.parameters['b']}{right}"
    return Written(completion=answered(case, rng, answer))


def rounded_rightly(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng))


def wrong_rounding(case: BaseCase, rng: random.Random) -> Written:
    """Rounded to the other neighbour."""
    return Written(completion=answered(case, rng, case.parameters["other"]))


PATTERNS = (
    Pattern(
        name="right-letter-right-text", label="A", families=("choice",), write=right_letter_right_text,
        description="the right letter with its own text",
    ),
    Pattern(
        name="right-letter-wrong-text", label="B", families=("choice",), write=right_letter_wrong_text,
        description="the right letter with the text of another option",
    ),
    Pattern(
        name="text-without-letter", label="A", families=("choice",), write=text_without_letter,
        description="the text of the right option without its letter",
    ),
    Pattern(
        name="wrong-text-without-letter", label="B", families=("choice",), write=wrong_text_without_letter,
        description="the text of a wrong option without its letter",
    ),
    Pattern(
        name="right-endpoints", label="A", families=("interval",), write=right_endpoints,
        description="an interval with the right ends, open and closed as they should be",
    ),
    Pattern(
        name="wrong-endpoint", label="B", families=("interval",), write=wrong_endpoint,
        description="an interval with one end open instead of closed, or closed instead of open",
    ),
    Pattern(
        name="rounded-rightly", label="A", families=("rounding",), write=rounded_rightly,
        description="a decimal rounded as asked",
    ),
    Pattern(
        name="wrong-rounding", label="B", families=("rounding",), write=wrong_rounding,
        description="a decimal rounded to the wrong neighbour",
    ),
)  # fmt: skip
