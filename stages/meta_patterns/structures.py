"""Base cases whose answer has a form: choices, intervals, solution sets, sequences, formulas, truth values, parts."""

from __future__ import annotations

import random

from .base_case import BaseCase, distinct, number, pick
from .numbers import misread, unrelated

CHOICE = ("<a> + <b>?", "What is <a> plus <b>?", "Which of these is the sum of <a> and <b>?")
CHOICE_WORKING = ("Add <a> and <b>.", "We compare the sum with the options.", "Adding <b> to <a> leaves one option.")
LETTERS = "ABCD"


def choice(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """A sum with four options; the reference is a letter."""
    a, b = number(rng, low, high), number(rng, low, high)
    others = list(dict.fromkeys([*misread(a + b, rng), a + b + 10, a + b + 2, a + b + 3]))[:3]
    options = [str(value) for value in (a + b, *others)]
    rng.shuffle(options)
    right = LETTERS[options.index(str(a + b))]
    named = {"a": a, "b": b}
    listed = " ".join(f"{letter}) {text}" for letter, text in zip(LETTERS, options, strict=True))
    return BaseCase(
        family="choice",
        parameters={**named, "options": dict(zip(LETTERS, options, strict=True))},
        question=pick(CHOICE, wordings, rng, **named) + "\n" + listed,
        reference=right,
        answer_type="choice",
        answer=right,
        near=tuple(letter for letter in LETTERS if letter != right),
        far=("E", "F"),
        working=pick(CHOICE_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


INTERVAL = (
    "<a> <l> x <r> <b> as an interval?",
    "Write <a> <l> x <r> <b> as an interval.",
    "Which interval holds all x with <a> <l> x <r> <b>?",
)
INTERVAL_WORKING = ("From <a> to <b>.", "x runs from <a> to <b>.", "Each end is in or out as its sign says.")


def interval(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """An interval with open and closed ends."""
    a = number(rng, low, high)
    b = a + number(rng, low, high)
    left, right = rng.choice("(["), rng.choice(")]")
    named = {"a": a, "b": b, "l": "<" if left == "(" else "<=", "r": "<" if right == ")" else "<="}
    answer = f"{left}{a}, {b}{right}"
    slips = [f"{left}{a}, {value}{right}" for value in misread(b, rng) if value > a]
    slips += [f"{left}{value}, {b}{right}" for value in misread(a, rng) if value < b]
    return BaseCase(
        family="interval",
        parameters={"a": a, "b": b, "left": left, "right": right},
        question=pick(INTERVAL, wordings, rng, **named),
        reference=answer,
        answer_type="math",
        answer=answer,
        near=distinct(slips, answer),
        far=(f"{left}{b}, {a + 3 * b}{right}", f"{left}0, {a}{right}"),
        working=pick(INTERVAL_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


SOLUTIONS = (
    "All x with (x-<a>)(x-<b>)=0?",
    "Find all solutions of (x-<a>)(x-<b>)=0.",
    "Which values of x satisfy (x-<a>)(x-<b>)=0? Give all of them.",
)
ONE_SOLUTION = (
    "Any x with (x-<a>)(x-<b>)=0?",
    "Find one solution of (x-<a>)(x-<b>)=0.",
    "Give a value of x that satisfies (x-<a>)(x-<b>)=0; one is enough.",
)
SOLUTIONS_WORKING = ("One factor is 0.", "A product is 0 where a factor is.", "We look at each factor in turn.")


def solutions(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """The two roots of a product; the question asks for both."""
    a = number(rng, low, high)
    b = rng.choice([value for value in (number(rng, low, high) for _ in range(9)) if value != a] or [a + 1])
    a, b = sorted((a, b))
    named = {"a": a, "b": b}
    answer = f"{a}, {b}"
    slips = [f"{value}, {b}" for value in misread(a, rng) if value != b]
    slips += [f"{a}, {value}" for value in misread(b, rng) if value != a]
    return BaseCase(
        family="solutions",
        parameters=named,
        question=pick(SOLUTIONS, wordings, rng, **named),
        reference=answer,
        answer_type="math",
        answer=answer,
        near=distinct(slips, answer),
        far=distinct([*(f"{value}, {2 * value + 1}" for value in unrelated(b, rng)), f"{a + b}, {a + b + 1}"], answer),
        working=pick(SOLUTIONS_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


SEQUENCE = (
    "First <n> terms: <a>, +<d>?",
    "Give the first <n> terms of the arithmetic sequence that starts with <a> and has the difference <d>.",
    "Start with <a> and add <d> again and again. What are the first <n> numbers?",
)
SEQUENCE_WORKING = ("Add <d> each time.", "Each term is <d> more than the one before.", "We count up in steps of <d>.")


def sequence(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """The first terms of an arithmetic sequence: 6 of them where texts are to be short, else 8 to 12."""
    terms = 6 if wordings == 1 else rng.randint(8, 12)
    start, step = number(rng, low, high), rng.randint(2, 9)
    values = [start + step * index for index in range(terms)]
    named = {"n": terms, "a": start, "d": step}

    def listed(numbers: list[int]) -> str:
        return ", ".join(map(str, numbers))

    place = rng.randrange(terms)
    slip = rng.choice(misread(values[place], rng))
    return BaseCase(
        family="sequence",
        parameters={"values": values},
        question=pick(SEQUENCE, wordings, rng, **named),
        reference=listed(values),
        answer_type="sequence",
        answer=listed(values),
        near=(listed([*values[:place], slip, *values[place + 1 :]]),),
        far=(listed([start + (step + 1) * index for index in range(terms)]), listed([v + 1 for v in values])),
        working=pick(SEQUENCE_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


FORMULA = (
    "(x+<a>)(x+<b>) without brackets?",
    "Multiply out: (x+<a>)(x+<b>).",
    "Write (x+<a>)(x+<b>) as a sum of powers of x.",
)
FORMULA_WORKING = ("Multiply each by each.", "Every term meets every other.", "We multiply <a> and <b> and add both.")


def polynomial(linear: int, constant: int) -> str:
    """x^2 + bx + c as a completion writes it."""
    return f"x^2+{linear}x+{constant}"


def formula(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """A product of two sums, multiplied out."""
    a, b = number(rng, low, high), number(rng, low, high)
    named = {"a": a, "b": b}
    linear, constant = a + b, a * b
    slips = [polynomial(value, constant) for value in misread(linear, rng)]
    slips += [polynomial(linear, value) for value in misread(constant, rng)]
    return BaseCase(
        family="formula",
        parameters={**named, "linear": linear, "constant": constant},
        question=pick(FORMULA, wordings, rng, **named),
        reference=polynomial(linear, constant),
        answer_type="math",
        answer=polynomial(linear, constant),
        near=distinct(slips),
        far=(f"{linear}x+{constant}", f"x^2+{constant + linear + 7}"),
        working=pick(FORMULA_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


BOOLEAN = ("Is <a> > <b>?", "Is <a> greater than <b>?", "True or false: <a> is more than <b>.")
BOOLEAN_WORKING = ("Compare <a> and <b>.", "We compare the digits of <a> and <b>.", "Which of the two is larger?")


def boolean(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """Whether one number is greater than another."""
    a, b = number(rng, low, high), number(rng, low, high)
    named = {"a": a, "b": b}
    answers = ("Yes", "No") if a > b else ("No", "Yes")
    return BaseCase(
        family="boolean",
        parameters=named,
        question=pick(BOOLEAN, wordings, rng, **named),
        reference=answers[0],
        answer_type="boolean",
        answer=answers[0],
        near=answers[1:],
        far=answers[1:],
        working=pick(BOOLEAN_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


PARTS = (
    "(a) <a>+<b>? (b) <c>+<d>?",
    "Compute (a) <a>+<b> and (b) <c>+<d>.",
    "Answer both parts: (a) what is <a> plus <b>? (b) what is <c> plus <d>?",
)
PARTS_WORKING = ("Add twice.", "We take the parts one by one.", "Two sums are asked for.")


def parts(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """Two sums asked for together."""
    named = {name: number(rng, low, high) for name in "abcd"}
    first, second = named["a"] + named["b"], named["c"] + named["d"]

    def both(one: int, other: int) -> str:
        return f"(a) {one} (b) {other}"

    slips = [both(value, second) for value in misread(first, rng)] + [both(first, v) for v in misread(second, rng)]
    return BaseCase(
        family="parts",
        parameters={**named, "first": first, "second": second},
        question=pick(PARTS, wordings, rng, **named),
        reference=both(first, second),
        answer_type="multi",
        answer=both(first, second),
        near=distinct(slips),
        far=tuple(both(value, second + value) for value in unrelated(first, rng)),
        working=pick(PARTS_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


FAMILIES = {
    "choice": choice, "interval": interval, "solutions": solutions, "sequence": sequence, "formula": formula,
    "boolean": boolean, "parts": parts,
}  # fmt: skip
