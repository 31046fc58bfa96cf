r"""Read one expression with latex2sympy (the parser under math-verify) and compare values; runs in worker processes.

latex2sympy reads what it can and guesses the rest: `1331 and 1728` becomes `1331*1728*a*n*d`, `2 3` becomes 5, `10_2`
becomes 10. So every token is looked at first, and an expression with one that has no clear meaning is not understood.

math-verify's own comparison is not used: it takes `1/2004!` and `1/2006!` as equal, since both vanish at 15 places.
Values are compared here relative to their size at 60 digits, at fixed points for the variables.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from .plain import split_unit_of_expression


class NotUnderstood(Exception):
    """Some part of an expression has no clear meaning."""


class Expression(NamedTuple):
    """A sympy expression without floats, and whether a decimal stood in its text."""

    value: Any
    decimal: bool


LONGEST = 2_000
"""Characters of the longest expression that is read."""

DIGITS = 60
AGREEING = 30
"""Two values agree when they share this many digits ..."""

MANY_DIGITS = 400
"""... and, where that is cheap, nearly all of these: `10^{100}` is not `10^{100}+1`."""

_FUNCTION_NAMES = "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log ln lg exp max min gcd det"
_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
_OTHERS = "frac sqrt binom cdot times div pi infty sum prod int lim to lfloor rfloor lceil rceil"
_SHORT_WORDS = (
    "and or if is to not for the but no yes all any one two six ten are was its per cm km mm kg mg ml ft in mi hr min "
    "sec mph am pm yd lb oz of on at by as an it we he so"
)
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_COMMANDS = _FUNCTIONS.union(_GREEK.split(), _OTHERS.split())
_WORDS = frozenset(_SHORT_WORDS.split()) - _FUNCTIONS
_TOKEN = re.compile(
    r"(?P<number>\d+\.\d+|\.\d+|\d+)|\\(?P<command>[A-Za-z]+)|(?P<letters>[A-Za-z]+)|(?P<blank>\s+)"
    r"|(?P<sign>\*\*|[-+*/^_(){}\[\]|!,=])"
)
_DEGREES = re.compile(r"(\d+(?:\.\d+)?|\\pi|[a-z])\^\\circ")
_PLAIN_ROOT = re.compile(r"(?<!\\)\bsqrt\s*\(([^()]*)\)")


def constant(value: Fraction, decimal: bool) -> Expression:
    """A plain number as an expression."""
    import sympy

    return Expression(sympy.Rational(value.numerator, value.denominator), decimal)


@lru_cache(maxsize=256)
def read_expression(text: str) -> Expression:
    """Read an expression in normal form.

    Raises:
        NotUnderstood: a token has no clear meaning, or the parser does not accept the whole text.
    """
    text = split_unit_of_expression(text)
    if len(text) > LONGEST:
        raise NotUnderstood(f"{len(text)} characters long")
    latex, decimal = spelled_out(text)
    return Expression(_parsed(latex), decimal)


def spelled_out(text: str) -> tuple[str, bool]:
    r"""Write an expression so that the parser cannot misread it; also whether it holds a decimal.

    Decimals become exact fractions, `sqrt(2)` becomes `\sqrt{2}`, `30^\circ` inside an expression becomes `30\pi/180`.
    """
    text = _DEGREES.sub(r"(\1*\\pi/180)", _PLAIN_ROOT.sub(r"\\sqrt{\1}", text))
    pieces: list[str] = []
    position, decimal, before = 0, False, ""
    integral = "\\int" in text
    while position < len(text):
        token = _TOKEN.match(text, position)
        if not token:
            raise NotUnderstood(f"{text[position : position + 12]!r}")
        kind, piece = str(token.lastgroup), token[0]
        if kind == "number":
            if before in ("number", "letters"):
                raise NotUnderstood(
                    f"a number right behind another symbol: {text[max(position - 8, 0) : token.end()]!r}"
                )
            if before == "base":
                kind = "command"
            if "." in piece:
                value = Fraction(piece)
                fraction = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
                piece, decimal = f"{{{fraction}}}" if before == "raised" else f"({fraction})", True
        elif kind == "command":
            piece = _known_command(token["command"])
        elif kind == "letters":
            piece = _known_letters(token["letters"], indexed=text.startswith("_", token.end()), integral=integral)
        elif piece == "**":
            piece = "^"
        elif piece == "_" and (before == "number" or text[position - 1 : position] == ")"):
            raise NotUnderstood("a number with an index")
        if kind != "blank":
            before = {"_": "base", "^": "raised"}.get(piece, kind)
        elif before not in ("number", "letters"):
            before = "blank"
        pieces.append(piece if kind != "blank" else " ")
        position = token.end()
    return "".join(pieces), decimal


def _known_command(name: str) -> str:
    if name not in _COMMANDS:
        raise NotUnderstood(f"\\{name}")
    return "\\" + name + " "


def _known_letters(letters: str, indexed: bool, integral: bool) -> str:
    """Letters are variables that are multiplied, or a function without its backslash, but never a word.

    The parser takes `d a` for a differential, `E` for Euler's number and `I` for the imaginary unit: these become
    variables with an index that nobody writes.
    """
    if letters in _FUNCTIONS or letters in ("pi", "infty"):
        return "\\" + letters + " "
    if letters.lower() in _WORDS or len(letters) > 3:
        raise NotUnderstood(f"the word {letters!r}")
    if integral:
        return " ".join(letters)
    kept = "" if not indexed else letters[-1]
    plain = letters[: len(letters) - len(kept)]
    return "*".join([f"K_{{{ord(letter)}}}" if letter in "dEI" else letter for letter in plain] + list(kept))


def _parsed(latex: str) -> Any:
    import sympy
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy

    try:
        value = latex2sympy(
            latex,
            is_real=None,
            normalization_config=None,
            conversion_config=ConversionConfig(lowercase_symbols=False),
        )
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # the parser raises the bare class for whatever it does not accept
        raise NotUnderstood(latex[:80]) from error
    if not isinstance(value, sympy.Expr):
        raise NotUnderstood(f"{latex[:80]} is no single value")
    if value.has(sympy.nan, sympy.zoo):
        raise NotUnderstood(f"{latex[:80]} has no value")
    value = value.subs(sympy.Symbol("i"), sympy.I)
    return value.replace(lambda part: isinstance(part, sympy.UnevaluatedExpr), lambda part: part.args[0])


def equal_expressions(expected: Expression, answer: Expression, tolerance: Fraction) -> bool:
    """Whether two expressions have the same value wherever both have one.

    `tolerance` is relative and holds where a decimal stands in one of two constants that are no integers.
    """
    import sympy

    a, b = expected.value, answer.value
    if a == b:
        return True
    if a.has(sympy.oo) or b.has(sympy.oo):
        return bool(sympy.simplify(a) == sympy.simplify(b))
    if not a.free_symbols and not b.free_symbols:
        values = _value(a, {}), _value(b, {})
        if values[0] is not None and values[1] is not None:
            if _agree(a, b, {}, *values, thoroughly=True):
                return True
            return (expected.decimal or answer.decimal) and _near(*values, tolerance)
    compared = 0
    radicands = _radicands(a) + _radicands(b)
    for point in _points(sorted(a.free_symbols | b.free_symbols, key=str)):
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
    return bool(sympy.simplify(a - b) == 0)


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
    quotients = []
    for point in _points(symbols):
        left, right = _value(a.value, point), _value(b.value, point)
        if left is not None and right is not None and _real(left) and _real(right) and right != 0:
            quotients.append(sympy.re(left) / sympy.re(right))
    if len(quotients) < 3 or any(abs(one - quotients[0]) > abs(quotients[0]) * _digits(AGREEING) for one in quotients):
        return None
    return quotients[0] if quotients[0] != 0 else None


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
