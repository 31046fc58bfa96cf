"""Whether all of an answer is there: parts scattered over the text, all solutions or one, every term of a sequence."""

from __future__ import annotations

import random

from .base_case import BaseCase, Pattern, Written, answered, pick
from .numbers import misread

PART = ("(<p>) <a>", "(<p>) gives <a>.", "Part (<p>): the answer is <a>.", "For (<p>) we get <a>.")


def _scattered(case: BaseCase, rng: random.Random, first: object, second: object) -> str:
    """The parts in reverse order, each in its place in the text."""
    one, other = (pick(PART, case.wordings, rng, p=part, a=a) for part, a in (("a", first), ("b", second)))
    return f"{other}\n{case.working}\n{one}"


def parts_scattered(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=_scattered(case, rng, case.parameters["first"], case.parameters["second"]))


def parts_one_wrong(case: BaseCase, rng: random.Random) -> Written:
    values = [case.parameters["first"], case.parameters["second"]]
    place = rng.randrange(2)
    values[place] = rng.choice(misread(values[place], rng))
    return Written(completion=_scattered(case, rng, *values))


def parts_one_missing(case: BaseCase, rng: random.Random) -> Written:
    part, value = rng.choice([("a", case.parameters["first"]), ("b", case.parameters["second"])])
    return Written(completion=f"{case.working}\n{pick(PART, case.wordings, rng, p=part, a=value)}")


def all_candidates(case: BaseCase, rng: random.Random) -> Written:
    """Both solutions, in the other order."""
    return Written(completion=answered(case, rng, f"{case.parameters['b']}, {case.parameters['a']}"))


def one_candidate(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng, str(case.parameters[rng.choice("ab")])))


def long_sequence(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng))


def sequence_off_by_one(case: BaseCase, rng: random.Random) -> Written:
    """One term is one too large or too small."""
    values = list(case.parameters["values"])
    place = rng.randrange(len(values))
    values[place] += rng.choice((-1, 1))
    return Written(completion=answered(case, rng, ", ".join(map(str, values))))


def sequence_one_short(case: BaseCase, rng: random.Random) -> Written:
    values = list(case.parameters["values"])
    del values[rng.randrange(len(values))]
    return Written(completion=answered(case, rng, ", ".join(map(str, values))))


PATTERNS = (
    Pattern(
        name="parts-scattered", label="A", families=("parts",), write=parts_scattered,
        description="all parts answered, each somewhere in the text",
    ),
    Pattern(
        name="parts-one-wrong", label="B", families=("parts",), write=parts_one_wrong,
        description="all parts answered, one of them wrongly",
    ),
    Pattern(
        name="parts-one-missing", label="B", families=("parts",), write=parts_one_missing,
        description="one part answered, the other not",
    ),
    Pattern(
        name="all-candidates", label="A", families=("solutions",), write=all_candidates,
        description="all solutions, in another order",
    ),
    Pattern(
        name="one-candidate", label="B", families=("solutions",), write=one_candidate,
        description="one solution where all are asked for",
    ),
    Pattern(
        name="long-sequence", label="A", families=("sequence",), write=long_sequence,
        description="a long sequence, every term right",
    ),
    Pattern(
        name="sequence-off-by-one", label="B", families=("sequence",), write=sequence_off_by_one,
        description="a long sequence with one term off by one",
    ),
    Pattern(
        name="sequence-one-short", label="B", families=("sequence",), write=sequence_one_short,
        description="a long sequence without one of its terms",
    ),
)  # fmt: skip
