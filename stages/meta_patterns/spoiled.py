"""Completions that are no answer: cut off, looping, garbled, refused; questions and references that are broken."""

from __future__ import annotations

import random

from .base_case import BaseCase, Pattern, Written, answered, stated, wrong
from .plain import EVERY_FAMILY
from .transforms import first_part, no_internet, noise, repeated

BROKEN_REFERENCES = ("?", "???", "N/A", "null", "[deleted]", "see the figure")


def truncated(case: BaseCase, rng: random.Random) -> Written:
    """Cut through the working, by the limit of tokens."""
    text = repeated(case.working, rng.randint(1, 2))
    return Written(completion=first_part(text, rng.uniform(0.4, 0.9)), finish_reason="length")


def truncated_after_answer(case: BaseCase, rng: random.Random) -> Written:
    return _cut_after(case, answered(case, rng), rng)


def truncated_after_wrong_answer(case: BaseCase, rng: random.Random) -> Written:
    return _cut_after(case, answered(case, rng, wrong(case, rng)), rng)


def _cut_after(case: BaseCase, text: str, rng: random.Random) -> Written:
    rest = first_part(case.working, rng.uniform(0.2, 0.9))
    return Written(completion=f"{text}\n{rest}", finish_reason="length")


def looping(case: BaseCase, rng: random.Random) -> Written:
    """The working again and again, without an answer, until the limit of tokens."""
    times = rng.randint(3, 4) if case.wordings == 1 else rng.randint(12, 40)
    return Written(completion=repeated(case.working, times), finish_reason="length")


def repetitive_but_answered(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=f"{case.working} {answered(case, rng)}")


def repetitive_and_wrong(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=f"{case.working} {answered(case, rng, wrong(case, rng))}")


def garbled(case: BaseCase, rng: random.Random) -> Written:
    length = rng.randint(12, 30) if case.wordings == 1 else rng.randint(60, 300)
    return Written(completion=noise(length, rng, case.wordings))


def asks_for_internet(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=no_internet(rng, case.wordings))


def internet_but_answered(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=f"{no_internet(rng, case.wordings)}\n{answered(case, rng)}")


def internet_and_wrong(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=f"{no_internet(rng, case.wordings)}\n{answered(case, rng, wrong(case, rng))}")


def broken_question(case: BaseCase, rng: random.Random) -> Written:
    """The question is garbled; whatever was answered, it cannot be judged."""
    question = noise(rng.randint(8, 16), rng, 1)
    return Written(completion=stated(case, rng, rng.choice(case.far)), question=question)


def broken_reference(case: BaseCase, rng: random.Random) -> Written:
    """The reference is no answer."""
    return Written(completion=answered(case, rng), reference=rng.choice(BROKEN_REFERENCES[: case.wordings + 1]))


REASONS = {
    "truncated": "truncated", "looping": "looping", "garbled": "garbled", "asks-for-internet": "refusal",
    "broken-question": "problem", "broken-reference": "problem",
}  # fmt: skip
"""The kind of reason of an invalid verdict, by pattern."""

PATTERNS = (
    Pattern(
        name="truncated", label="C", families=EVERY_FAMILY, write=truncated,
        description="cut off before an answer",
    ),
    Pattern(
        name="truncated-after-answer", label="A", families=EVERY_FAMILY, write=truncated_after_answer,
        description="cut off after the right answer was stated",
    ),
    Pattern(
        name="truncated-after-wrong-answer", label="B", families=EVERY_FAMILY, write=truncated_after_wrong_answer,
        description="cut off after a wrong answer was stated",
    ),
    Pattern(
        name="looping", label="C", families=EVERY_FAMILY, write=looping,
        description="the same sentence again and again, no answer",
    ),
    Pattern(
        name="repetitive-but-answered", label="A", families=EVERY_FAMILY, write=repetitive_but_answered,
        description="a sentence said twice, then the right answer",
    ),
    Pattern(
        name="repetitive-and-wrong", label="B", families=EVERY_FAMILY, write=repetitive_and_wrong,
        description="a sentence said twice, then a wrong answer",
    ),
    Pattern(
        name="garbled", label="C", families=EVERY_FAMILY, write=garbled,
        description="characters without sense",
    ),
    Pattern(
        name="asks-for-internet", label="C", families=EVERY_FAMILY, write=asks_for_internet,
        description="says that it would need the internet, no answer",
    ),
    Pattern(
        name="internet-but-answered", label="A", families=EVERY_FAMILY, write=internet_but_answered,
        description="says that it has no internet, then gives the right answer",
    ),
    Pattern(
        name="internet-and-wrong", label="B", families=EVERY_FAMILY, write=internet_and_wrong,
        description="says that it has no internet, then gives a wrong answer",
    ),
    Pattern(
        name="broken-question", label="C", families=EVERY_FAMILY, write=broken_question,
        description="the question is garbled",
    ),
    Pattern(
        name="broken-reference", label="C", families=EVERY_FAMILY, write=broken_reference,
        description="the reference is no answer",
    ),
)  # fmt: skip
