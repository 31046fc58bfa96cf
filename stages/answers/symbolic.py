"""Compare the values of two expressions; runs in worker processes.

math-verify's own comparison is not used: it takes `1/2004!` and `1/2006!` as equal, since both vanish at 15 places.
Values are compared here relative to their size at 60 digits, at fixed points for the variables; those of rational
expressions exactly.
"""

from fractions import Fraction
from functools import cache
from typing import Any

from .exact import exact_pairs
from .expression import Expression, NotUnderstood

DIGITS = 60
AGREEING = 30
"""Two values agree when they share this many digits ..."""

MANY_DIGITS = 400
"""... and, where that is cheap, nearly all of these: `10^{100}` is not `10^{100}+1`."""


def equal_expressions(expected: Expression, answer: Expression, tolerance: Fraction) -> bool:
    """Whether two expressions have the same value wherever both have one.

    `tolerance` is relative and holds where a decimal stands in one of two constants that are no integers.
    """
    import sympy

    a, b = expected.value, answer.value
    if a == b:
        return True
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    pairs = exact_pairs(a, b, _points(symbols) if symbols else [{}])
    if pairs and (not symbols or len(pairs) >= 3):
        equal = all(left == right for left, right in pairs)
        if equal or symbols or not (expected.decimal or answer.decimal):
            return equal
    if a.has(sympy.oo) or b.has(sympy.oo):
        return bool(sympy.simplify(a) == sympy.simplify(b))
    if not symbols:
        values = _value(a, {}), _value(b, {})
        if values[0] is not None and values[1] is not None:
            if _agree(a, b, {}, *values, thoroughly=True):
                return True
            return (expected.decimal or answer.decimal) and _near(*values, tolerance)
    compared = 0
    radicands = _radicands(a) + _radicands(b)
    for point in _points(symbols):
        if any(_below_zero(radicand, point) for radicand in radicands):
            continue
        left, right = _value(a, point), _value(b, point)
        if left is None or right is None or _real(left) != _real(right):
            continue
        if not _agree(a, b, point, left, right, thoroughly=compared == 0):
            return False
        compared += 1
        if compared == 3:
            return True
    try:
        return bool(sympy.simplify(a - b) == 0)
    except (TypeError, ValueError, ZeroDivisionError, AttributeError) as problem:  # what sympy raises on sin(1/0)
        raise NotUnderstood("they have no value") from problem


def decimal_value(expression: Expression) -> Fraction | None:
    """The value of a real constant to `DIGITS` digits, None of anything else."""
    value = None if expression.value.free_symbols else _value(expression.value, {})
    if value is None or not _real(value):
        return None
    return Fraction(str(value.as_real_imag()[0]))


def unfinished(expression: Expression) -> bool:
    """Whether terms, factors or a fraction of an expression can be put together: x + 2x, x x^2, 2^3, (x^2 - 1)/(x - 1).

    Factoring and multiplying out are left alone: 2(x + 1) and 2x + 2 are both simple.
    """
    import sympy

    for part in sympy.preorder_traversal(expression.value):
        if isinstance(part, sympy.Add | sympy.Mul):
            pieces = [piece for argument in part.args for piece in part.func.make_args(argument)]
            together = part.func(*(piece.doit() for piece in pieces))
            if together.func == part.func:
                if len(together.args) < len(pieces):
                    return True
            elif isinstance(part, sympy.Add) or not isinstance(together, sympy.Add):
                return True
        elif isinstance(part, sympy.Pow) and part.base.is_Integer and part.exp.is_Integer and part.exp > 0:
            return True
    value = expression.value.doit()
    _, lower = sympy.fraction(value)
    if not lower.free_symbols:
        return False
    return bool(sympy.count_ops(sympy.fraction(sympy.cancel(value))[1]) < sympy.count_ops(lower))


def _radicands(expression: Any) -> list[Any]:
    r"""What must not be negative where an expression over the reals has a value: under even roots and in logarithms.

    Without this `\sqrt{a}\sqrt{b}` would differ from `\sqrt{ab}` where both are negative.
    """
    import sympy

    if expression.has(sympy.I):
        return []
    roots = [part.base for part in expression.atoms(sympy.Pow) if part.exp.is_Rational and part.exp.q % 2 == 0]
    return roots + [part.args[0] for part in expression.atoms(sympy.log)]


