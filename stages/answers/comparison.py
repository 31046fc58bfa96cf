"""What comparing two answers can say, and by which rules it is done; every answer type uses both."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from .question import Asked


class Comparison(NamedTuple):
    """The outcome of one comparison.

    `equal` is None when nothing can be said (a time-out, a reference that nobody understands): such a row becomes
    an unknown verdict. `method` names the path that decided; `reason` says why a pair is not equal or not known.
    `token_f1` is the overlap of two texts, `marks` are remarks that change no verdict.
    """

    equal: bool | None
    method: str
    reason: str | None = None
    token_f1: float | None = None
    marks: tuple[str, ...] = ()


class Rules(NamedTuple):
    """What the question asks for, how near two decimals must be, and whether the benefit of the doubt is refused."""

    asked: Asked = Asked()
    tolerance: Fraction = Fraction(1, 10_000)
    strict: bool = False


def not_understood(method: str, why: str) -> Comparison:
    """The outcome where the reference itself means nothing."""
    return Comparison(None, method, f"reference not understood: {why}")


def all_of(method: str, outcomes: Sequence[Comparison | None], name: Callable[[int], str]) -> Comparison | None:
    """All parts must be right: the first wrong one says why; None while a part is open and none is wrong."""
    for index, outcome in enumerate(outcomes):
        if outcome is not None and outcome.equal is False:
            return Comparison(False, method, f"{name(index)} differs: {outcome.reason}")
    if None in outcomes:
        return None
    known = [outcome for outcome in outcomes if outcome is not None]
    unknown = next((outcome for outcome in known if outcome.equal is None), None)
    marks = tuple(dict.fromkeys(mark for outcome in known for mark in outcome.marks))
    return Comparison(None, method, unknown.reason) if unknown else Comparison(True, method, marks=marks)
