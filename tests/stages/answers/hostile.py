"""Rows made to hang, crash or fool a verifier, and good rows to stand among them."""

import random
from collections.abc import Callable
from typing import NamedTuple

from whet.artifacts import Problem, make_problem


class Row(NamedTuple):
    """What one rollout says, and what it is compared with."""

    kind: str
    text: str
    reference: str
    answer_type: str | None = None
    question: str = "What is it?"

    @property
    def problem(self) -> Problem:
        return make_problem([{"role": "user", "content": self.question}], self.reference, self.answer_type)


def _boxed(answer: str) -> str:
    return rf"So we get \boxed{{{answer}}}."


MEGABYTE = 1_000_000

ANSWERS: dict[str, Callable[[int], str]] = {
    "tower of powers": lambda n: f"9^{{9^{{9^{{{n + 9}}}}}}}",
    "python powers": lambda n: f"9**9**9**{n + 9}",
    "huge factorial": lambda n: f"({n + 10}^{{7}})!+1",
    "repeated factorial": lambda n: f"{n + 5}!!!!!!!",
    "huge binomial": lambda n: rf"\binom{{{n + 1}0^8}}{{5\cdot 10^7}}+1",
    "nested parentheses": lambda n: "(" * (600 + n) + "x" + ")" * (600 + n),
    "nested braces": lambda n: "{" * (500 + n) + "x+1" + "}" * (500 + n),
    "nested fractions": lambda n: r"\frac{1}{" * (150 + n) + "x" + "}" * (150 + n),
    "nested roots": lambda n: r"\sqrt{" * (200 + n) + "x+1" + "}" * (200 + n),
    "right-hand powers": lambda n: "x^{" * (150 + n) + "2" + "}" * (150 + n),
    "many signs": lambda n: "-" * (1800 + n) + "5",
    "many terms": lambda n: "+".join(f"x^{{{k}}}" for k in range(2, 180 + n)),
    "huge expansion": lambda n: f"(x+y+z+w)^{{{60 + n}}}-(x+y)^{{{59 + n}}}",
    "endless sum": lambda n: rf"\sum_{{k=1}}^{{10^{{9}}}} \frac{{1}}{{k^2+{n + 1}\sin k}}",
    "hard integral": lambda n: rf"\int_0^1 \frac{{x^{{{n + 7}}}\sin(x^x)}}{{\log(x+2)^{{x}}}} dx",
    "memory bomb": lambda n: rf"\lfloor 2^{{2^{{{33 + n % 3}}}}}/3 \rfloor",
    "long root of a big number": lambda n: rf"\sqrt[{n + 3}]{{10^{{10^{{7}}}}+{n}}}",
    "enormous integer": lambda n: "9" * (5_000 + n),
    "enormous product": lambda n: r"\cdot ".join(["9" * 90] * (20 + n % 3)),
    "huge exponent": lambda n: f"1.5e99999999{n}",
    "decimals": lambda n: "0." + "3" * (1_500 + n) + "+x",
    "NUL bytes": lambda n: "4\x00" * (50 + n),
    "lone surrogates": lambda n: "\ud800x\udfff" * (1 + n),
    "turned pair": lambda n: "\udc00\ud800" + "4" * n,
    "right-to-left marks": lambda n: "\u202e5\u2066" + "\u200f" * (200 + n) + "4",
    "combining marks": lambda n: "x" + "\u0301" * (3_000 + n),
    "control characters": lambda n: "".join(map(chr, range(1, 32))) * (3 + n),
    "text braces": lambda n: r"\text{" * (900 + n) + "a",
    "digits and commas": lambda n: "1," * (2_400 + n) + "a",
    "blanks": lambda n: "a" + " " * (4_000 + n) + "b",
    "words": lambda n: "ab " * (2_000 + n),
    "a long list": lambda n: ",".join(f"x+{k}" for k in range(100 + n)),
    "a large matrix": lambda n: r"\begin{pmatrix}" + r"\\".join(["x&y&z"] * (60 + n)) + r"\end{pmatrix}",
    "a megabyte": lambda n: "x+" * (MEGABYTE // 2 + n) + "1",
    "dollar signs": lambda n: "$" * (3_000 + n) + "x",
    "backslashes": lambda n: "\\" * (3_001 + n),
}
"""By kind: an answer, different for every number."""

TEXTS: dict[str, Callable[[int], str]] = {
    "ten megabytes": lambda n: r"\boxed{" + "9" * (10 * MEGABYTE + n) + "}",
    "boxes that never close": lambda n: r"\boxed{" * (50_000 + n),
    "reasoning that never ends": lambda n: "<think>" * (50_000 + n) + "4",
    "tags in turn": lambda n: "<think></think>" * (30_000 + n) + "so",
    "answers without end": lambda n: "the answer is " * (30_000 + n),
    "marks without end": lambda n: "#### " * (30_000 + n),
    "one word": lambda n: "a" * (MEGABYTE + n),
    "lines": lambda n: "\n" * (MEGABYTE // 2 + n),
    "a loop": lambda n: "wait, let me check again. " * (20_000 + n),
    "nothing": lambda n: " " * n,
}
"""By kind: a whole rollout, different for every number."""

TYPED: dict[str, tuple[str, str, Callable[[int], str]]] = {
    "deep json": ("json", '{"a": 1}', lambda n: "[" * (2_000 + n)),
    "wide json": ("json", '{"a": 1}', lambda n: "{" + ",".join(f'"{k}": [{k}]' for k in range(400 + n)) + "}"),
    "json numbers": ("json", '{"a": 1}', lambda n: '{"a": ' + "9" * (5_000 + n) + "}"),
    "long sequence": ("sequence", "1, 2, 3", lambda n: ", ".join(["2"] * (1_200 + n))),
    "many parts": ("multi", "(1) 4 (2) 5", lambda n: "".join(f"({k}) {k} " for k in range(1, 300 + n))),
    "many letters": ("choice", "B", lambda n: "A, " * (2_000 + n)),
    "true and false": ("boolean", "true", lambda n: "true false " * (500 + n)),
    "long text": ("text", "the cat sat on the mat", lambda n: "the cat " * (1_100 + n)),
}
"""By kind: the answer type, the reference, an answer."""

REFERENCES: dict[str, Callable[[int], str]] = {
    "a reference that hangs": lambda n: f"9^{{9^{{9^{{{n + 9}}}}}}}",
    "a reference of ten megabytes": lambda n: "x+" * (5 * MEGABYTE + n) + "1",
    "a reference of braces": lambda n: "{" * (3_000 + n),
    "a reference with NUL": lambda n: "x\x00+" + "y" * (n + 1) + "\x00",
}
"""By kind: the reference of a rollout that says 4."""

KINDS = (*ANSWERS, *TEXTS, *TYPED, *REFERENCES)


def hostile_rows(count: int) -> list[Row]:
    """Hostile rows of all kinds in turn, no two alike."""
    return [_hostile(KINDS[index % len(KINDS)], index // len(KINDS)) for index in range(count)]


def _hostile(kind: str, number: int) -> Row:
    if kind in ANSWERS:
        return Row(kind, _boxed(ANSWERS[kind](number)), "x+7" if number % 2 else "4", "math")
    if kind in TEXTS:
        return Row(kind, TEXTS[kind](number), "4")
    if kind in TYPED:
        answer_type, reference, answer = TYPED[kind]
        return Row(kind, _boxed(answer(number)), reference, answer_type)
    return Row(kind, _boxed("4"), REFERENCES[kind](number), "math")


def good_rows(count: int) -> list[Row]:
    """Rows as real data holds them: most are plain numbers, some take symbolic work; about half are right."""
    rng = random.Random(0)
    forms: tuple[Callable[[int], tuple[str, str]], ...] = (
        lambda n: (str(n), f"{n:,}"),
        lambda n: (f"{n}.5", f"{2 * n + 1}/2"),
        lambda n: (rf"\frac{{{n}}}{{{n + 1}}}", rf"\dfrac{{{n}}}{{{n + 1}}}"),
        lambda n: (rf"{n}\text{{ cm}}", f"{n}"),
        lambda n: (f"({n}, {n + 1})", f"({n},{n + 1})"),
        lambda n: (str(2 * n), f"{n}+{n}"),
        lambda n: (f"{n}x+1", f"1+{n}x"),
        lambda n: (rf"{n}\sqrt{{2}}", rf"\sqrt{{{2 * n * n}}}"),
    )
    rows = []
    for index in range(count):
        n = 2 + index // len(forms)
        reference, right = forms[index % len(forms)](n)
        wrong = rng.random() < 0.5
        rows.append(Row("good", _boxed(f"{n + 3}.25" if wrong else right), reference, "math"))
    return rows


def mixed(good: list[Row], hostile: list[Row], seed: int = 0) -> list[Row]:
    """All rows in an order drawn from the seed; the good ones keep theirs."""
    rng = random.Random(seed)
    places = set(rng.sample(range(len(good) + len(hostile)), len(hostile)))
    bad, rest = iter(hostile), iter(good)
    return [next(bad) if index in places else next(rest) for index in range(len(good) + len(hostile))]
