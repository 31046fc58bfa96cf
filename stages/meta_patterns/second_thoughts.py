"""Answers that change on the way, claims that there is none, programs in place of a result."""

from __future__ import annotations

import random

from .base_case import BaseCase, Pattern, Written, answered, stated, wrong
from .plain import EVERY_FAMILY
from .transforms import UNANSWERABLE, code, confirmed, corrected, unanswerable


def corrected_after_wrong(case: BaseCase, rng: random.Random) -> Written:
    before = answered(case, rng, wrong(case, rng))
    return Written(completion=corrected(before, stated(case, rng), rng, case.wordings))


def switched_to_wrong(case: BaseCase, rng: random.Random) -> Written:
    after = stated(case, rng, wrong(case, rng))
    return Written(completion=corrected(answered(case, rng), after, rng, case.wordings))


def doubted_and_kept(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=confirmed(answered(case, rng), stated(case, rng), rng, case.wordings))


def doubted_and_kept_wrong(case: BaseCase, rng: random.Random) -> Written:
    answer = wrong(case, rng)
    return Written(completion=confirmed(answered(case, rng, answer), stated(case, rng, answer), rng, case.wordings))


def ends_unanswerable(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=unanswerable(case.working, rng, case.wordings))


def unanswerable_then_answered(case: BaseCase, rng: random.Random) -> Written:
    before = rng.choice(UNANSWERABLE[: case.wordings])
    return Written(completion=corrected(before, answered(case, rng), rng, case.wordings))


def unanswerable_then_wrong(case: BaseCase, rng: random.Random) -> Written:
    before = rng.choice(UNANSWERABLE[: case.wordings])
    return Written(completion=corrected(before, answered(case, rng, wrong(case, rng)), rng, case.wordings))


def code_only(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=f"{case.working}\n{code(rng, case.wordings)}")


def code_with_result(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=f"{case.working}\n{code(rng, case.wordings)}\n{stated(case, rng)}")


def code_with_wrong_result(case: BaseCase, rng: random.Random) -> Written:
    after = stated(case, rng, wrong(case, rng))
    return Written(completion=f"{case.working}\n{code(rng, case.wordings)}\n{after}")


PATTERNS = (
    Pattern(
        name="corrected-after-wrong", label="A", families=EVERY_FAMILY, write=corrected_after_wrong,
        description="a wrong answer first, then the right one",
    ),
    Pattern(
        name="switched-to-wrong", label="B", families=EVERY_FAMILY, write=switched_to_wrong,
        description="the right answer first, then a wrong one",
    ),
    Pattern(
        name="doubted-and-kept", label="A", families=EVERY_FAMILY, write=doubted_and_kept,
        description="the right answer, doubted and kept",
    ),
    Pattern(
        name="doubted-and-kept-wrong", label="B", families=EVERY_FAMILY, write=doubted_and_kept_wrong,
        description="a wrong answer, doubted and kept",
    ),
    Pattern(
        name="ends-unanswerable", label="B", families=EVERY_FAMILY, write=ends_unanswerable,
        description="ends with the claim that there is no answer",
    ),
    Pattern(
        name="unanswerable-then-answered", label="A", families=EVERY_FAMILY, write=unanswerable_then_answered,
        description="first the claim that there is no answer, then the right one",
    ),
    Pattern(
        name="unanswerable-then-wrong", label="B", families=EVERY_FAMILY, write=unanswerable_then_wrong,
        description="first the claim that there is no answer, then a wrong one",
    ),
    Pattern(
        name="code-only", label="B", families=EVERY_FAMILY, write=code_only,
        description="a program that would compute the answer, no result",
    ),
    Pattern(
        name="code-with-result", label="A", families=EVERY_FAMILY, write=code_with_result,
        description="a program and the right result",
    ),
    Pattern(
        name="code-with-wrong-result", label="B", families=EVERY_FAMILY, write=code_with_wrong_result,
        description="a program and a wrong result",
    ),
)  # fmt: skip
