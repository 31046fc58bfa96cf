"""Other ways to write a formula, each checked to be equal, and formulas that are nearly the same, checked not to be.

    equal_variants("x^2+5x+6")               # the sum in another order, (x+2)(x+3)
    near_variant("x^2+5x+6", rng)            # x^2+6x+6

A variant is read back as the rule verifier reads answers; equal ones must agree at the points of the rule verifier and
be simplified to the same. (CompassVerifier, Liu et al. 2025, section 3.3: rearranged, floating, integer or fraction.)

Deviations: sympy rewrites instead of a large model; only formulas that are small enough to be checked in milliseconds.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from typing import Any

LONGEST = 80
"""Characters of the longest formula that is rewritten."""

MOST_OPERATIONS = 30

_COSTLY = re.compile(r"!|\d{7}|\^\{?-?\d{2}|\^\{?[^{}]*\^|\\(?:sum|int|prod|lim|binom)|\*\*")
"""What can take for ever to expand or to evaluate: factorials, large numbers, high or stacked powers, sums."""

_NUMBER = re.compile(r"(?<!_)(?<!_\{)(?<!\d)\d+")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]+")
_SIGN = re.compile(r"(?<=[\w)}\s])[+-](?=[\w(\\\s])")


@lru_cache(maxsize=4096)
def equal_variants(formula: str) -> tuple[str, ...]:
    """Other ways to write a formula; none where it is no formula, or too large to be checked quickly."""
    name, found = _read(formula)
    if found is None:
        return ()
    variants = []
    for text in _rewritten(found.value, found.decimal):
        again = f"{name}{text}"
        if again != formula and again not in variants and "1 \\frac" not in text and _equal(found, text):
            variants.append(again)
    return tuple(variants)


def near_variant(formula: str, rng: random.Random) -> str | None:
    """The formula with one number or one sign changed so that it is another one; None where nothing can be changed."""
    from .numbers import misread

    name, found = _read(formula)
    if found is None:
        return None
    text = formula[len(name) :]
    changes = []
    for match in _NUMBER.finditer(text):
        for value in misread(int(match[0]), rng):
            changes.append(text[: match.start()] + str(value) + text[match.end() :])
    for match in _SIGN.finditer(text):
        changes.append(text[: match.start()] + ("-" if match[0] == "+" else "+") + text[match.end() :])
    rng.shuffle(changes)
    return next((name + change for change in changes if _equal(found, change) is False), None)


def _read(formula: str) -> tuple[str, Any]:
    """What stands before the value (`x=`), and the value as an expression; None where it cannot be rewritten."""
    from ..answers.expression import NotUnderstood, read_expression
    from ..answers.normalise import normalise

    match = re.match(r"\s*[A-Za-z]\s*=\s*", formula)
    name = match[0] if match else ""
    text = normalise(formula[len(name) :])
    if not text or len(text) > LONGEST or _COSTLY.search(text):
        return name, None
    try:
        found = read_expression(text)
    except NotUnderstood:
        return name, None
    # Units are left out of the value: a formula of which not every letter is in the value is not rewritten.
    symbols = {str(symbol) for symbol in found.value.free_symbols} | {"e", "i"}
    understood = symbols.issuperset(_WORD.findall(text))
    return name, found if understood and found.value.count_ops() <= MOST_OPERATIONS else None


def _rewritten(value: Any, decimal: bool) -> Iterator[str]:
    """Candidates, as LaTeX."""
    import sympy

    if value.is_Rational:
        yield from _numbers(Fraction(int(value.p), int(value.q)), decimal)
        return
    forms = [value, sympy.expand(value), sympy.factor(value), sympy.together(value)]
    # Partial fractions are not defined for every formula of one variable: of \pi r they are not.
    with suppress(sympy.PolynomialError, NotImplementedError):
        forms += [sympy.apart(value)] if len(value.free_symbols) == 1 else []
    for form in dict.fromkeys(forms):
        yield sympy.latex(form)
        yield sympy.latex(form, order="rev-lex")


def _numbers(value: Fraction, decimal: bool) -> Iterator[str]:
    """A fraction as a decimal where that ends, a decimal as a fraction, an integer with a decimal place."""
    if value.denominator == 1:
        yield f"{value.numerator}.0"
        return
    if decimal:
        sign = "-" if value < 0 else ""
        yield rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
        return
    places = next((count for count in range(1, 7) if (value * 10**count).denominator == 1), None)
    if places is not None:
        yield f"{float(value):.{places}f}"


def _equal(expected: Any, text: str) -> bool | None:
    """Whether a text has the value of an expression, at points and symbolically; None where it cannot be read."""
    import sympy

    from ..answers.symbolic import equal_expressions

    _, again = _read(text)
    if again is None:
        return None
    at_points = equal_expressions(expected, again, Fraction(0))
    symbolically = sympy.simplify(expected.value - again.value) == 0
    return at_points if at_points == symbolically else None
