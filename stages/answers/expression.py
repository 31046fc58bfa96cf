r"""Read one expression with latex2sympy, the parser under math-verify; runs in worker processes.

latex2sympy reads what it can and guesses the rest: `1331 and 1728` becomes `1331*1728*a*n*d`, `2 3` becomes 5, `10_2`
becomes 10. So every token is looked at first, and an expression with one that has no clear meaning is not understood.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from .latex import read_latex
from .units import split_unit_of_expression


class NotUnderstood(Exception):
    """Some part of an expression has no clear meaning."""


class Expression(NamedTuple):
    """A sympy expression without floats, and whether a decimal stood in its text."""

    value: Any
    decimal: bool


LONGEST = 2_000
"""Characters of the longest expression that is read."""

_FUNCTION_NAMES = "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log ln exp max min gcd det"
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
_BARE_LOG = re.compile(r"(?<![A-Za-z])log(?![A-Za-z]| ?_)")
_NATURAL_LOG = re.compile(r"(?<![A-Za-z])ln(?![A-Za-z])")
_COMMON_LOG = re.compile(r"\\?(?<![A-Za-z])lg(?![A-Za-z])")
_PLAIN_ROOT = re.compile(r"(?<!\\)\bsqrt\s*\(([^()]*)\)")


def constant(value: Fraction, decimal: bool) -> Expression:
    """A plain number as an expression."""
    import sympy

    return Expression(sympy.Rational(value.numerator, value.denominator), decimal)


def bare_log(text: str) -> bool:
    r"""Whether a `\log` without a base stands in a text."""
    return bool(_BARE_LOG.search(text))


def natural_log(text: str) -> bool:
    r"""Whether a `\ln` stands in a text."""
    return bool(_NATURAL_LOG.search(text))


def read_expression(text: str, natural: bool = False) -> Expression:
    r"""Read an expression in normal form; `natural` reads `\log` without a base as `\ln`.

    Raises:
        NotUnderstood: a token has no clear meaning, or the parser does not accept the whole text.
    """
    return _read(text, natural and bare_log(text))


@lru_cache(maxsize=256)
def _read(text: str, natural: bool) -> Expression:
    text = split_unit_of_expression(text)
    if len(text) > LONGEST:
        raise NotUnderstood(f"{len(text)} characters long")
    if natural:
        text = _BARE_LOG.sub("ln", text)
    latex, decimal = spelled_out(text)
    return Expression(_parsed(latex), decimal)


def spelled_out(text: str) -> tuple[str, bool]:
    r"""Write an expression so that the parser cannot misread it; also whether it holds a decimal.

    Decimals become exact fractions, `sqrt(2)` becomes `\sqrt{2}`, `30^\circ` inside an expression becomes `30\pi/180`.
    """
    text = _DEGREES.sub(r"(\1*\\pi/180)", _PLAIN_ROOT.sub(r"\\sqrt{\1}", _COMMON_LOG.sub(r"\\log_{10} ", text)))
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

    try:
        value = read_latex(latex)
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