def _below_zero(expression: Any, point: dict[Any, Any]) -> bool:
    value = _value(expression, point)
    return value is not None and _real(value) and bool(value.as_real_imag()[0] < 0)


def proportion(a: Expression, b: Expression) -> Any:
    """The constant factor `a / b` as a sympy number; None when the quotient is not constant, zero or not real.

    This is what makes `2x+2y=4` the equation `x+y=2`.
    """
    import sympy

    symbols = sorted(a.value.free_symbols | b.value.free_symbols, key=str)
    if a.value.free_symbols != b.value.free_symbols or not symbols:
        return None
    pairs = exact_pairs(a.value, b.value, _points(symbols))
    if pairs is not None:
        ratios = {left / right for left, right in pairs if right}
        ratio = ratios.pop() if len(ratios) == 1 and sum(bool(right) for _, right in pairs) >= 3 else Fraction(0)
        return sympy.Rational(ratio.numerator, ratio.denominator) if ratio else None
    quotients = []
    for point in _points(symbols):
        left, right = _value(a.value, point), _value(b.value, point)
        if left is not None and right is not None and _real(left) and _real(right) and right != 0:
            quotients.append(sympy.re(left) / sympy.re(right))
    if len(quotients) < 3 or any(abs(one - quotients[0]) > abs(quotients[0]) * _digits(AGREEING) for one in quotients):
        return None
    return quotients[0] if quotients[0] != 0 else None


@cache
def _digits(count: int) -> Any:
    import sympy

    return sympy.Float(10, DIGITS) ** -count


def _points(symbols: list[Any]) -> list[dict[Any, Any]]:
    """Six fixed points: positive, negative, mixed, and positive again where the others have no value.

    Prime denominators keep terms from cancelling by chance.
    """
    import sympy

    points = []
    for row, denominator in enumerate((29, 31, 37, 41, 43, 47)):
        point = {}
        for column, symbol in enumerate(symbols):
            value = sympy.Rational((37 * (column + 1) * (row + 2) + 11 * (column + 1)) % 89 + 3, denominator)
            point[symbol] = -value if row == 1 or (row == 2 and column % 2 == 0) else value
        points.append(point)
    return points


def _value(expression: Any, point: dict[Any, Any], digits: int = DIGITS) -> Any:
    """The complex number an expression has at a point; None where it has none."""
    import sympy

    try:
        value = expression.evalf(digits, subs=point)
        if not value.is_number:
            value = sympy.N(expression.subs(point), digits)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError, AttributeError, NotImplementedError):
        return None
    real, imaginary = value.as_real_imag()
    if value.is_number and all(part.is_Float or part.is_Rational for part in (real, imaginary)):
        return None if value.has(sympy.nan, sympy.oo) else value
    return None


def _real(value: Any) -> bool:
    import sympy

    return bool(abs(sympy.im(value)) <= abs(value) * _digits(AGREEING))


def _agree(a: Any, b: Any, point: dict[Any, Any], left: Any, right: Any, thoroughly: bool) -> bool:
    """Whether two values share their digits; a difference that shrinks with more digits is rounding."""
    gap = abs(left - right)
    if gap <= max(abs(left), abs(right)) * _digits(AGREEING):
        return not thoroughly or _agree_in_many_digits(a, b, point)
    finer_left, finer_right = _value(a, point, 2 * DIGITS), _value(b, point, 2 * DIGITS)
    if finer_left is None or finer_right is None:
        return False
    return bool(abs(finer_left - finer_right) < gap * _digits(AGREEING))


def _agree_in_many_digits(a: Any, b: Any, point: dict[Any, Any]) -> bool:
    import sympy

    if a.has(sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit) or b.has(sympy.Integral, sympy.Sum, sympy.Product):
        return True
    left, right = _value(a, point, MANY_DIGITS), _value(b, point, MANY_DIGITS)
    if left is None or right is None:
        return True
    margin = sympy.Float(10, MANY_DIGITS) ** -(MANY_DIGITS - AGREEING)
    return bool(abs(left - right) <= max(abs(left), abs(right)) * margin)


def _near(left: Any, right: Any, tolerance: Fraction) -> bool:
    import sympy

    if not _real(left) or not _real(right):
        return False
    values = [sympy.re(left), sympy.re(right)]
    if any(abs(value - round(value)) <= abs(value) * _digits(AGREEING) for value in values):
        return False
    return bool(abs(values[0] - values[1]) <= max(map(abs, values)) * float(tolerance))
