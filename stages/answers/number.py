"""Compare numbers: integers exactly, decimals within a tolerance, percent signs and rounding by what is asked.

Units of one dimension are converted, those of different ones are never equal. Where only one number has a unit it is
the other's too; a bare reference whose question names a unit is in that unit.
"""

import re
from fractions import Fraction
from functools import lru_cache
from math import floor

from .comparison import Comparison, Rules
from .dimensions import conversion
from .embedded import read_embedded
from .normalise import normalise
from .plain import Plain, read_grouped, read_normal
from .question import Asked
from .simplest import left_to_do

FEWEST_DIGITS = 3
"""Digits a decimal reference must show for a finer answer that rounds to it to be right."""

_PER_TIME = re.compile(r"/(?:day|week|month|year)$")
"""`18 dollars per day` answers how many dollars she makes every day."""

ROUNDS = "rounds to the reference"
EMBEDDED = "embedded number"


def compare_cheaply(expected: str, answer: str, rules: Rules, grouped: bool = True) -> Comparison | None:
    """Compare where both texts are plain numbers; None when an expression has to be worked out.

    `grouped` says that the reference is surely a number, no list: `12,34,567`.
    """
    a, left = _read_reference(expected, grouped)
    b = normalise(answer)
    right = None if left is None else read_grouped(b)
    if left is not None and right is not None:
        return simplest(a, b, compare_plain(left, right, rules), rules.asked)
    if a == b and a:
        return Comparison(True, "same text")
    embedded = read_embedded(b, rules.asked.decrease) if left is not None else None
    if left is None or embedded is None:
        return None
    if rules.strict:
        return Comparison(False, EMBEDDED, "the number stands among other words")
    return compare_plain(left, embedded, rules)._replace(method=EMBEDDED, marks=(EMBEDDED,))


@lru_cache(maxsize=4096)
def _read_reference(expected: str, grouped: bool) -> tuple[str, Plain | None]:
    """The rollouts of a group share their reference."""
    text = normalise(expected)
    return text, read_grouped(text) if grouped else read_normal(text)


def simplest(expected: str, answer: str, outcome: Comparison, asked: Asked) -> Comparison:
    """The outcome, unless simplest form is asked for and the answer, unlike the reference, has something left to do."""
    if not (outcome.equal and asked.simplified) or not (left := left_to_do(answer)) or left_to_do(expected):
        return outcome
    return Comparison(False, outcome.method, f"not simplified although asked: {left}")


def compare_plain(expected: Plain, answer: Plain, rules: Rules) -> Comparison:
    """Compare two plain numbers.

    A percent sign may be missing only when the question asks for a percentage; `25%` always equals `0.25`, for that is
    what it means. Where a decrease is asked for, a sign says nothing: it fell by 8, or by -8.
    """
    if rules.asked.decrease:
        expected, answer = (number._replace(value=abs(number.value)) for number in (expected, answer))
    factors = _factors(expected, answer, rules.asked.unit)
    if not factors:
        return Comparison(False, "number", f"another unit: {answer.unit}")
    scale = 100 if expected.percent else 1
    reason = "another number"
    for factor in factors:
        shown = scale * factor / 100 if answer.percent else scale * factor
        for multiplier in (shown, factor) if rules.asked.percent and shown != factor else (shown,):
            value = answer.value if multiplier == 1 else answer.value * multiplier
            half = None if answer.places is None else multiplier * Fraction(1, 2 * 10**answer.places)
            outcome = _compare_values(expected, value, half, rules, converted=factor != 1)
            if outcome.equal:
                return outcome
            if outcome.reason is not None:
                reason = outcome.reason
    return Comparison(False, "number", reason)


def _factors(expected: Plain, answer: Plain, asked: str | None) -> list[Fraction]:
    """How many of the reference's unit one of the answer's may be; none where they measure different things.

    The one exception to symmetry: a bare answer may be in the unit of the reference or in the one asked for.
    """
    ours, theirs = expected.unit, answer.unit
    if ours == theirs:
        return [Fraction(1)]
    if ours.startswith("base") or theirs.startswith("base"):
        return []
    if ours and theirs:
        factor = Fraction(1) if "?" in (ours, theirs) else conversion(theirs, ours)
        return [] if factor is None else [factor]
    if not asked or "?" in (ours, theirs):
        return [Fraction(1)]
    if theirs:
        factor = conversion(_PER_TIME.sub("", theirs) if "/" not in asked else theirs, asked)
        return [] if factor is None else [factor]
    factor = conversion(asked, ours)
    return [Fraction(1), *([] if factor in (None, 1) else [factor])]


