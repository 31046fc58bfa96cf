r"""See on the text of an answer what is left to be simplified: `\frac{6}{8}`, `\sqrt{8}`, `\frac{1}{\sqrt{2}}`.

`symbolic.unfinished` sees the rest on the expression.
"""

import re
from math import gcd

_RATIO = re.compile(r"\\frac\{-?(\d{1,300})\}\{-?(\d{1,300})\}|(?<![\d.^}])(\d{1,300})/(\d{1,300})(?![\d.^])")
_ROOT = re.compile(r"\\sqrt(?:\[(\d{1,2})\])?\{(\d{1,12})\}")
_ROOT_BELOW = re.compile(r"\\frac\{(?:[^{}]|\{[^{}]*\})*\}\{[^{}]*\\sqrt|/\(?\d*\\sqrt")


def left_to_do(text: str) -> str | None:
    """What is not simplified in a text in normal form; None when nothing is seen."""
    for match in _RATIO.finditer(text):
        upper, lower = int(match[1] or match[3]), int(match[2] or match[4])
        if gcd(upper, lower) > 1 or lower == 1:
            return f"{match[0]} can be reduced"
    for match in _ROOT.finditer(text):
        if _holds_power(int(match[2]), int(match[1] or 2)):
            return f"{match[0]} can be drawn out"
    if _ROOT_BELOW.search(text):
        return "a root in a denominator"
    return None


def _holds_power(radicand: int, degree: int) -> bool:
    """Whether a power above 1 divides a radicand: 8 holds 4 = 2^2; beyond a million only small ones are looked for."""
    return any(radicand % base**degree == 0 for base in range(2, 1001) if base**degree <= radicand)
