"""Plain answers: right, nearly right, and far off."""

from __future__ import annotations

import random

from . import numbers, structures
from .base_case import BaseCase, Pattern, Written, answered

EVERY_FAMILY = (*numbers.FAMILIES, *structures.FAMILIES)


def plain_correct(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng))


def plain_near(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng, rng.choice(case.near)))


def plain_far(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng, rng.choice(case.far)))


PATTERNS = (
    Pattern(
        name="plain-correct", label="A", families=EVERY_FAMILY, write=plain_correct,
        description="the right answer, stated once",
    ),
    Pattern(
        name="plain-near", label="B", families=EVERY_FAMILY, write=plain_near,
        description="a wrong answer close to the right one",
    ),
    Pattern(
        name="plain-far", label="B", families=EVERY_FAMILY, write=plain_far,
        description="a wrong answer that has little to do with the right one",
    ),
)  # fmt: skip
