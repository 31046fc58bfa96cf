r"""Import the expression parser and sympy, and use them once, so that forked workers inherit their tables.

The parser (ANTLR) builds its tables while it reads, sympy imports its modules when they are first needed: the first
expression of a kind takes ten times as long as the second. Without this the CPU time of a row would depend on the rows
before it.
"""

from fractions import Fraction

READ = (
    r"-\frac{3x^2-1}{2(x+1)}", r"(x+2)(x-3)+4", "3(a+b)^2-2a^2b", "x^3+2x^2y-xy^2+7", r"1+\frac{4}{x-1}-\frac{x}{3}",
    r"12\sin x\cos x-\tan(2x)", r"\sin^2 x+\cos^2(x+1)", r"3+\log_2 x-\ln 5", "3e^{2x}+1", "2(e^x)^2-e^{x^2}",
    r"e^{-\frac{x}{2}}", "-2i+(1-i)^2", r"\sqrt{12}+2\sqrt{3}-x", r"\frac{1+\sqrt{5}}{2}", r"\sqrt[3]{x^2+1}",
    r"\frac{7\pi}{4}", r"2\pi r^2-\frac{1}{3}\pi r^2h", r"3\cdot 2^{10}", "2^{n+1}-2^{-k}", r"\binom{n+1}{k-1}",
    r"\frac{n!}{k!(n-k)!}", r"\frac{\frac{1}{2}}{x+\frac{1}{3}}", "(x-1)^2+(y+2)^2-9", "(3x-2)-(5)", "x^{1/2}",
)  # fmt: skip
"""Expressions of the usual forms."""

COMPARED = (
    (r"\frac{x+1}{2}", r"\frac{x}{2}+\frac{1}{2}"),
    (r"\sqrt{8}", r"2\sqrt{2}"),
    (r"\sin(2x)+\log_2 8", r"2\sin x\cos x+3"),
    (r"x^{\frac{1}{3}}", r"\sqrt[3]{x}"),
    (r"\binom{n}{2}", r"\frac{n(n-1)}{2}"),
    (r"e^{i\pi}+|x|", r"|x|-1"),
    (r"3x+4y+14=0", r"-3x-4y-14=0"),
    (r"\{1,2,\sqrt{3}\}", r"\{\sqrt3,1,2\}"),
    (r"x^2+x \le 2", r"x^2+x-2 \le 0"),
    (r"\infty", r"\infty+1"),
    ("x+1", "x+2"),
)
"""Pairs that take the paths through sympy."""


def warm_up() -> None:
    """Read and compare what is above."""
    from .expression import NotUnderstood, read_expression
    from .normalise import normalise
    from .question import Asked
    from .types import compare_fully

    for text in READ:
        try:
            read_expression(normalise(text))
        except NotUnderstood as problem:
            raise AssertionError(text) from problem
    for expected, answer in COMPARED:
        compare_fully("math", expected, answer, Asked(), Fraction(1, 10_000))
