"""Evaluate rational expressions exactly: sums, products and whole powers of numbers and letters, as fractions.

Most answers with letters are of this form, and Python's fractions are ten times as fast here as 60 digits of sympy.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

LARGEST_POWER = 64
LARGEST_BITS = 20_000


class NotRational(Exception):
    """An expression holds something else, or numbers too large to be quick."""


def exact_value(expression: Any, point: Mapping[Any, Fraction]) -> Fraction:
    """The value of an expression where its symbols have those of the point.

    Raises:
        NotRational: it is no sum, product or whole power of rational numbers and symbols.
        ZeroDivisionError: it has no value there.
    """
    if expression.is_Symbol:
        return point[expression]
    if expression.is_Rational:
        return Fraction(int(expression.p), int(expression.q))
    if expression.is_Pow and expression.exp.is_Integer and abs(expression.exp) <= LARGEST_POWER:
        value = exact_value(expression.base, point) ** int(expression.exp)
    elif expression.is_Add:
        value = sum((exact_value(part, point) for part in expression.args), Fraction(0))
    elif expression.is_Mul:
        value = Fraction(1)
        for part in expression.args:
            value *= exact_value(part, point)
    else:
        raise NotRational
    if value.numerator.bit_length() + value.denominator.bit_length() > LARGEST_BITS:
        raise NotRational
    return value


def exact_pairs(a: Any, b: Any, points: Iterable[Mapping[Any, Any]]) -> Sequence[tuple[Fraction, Fraction]] | None:
    """The values of two expressions at the points where both have one; None where one of them is not rational."""
    found = []
    try:
        for point in points:
            fractions = {symbol: Fraction(int(value.p), int(value.q)) for symbol, value in point.items()}
            try:
                found.append((exact_value(a, fractions), exact_value(b, fractions)))
            except ZeroDivisionError:
                continue
    except NotRational:
        return None
    return found
