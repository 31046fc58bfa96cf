r"""Rows for the benchmarks of rule verification: answers of many kinds, each unique, half of them right.

`unique_rows` gives every row a problem of its own, `repeated_rows` gives every problem 16 rollouts that repeat a few
answers, as the rollouts of a group do.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

PROSE = (
    "We are given two conditions and write down what they say. Let us call the unknown $t$; then $t+{n}$ is the other "
    "one, and both sides can be divided by ${n}$ since it is not zero. Substituting the second equation into the first "
    "gives what we need, and a check with $t={n}$ shows that no case was lost.\n\nTherefore the final answer is "
)


class Row(NamedTuple):
    question: str
    reference: str
    completion: str


Pair = tuple[str, str, str]
"""A reference, a right answer, a wrong answer."""


def _integer(n: int, rng: random.Random) -> Pair:
    value = 1000 + 7 * n + rng.randrange(7)
    return str(value), f"{value:,}", str(value + 1)


def _decimal(n: int, rng: random.Random) -> Pair:
    return f"{n}.{rng.randrange(10, 99)}5", f"{n}.5", f"{n}.0{rng.randrange(10, 99)}"


def _fraction(n: int, rng: random.Random) -> Pair:
    a, b = 2 * n + 1, 2 * n + 3 + 2 * rng.randrange(5)
    return rf"\frac{{{a}}}{{{b}}}", rf"\dfrac{{{3 * a}}}{{{3 * b}}}", f"{b}/{a}"


def _unit(n: int, rng: random.Random) -> Pair:
    return rf"{n}\text{{ cm}}", rf"{n} \text{{ cm}}", rf"{n + rng.randrange(1, 9)} \text{{ cm}}"


def _root(n: int, rng: random.Random) -> Pair:
    k = rng.choice([2, 3, 5, 7])
    return rf"{n}\sqrt{{{k}}}", rf"\sqrt{{{n * n * k}}}", rf"\sqrt{{{n * n * k + 1}}}"


def _pi(n: int, rng: random.Random) -> Pair:
    return rf"\frac{{{2 * n + 1}\pi}}{{4}}", rf"{2 * n + 1}\pi/4", rf"\frac{{{2 * n + 3}\pi}}{{4}}"


def _power(n: int, rng: random.Random) -> Pair:
    k = rng.randrange(5, 12)
    return str(n * 2**k), rf"{n} \cdot 2^{{{k}}}", rf"{n} \cdot 2^{{{k + 1}}}"


def _scientific(n: int, rng: random.Random) -> Pair:
    k = rng.randrange(3, 9)
    return rf"{n}.5 \times 10^{{{k}}}", str((10 * n + 5) * 10 ** (k - 1)), rf"{n}.5 \times 10^{{{k + 1}}}"


def _binomial(n: int, rng: random.Random) -> Pair:
    return str((n + 2) * (n + 1) // 2), rf"\binom{{{n + 2}}}{{2}}", rf"\binom{{{n + 3}}}{{2}}"


def _linear(n: int, rng: random.Random) -> Pair:
    b = rng.randrange(1, 50)
    return f"{n}x+{b}", f"{b} + {n}x", f"{n}x-{b}"


def _polynomial(n: int, rng: random.Random) -> Pair:
    b = rng.randrange(1, 50)
    return f"(x+{n})(x-{b})", f"x^2 + {n - b}x - {n * b}".replace("+ -", "- "), f"x^2 + {n + b}x - {n * b}"


def _two_variables(n: int, rng: random.Random) -> Pair:
    return f"{n}(a+b)^2", f"{n}a^2 + {2 * n}ab + {n}b^2", f"{n}a^2 + {n}ab + {n}b^2"


def _rational(n: int, rng: random.Random) -> Pair:
    return rf"\frac{{x+{n}}}{{x-1}}", rf"1 + \frac{{{n + 1}}}{{x-1}}", rf"1 + \frac{{{n}}}{{x-1}}"


def _trigonometric(n: int, rng: random.Random) -> Pair:
    return rf"{n}\sin(2x)", rf"{2 * n}\sin x\cos x", rf"{n}\sin x\cos x"


def _logarithm(n: int, rng: random.Random) -> Pair:
    return rf"{n}+\log_2 x", rf"\log_2 x + {n}", rf"\log_2 x - {n}"


def _exponential(n: int, rng: random.Random) -> Pair:
    return rf"{n}e^{{2x}}", rf"{n}(e^x)^2", rf"{n}e^{{x^2}}"


def _complex(n: int, rng: random.Random) -> Pair:
    return f"{n}+{n + 1}i", f"{n + 1}i + {n}", f"{n}-{n + 1}i"


def _equation(n: int, rng: random.Random) -> Pair:
    b = rng.randrange(1, 50)
    return f"y={n}x+{b}", f"{n}x - y + {b} = 0", f"{n}x + y + {b} = 0"


def _inequality(n: int, rng: random.Random) -> Pair:
    return f"x > {n}", rf"({n}, \infty)", rf"[{n}, \infty)"


def _interval(n: int, rng: random.Random) -> Pair:
    b = n + rng.randrange(1, 50)
    return f"[{n},{b})", rf"{n} \le x < {b}", f"[{n}, {b}]"


def _union(n: int, rng: random.Random) -> Pair:
    return rf"(-\infty,{n})\cup({n + 1},\infty)", rf"(-\infty, {n}) \cup ({n + 1}, \infty)", rf"({n}, {n + 1})"


def _set(n: int, rng: random.Random) -> Pair:
    return rf"\{{{n},{n + 1},\sqrt{{2}}\}}", rf"\{{\sqrt{{2}}, {n + 1}, {n}\}}", rf"\{{{n}, {n + 1}\}}"


def _tuple(n: int, rng: random.Random) -> Pair:
    return rf"({n},\frac{{1}}{{2}},\sqrt{{12}})", rf"({n}, 0.5, 2\sqrt{{3}})", rf"(0.5, {n}, 2\sqrt{{3}})"


def _matrix(n: int, rng: random.Random) -> Pair:
    left, right = r"\begin{pmatrix}", r"\end{pmatrix}"
    return (
        rf"{left}{n}&1\\0&\frac{{1}}{{2}}{right}",
        rf"{left} {n} & 1 \\ 0 & 1/2 {right}",
        rf"{left} {n} & 0 \\ 1 & 1/2 {right}",
    )


KINDS: tuple[Callable[[int, random.Random], Pair], ...] = (
    _integer, _decimal, _fraction, _unit, _root, _pi, _power, _scientific, _binomial, _linear, _polynomial,
    _two_variables, _rational, _trigonometric, _logarithm, _exponential, _complex, _equation, _inequality, _interval,
    _union, _set, _tuple, _matrix,
)  # fmt: skip


HANGING = (
    "9^{9^{9^{9}}}",
    r"3^{4\cdot 10^{8}}+1",
    "(10^7)!",
    r"\sum_{k=1}^{10^8} \frac{1}{k^2+\sin k}",
    r"\binom{10^8}{5\cdot 10^7}",
)
"""Answers that keep an evaluation busy for long, some of them for ever."""


def unique_rows(count: int, start: int = 0) -> list[Row]:
    """Rows number `start` and following, of all kinds in turn; no two have the same reference and answer."""
    rows = []
    for index in range(start, start + count):
        n, rng = 3 + index // len(KINDS), random.Random(index)
        reference, right, wrong = KINDS[index % len(KINDS)](n, rng)
        rows.append(_row(index, n, reference, right if rng.random() < 0.5 else wrong))
    return rows


def repeated_rows(problems: int, start: int = 0, rollouts: int = 16) -> list[Row]:
    """A group of rollouts a problem: about half give a right answer in one of two forms, the others one of three."""
    rows = []
    for index in range(start, start + problems):
        n, rng = 3 + index // len(KINDS), random.Random(index)
        reference, right, wrong = KINDS[index % len(KINDS)](n, rng)
        answers = [right, right, right, reference, wrong, wrong, f"{n}+{n}", f"{n}-x"]
        rows += [_row(index, n, reference, rng.choice(answers)) for _ in range(rollouts)]
    return rows


def with_hanging_rows(rows: list[Row], every: int) -> list[Row]:
    """The same rows, with the answer of one in `every` replaced by one that hangs."""
    return [
        _row(index, index, "4", HANGING[index // every % len(HANGING)]) if index % every == every // 2 else row
        for index, row in enumerate(rows)
    ]


def _row(index: int, n: int, reference: str, answer: str) -> Row:
    return Row(f"Problem {index}: work it out.", reference, PROSE.replace("{n}", str(n)) + rf"$\boxed{{{answer}}}$.")