def _compare_values(
    expected: Plain, value: Fraction, half: Fraction | None, rules: Rules, converted: bool
) -> Comparison:
    """Compare the reference with a value on the reference's scale; `half` is half a unit of its last place."""
    if expected.value == value:
        return Comparison(True, "number")
    asked = rules.asked
    if asked.places is not None or asked.significant is not None:
        return _compare_rounded(expected.value, value, asked)
    ours = None if expected.places is None else Fraction(1, 2 * 10**expected.places)
    if _close(expected.value, value, ours, half, rules.tolerance, converted):
        return Comparison(True, "number")
    finer = half is None or (ours is not None and half < ours)
    if finer and may_round(rules) and rounds_to(expected, value):
        return Comparison(True, "number", marks=(ROUNDS,))
    return Comparison(False, "number")


def may_round(rules: Rules) -> bool:
    """Whether a reference may be taken for a rounded one: not where the tolerance is zero."""
    return rules.tolerance > 0 and not rules.strict


def compare_approximately(expected: Plain, answer: Plain, rules: Rules) -> Comparison:
    """Compare where one of both is the decimal value of an expression that is not equal to the other."""
    if rules.asked.places is not None or rules.asked.significant is not None:
        return _compare_rounded(expected.amount, answer.amount, rules.asked)
    if not may_round(rules) or expected.percent or not rounds_to(expected, answer.amount):
        return Comparison(False, "number")
    return Comparison(True, "number", marks=(ROUNDS,))


def rounds_to(expected: Plain, value: Fraction) -> bool:
    """Whether a value rounds to a reference that is a decimal of at least three digits.

    Where no rounding is asked for, such a reference may be a rounded one, and nobody can tell the finer answer from it.
    """
    places = expected.places
    if not places or abs(expected.value) * 10**places < 10 ** (FEWEST_DIGITS - 1):
        return False
    return value.denominator != 1 and _rounded(value, places) == expected.value


def _compare_rounded(expected: Fraction, value: Fraction, asked: Asked) -> Comparison:
    """Where rounding is asked for nothing is near enough: the answer is the reference, or the reference rounded."""
    places = asked.places
    if places is None:
        places = (asked.significant or 0) - _magnitude(expected)
    if _rounded(expected, places) == value:
        return Comparison(True, "number")
    near = abs(expected - value) <= Fraction(10) ** -places
    wanted = (
        f"{asked.places} decimal places" if asked.places is not None else f"{asked.significant} significant figures"
    )
    return Comparison(False, "number", f"wrong rounding: {wanted} are asked for" if near else None)


def _magnitude(value: Fraction) -> int:
    """Digits before the point: 3 for 123, -1 for 0.0123."""
    if value == 0:
        return 1
    magnitude = len(str(floor(abs(value)))) if abs(value) >= 1 else 0
    while abs(value) < Fraction(10) ** (magnitude - 1) and magnitude > -400:
        magnitude -= 1
    return magnitude


def _rounded(value: Fraction, places: int) -> Fraction:
    """Halves go away from zero."""
    unit = Fraction(10) ** -places
    size = floor(abs(value) / unit + Fraction(1, 2)) * unit
    return size if value > 0 else -size


def _close(
    a: Fraction, b: Fraction, half_a: Fraction | None, half_b: Fraction | None, tolerance: Fraction, converted: bool
) -> bool:
    """Both fractional, one written as a decimal, and nearer than both bounds.

    The bounds: `tolerance` times the larger, and half a unit in the last place of the coarser decimal. The second one
    keeps 12345.67 apart from 12345.68. An integer on either side must be met exactly, unless units were converted.
    """
    halves = [half for half in (half_a, half_b) if half is not None]
    if not halves or (not converted and (a.denominator == 1 or b.denominator == 1)):
        return False
    return abs(a - b) <= min(tolerance * max(abs(a), abs(b)), max(halves))
