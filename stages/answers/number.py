"""Compare numbers: integers exactly, decimals within a stated tolerance, percent signs by what the question asks."""

from fractions import Fraction

from .comparison import Comparison
from .normalise import normalise
from .plain import Plain, read_normal
from .question import Asked


def compare_plain(expected: Plain, answer: Plain, asked: Asked, tolerance: Fraction) -> bool:
    """Whether two plain numbers are equal.

    A percent sign may be missing only when the question asks for a percentage; `25%` always equals `0.25`, for that is
    what it means. Two different units of the table (hours against minutes) are never
    equal, nor are numerals of different bases.
    """
    if expected.unit != answer.unit:
        units = {expected.unit, answer.unit}
        if any(unit.startswith("base") for unit in units) or not units & {"", "?"}:
            return False
    if _close(expected.amount, answer.amount, expected.places, answer.places, tolerance):
        return True
    return asked.percent and _close(expected.value, answer.value, expected.places, answer.places, tolerance)


def _close(a: Fraction, b: Fraction, places_a: int | None, places_b: int | None, tolerance: Fraction) -> bool:
    """Exact equality, or both fractional, one written as a decimal, and nearer than both bounds.

    The bounds: `tolerance` times the larger, and half a unit in the last place of the coarser decimal. The second one
    keeps 12345.67 apart from 12345.68. An integer on either side must be met exactly.
    """
    if a == b:
        return True
    places = [count for count in (places_a, places_b) if count is not None]
    if not places or a.denominator == 1 or b.denominator == 1:
        return False
    return abs(a - b) <= min(tolerance * max(abs(a), abs(b)), Fraction(1, 2 * 10 ** min(places)))


def compare_cheaply(expected: str, answer: str, asked: Asked, tolerance: Fraction) -> Comparison | None:
    """Compare where both texts are plain numbers; None when an expression has to be worked out."""
    a, b = normalise(expected), normalise(answer)
    left, right = read_normal(a), read_normal(b)
    if left is not None and right is not None:
        equal = compare_plain(left, right, asked, tolerance)
        return Comparison(equal, "number", None if equal else "another number")
    if a == b and a:
        return Comparison(True, "same text")
    return None
