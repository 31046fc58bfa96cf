r"""Import the expression parser and sympy, and use them once, so that forked workers inherit their tables.

The parser (ANTLR) builds its tables while it reads, sympy imports its modules when they are first needed: the first
expression of a kind takes ten times as long as the second. Without this the CPU time of a row would depend on the rows
before it.
"""

from fractions import Fraction

PAIRS = (
    (r"\frac{x+1}{2}", r"\frac{x}{2}+\frac{1}{2}"),
    (r"\sqrt{8}", r"2\sqrt{2}"),
    (r"(x+1)^2-3*y", r"x^2+2x+1-3y"),
    (r"\sin(2x)+\log_2 8", r"2\sin x\cos x+3"),
    (r"x^{\frac{1}{3}}", r"\sqrt[3]{x}"),
    (r"\binom{n}{2}", r"\frac{n(n-1)}{2}"),
    ("n!", "n(n-1)!"),
    (r"e^{i\pi}+|a_1|", r"|a_1|-1"),
    (r"\int_0^1 x dx", r"\frac12"),
    (r"3x+4y+14=0", r"-3x-4y-14=0"),
    (r"\{1,2,\sqrt{3}\}", r"\{\sqrt3,1,2\}"),
    (r"x^2+x \le 2", r"x^2+x-2 \le 0"),
    (r"\infty", r"\infty+1"),
    ("x+1", "x+2"),
)


def warm_up() -> None:
    """Compare what is above."""
    from .question import Asked
    from .types import compare_fully

    for expected, answer in PAIRS:
        compare_fully("math", expected, answer, Asked(), Fraction(1, 10_000))
