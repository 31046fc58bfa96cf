"""The same value in another form, and its twins: another value in that form.

Units converted, one of the alternatives that the reference offers, a decrease with or without its sign, formulas
rearranged or factored, fractions that were to be reduced.
"""

from __future__ import annotations

import random

from .base_case import BaseCase, Pattern, Written, answered, pick
from .numbers import FRACTION, misread
from .structures import ONE_SOLUTION


def unit_conversion_equal(case: BaseCase, rng: random.Random) -> Written:
    total = case.parameters["sum"] * case.parameters["factor"]
    return Written(completion=answered(case, rng, f"{total} {case.parameters['smaller']}"))


def unit_conversion_unequal(case: BaseCase, rng: random.Random) -> Written:
    """Converted with the wrong factor, or another value converted rightly."""
    total, factor = case.parameters["sum"], case.parameters["factor"]
    other = rng.choice([total * 10, total * 100 if factor != 100 else total * 1000, misread(total, rng)[0] * factor])
    return Written(completion=answered(case, rng, f"{other} {case.parameters['smaller']}"))


def _alternatives(case: BaseCase, rng: random.Random) -> tuple[str, str]:
    """Question and reference where one of two values is enough."""
    question = pick(ONE_SOLUTION, case.wordings, rng, **case.parameters)
    return question, f"{case.parameters['a']} or {case.parameters['b']}"


def alternative_given(case: BaseCase, rng: random.Random) -> Written:
    question, reference = _alternatives(case, rng)
    answer = str(case.parameters[rng.choice("ab")])
    return Written(completion=answered(case, rng, answer), question=question, reference=reference)


def alternative_missed(case: BaseCase, rng: random.Random) -> Written:
    question, reference = _alternatives(case, rng)
    taken = {case.parameters["a"], case.parameters["b"]}
    others = [value for value in misread(case.parameters[rng.choice("ab")], rng) if value not in taken]
    answer = str(rng.choice(others or [sum(taken) + 1]))
    return Written(completion=answered(case, rng, answer), question=question, reference=reference)


DECREASE = ("decrease of <p>%", "a decrease of <p>%", "a fall of <p>%", "<p>% less")
INCREASE = ("increase of <p>%", "an increase of <p>%", "a rise of <p>%", "<p>% more")


def decrease_in_words(case: BaseCase, rng: random.Random) -> Written:
    answer = pick(DECREASE, case.wordings, rng, p=case.parameters["percent"])
    return Written(completion=answered(case, rng, answer))


def increase_for_decrease(case: BaseCase, rng: random.Random) -> Written:
    answer = pick(INCREASE, case.wordings, rng, p=case.parameters["percent"])
    return Written(completion=answered(case, rng, answer))


def _rearranged(a: int, b: int, linear: int, constant: int, rng: random.Random) -> str:
    """A form of x^2 + linear x + constant, which is (x+a)(x+b) where the numbers agree."""
    forms = [f"{constant}+{linear}x+x^2", f"{linear}x+x^2+{constant}", f"x(x+{linear})+{constant}"]
    if a * b == constant and a + b == linear:
        forms.append(f"(x+{b})(x+{a})")
    return rng.choice(forms)


def formula_rearranged(case: BaseCase, rng: random.Random) -> Written:
    a, b, linear, constant = (case.parameters[name] for name in ("a", "b", "linear", "constant"))
    answer = _rearranged(a, b, linear, constant, rng)
    return Written(completion=answered(case, rng, answer), question=_free_form(case, rng))


def formula_rearranged_unequal(case: BaseCase, rng: random.Random) -> Written:
    a, b, linear, constant = (case.parameters[name] for name in ("a", "b", "linear", "constant"))
    if rng.random() < 0.5:
        linear = rng.choice(misread(linear, rng))
    else:
        constant = rng.choice(misread(constant, rng))
    answer = _rearranged(a, b, linear, constant, rng)
    return Written(completion=answered(case, rng, answer), question=_free_form(case, rng))


FREE_FORM = (
    "Area of x+<a> by x+<b>?",
    "A rectangle has the sides x+<a> and x+<b>. What is its area?",
    "Give a formula for the area of a rectangle whose sides are x+<a> and x+<b>.",
)


def _free_form(case: BaseCase, rng: random.Random) -> str:
    """A question that leaves the form of the formula open."""
    return pick(FREE_FORM, case.wordings, rng, **case.parameters)


def not_simplified(case: BaseCase, rng: random.Random) -> Written:
    return Written(completion=answered(case, rng, f"{case.parameters['top']}/{case.parameters['n']}"))


def unsimplified_unasked(case: BaseCase, rng: random.Random) -> Written:
    """The same fraction where the question does not ask for lowest terms."""
    question = pick(FRACTION, case.wordings, rng, **case.parameters) + "?"
    return Written(completion=not_simplified(case, rng).completion, question=question)


PATTERNS = (
    Pattern(
        name="unit-conversion-equal", label="A", families=("quantity",), write=unit_conversion_equal,
        description="the right quantity in a smaller unit",
    ),
    Pattern(
        name="unit-conversion-unequal", label="B", families=("quantity",), write=unit_conversion_unequal,
        description="a smaller unit, wrongly converted",
    ),
    Pattern(
        name="alternative-given", label="A", families=("solutions",), write=alternative_given,
        description="the reference offers two values, one of them is given",
    ),
    Pattern(
        name="alternative-missed", label="B", families=("solutions",), write=alternative_missed,
        description="the reference offers two values, neither is given",
    ),
    Pattern(
        name="decrease-in-words", label="A", families=("change",), write=decrease_in_words,
        description="a decrease said in words instead of by its sign",
    ),
    Pattern(
        name="increase-for-decrease", label="B", families=("change",), write=increase_for_decrease,
        description="an increase where the reference is a decrease",
    ),
    Pattern(
        name="formula-rearranged", label="A", families=("formula",), write=formula_rearranged,
        description="the right formula rearranged or factored, where no form is asked for",
    ),
    Pattern(
        name="formula-rearranged-unequal", label="B", families=("formula",), write=formula_rearranged_unequal,
        description="a formula rearranged, with one wrong coefficient",
    ),
    Pattern(
        name="not-simplified", label="B", families=("fraction",), write=not_simplified,
        description="the right value, not in lowest terms although they are asked for",
    ),
    Pattern(
        name="unsimplified-unasked", label="A", families=("fraction",), write=unsimplified_unasked,
        description="the right value, not in lowest terms, where they are not asked for",
    ),
)  # fmt: skip
