"""Base cases whose answer is a number: quantities with a unit, rounding, percent changes, prices, fractions."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_UP, Decimal
from math import gcd

from .base_case import BaseCase, distinct, number, pick

UNITS = (("km", "m", 1000), ("m", "cm", 100), ("kg", "g", 1000), ("h", "min", 60), ("min", "s", 60), ("L", "mL", 1000))
"""A unit, a smaller one, and how many of the smaller one make one of the larger."""


def misread(value: int, rng: random.Random) -> list[int]:
    """Other positive numbers that a slip makes of one: off by one, one digit changed, two digits swapped."""
    digits = str(value)
    place = rng.randrange(len(digits))
    changed = rng.choice([digit for digit in "123456789" if digit != digits[place]])
    texts = [digits[:place] + changed + digits[place + 1 :]]
    if len(digits) > 1:
        place = rng.randrange(len(digits) - 1)
        texts.append(digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :])
    found = [int(text) for text in texts if not text.startswith("0")] + [value + 1, value - 1]
    return [other for other in dict.fromkeys(found) if other > 0 and other != value]


def unrelated(value: int, rng: random.Random) -> list[int]:
    """Positive numbers of about the same size that are not near."""
    top = max(9, 10 ** len(str(value)) - 1)
    found = [rng.randint(1, top) for _ in range(6)]
    return [other for other in dict.fromkeys(found) if abs(other - value) > 1] or [value + top // 2]


QUANTITY = (
    "<a> <u> + <b> <u>?",
    "What is <a> <u> plus <b> <u>?",
    "One part measures <a> <u>, the other <b> <u>. What do they measure together?",
    "Add <b> <u> to <a> <u> and give the sum with its unit.",
)
QUANTITY_WORKING = ("Add <a> and <b>.", "We add <b> to <a>.", "Both are in <u>, so <a> and <b> can be added.")


def quantity(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """The sum of two quantities in one unit."""
    a, b, (unit, smaller, factor) = number(rng, low, high), number(rng, low, high), rng.choice(UNITS)
    named = {"a": a, "b": b, "u": unit}
    answer = f"{a + b} {unit}"
    return BaseCase(
        family="quantity",
        parameters={"a": a, "b": b, "sum": a + b, "unit": unit, "smaller": smaller, "factor": factor},
        question=pick(QUANTITY, wordings, rng, **named),
        reference=answer,
        answer_type="number",
        answer=answer,
        near=tuple(f"{value} {unit}" for value in misread(a + b, rng)),
        far=tuple(f"{value} {unit}" for value in unrelated(a + b, rng)),
        working=pick(QUANTITY_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


ROUNDING = (
    "Round <x> to <n> decimal places.",
    "What is <x>, rounded to <n> decimal places?",
    "Give <x> correct to <n> decimal places.",
)
ROUNDING_WORKING = ("Round <x>.", "The digit after the last one kept decides.", "<x> is rounded to <n> places.")


def rounding(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """A decimal to be rounded to 2 or 3 places; the digit that decides is never 5."""
    places = rng.randint(2, 3)
    kept = number(rng, low, high) * 10**places + rng.randint(1, 10**places - 1)
    decides, last = rng.choice("12346789"), rng.randint(1, 9)
    exact = Decimal(f"{kept}{decides}{last}").scaleb(-(places + 2))
    unit = Decimal(1).scaleb(-places)
    rounded = exact.quantize(unit, ROUND_HALF_UP)
    # The other neighbour: cut where it should go up, raised where it should stay.
    other = rounded - unit if int(decides) >= 5 else rounded + unit
    named = {"x": exact, "n": places}
    return BaseCase(
        family="rounding",
        parameters={"exact": str(exact), "places": places, "other": str(other)},
        question=pick(ROUNDING, wordings, rng, **named),
        reference=str(rounded),
        answer_type="number",
        answer=str(rounded),
        near=(str(rounded + 10 * unit), str(rounded + 2 * unit), str(rounded - 2 * unit)),
        far=tuple(str(value * unit) for value in unrelated(int(rounded / unit), rng)),
        working=pick(ROUNDING_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


CHANGE = (
    "<old> falls to <new>. Change in percent?",
    "A price falls from <old> to <new>. What is the change in percent?",
    "By what percentage does a value change that goes from <old> to <new>?",
)
CHANGE_WORKING = ("Compare <new> with <old>.", "The difference is divided by <old>.", "We start from <old>.")


def change(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """A decrease in percent, a whole number; the reference carries the minus sign."""
    percent, scale = rng.randint(1, 99), number(rng, low, high)
    old, new = 100 * scale, (100 - percent) * scale
    named = {"old": old, "new": new}
    answer = f"-{percent}%"
    return BaseCase(
        family="change",
        parameters={**named, "percent": percent},
        question=pick(CHANGE, wordings, rng, **named),
        reference=answer,
        answer_type="number",
        answer=answer,
        near=tuple(f"-{value}%" for value in misread(percent, rng)),
        far=tuple(f"-{value}%" for value in unrelated(percent, rng)),
        working=pick(CHANGE_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


PRICE = (
    "$<a> and $<b> in all?",
    "Two tickets cost $<a> and $<b>. What do they cost together?",
    "Someone pays $<a> for a book and $<b> for a map. How much is paid in all?",
)
PRICE_WORKING = ("Add <a> and <b>.", "The total is the sum of both prices.", "We add <b> dollars to <a> dollars.")


def price(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """The sum of two prices in dollars."""
    a, b = number(rng, low, high), number(rng, low, high)
    named = {"a": a, "b": b}
    return BaseCase(
        family="price",
        parameters={**named, "sum": a + b},
        question=pick(PRICE, wordings, rng, **named),
        reference=f"${a + b}",
        answer_type="number",
        answer=rf"\${a + b}" if wordings > 1 else f"${a + b}",
        near=tuple(f"${value}" for value in misread(a + b, rng)),
        far=tuple(f"${value}" for value in unrelated(a + b, rng)),
        working=pick(PRICE_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


FRACTION = (
    "<a>/<n> + <b>/<n>",
    "What is <a>/<n> plus <b>/<n>",
    "How much are <a>/<n> and <b>/<n> together",
)
IN_LOWEST_TERMS = (" in lowest terms?", " in simplest form?", ", as a fraction in lowest terms?")
FRACTION_WORKING = ("Add <a> and <b>.", "The denominators agree, so the numerators are added.", "Both are over <n>.")


def fraction(rng: random.Random, low: int, high: int, wordings: int) -> BaseCase:
    """The sum of two fractions over one denominator that can be reduced; the question asks for lowest terms."""
    while True:
        lower, factor = number(rng, low, high) + 1, rng.randint(2, 9)
        upper = rng.randint(1, 2 * lower)
        if gcd(upper, lower) == 1 and upper * factor > 1:
            break
    top, bottom = upper * factor, lower * factor
    a = rng.randint(1, top - 1)
    named = {"a": a, "b": top - a, "n": bottom}
    others = [f"{value}/{lower}" for value in misread(upper, rng) if gcd(value, lower) == 1]
    return BaseCase(
        family="fraction",
        parameters={**named, "top": top, "upper": upper, "lower": lower},
        question=pick(FRACTION, wordings, rng, **named) + pick(IN_LOWEST_TERMS, wordings, rng),
        reference=f"{upper}/{lower}",
        answer_type="math",
        answer=f"{upper}/{lower}",
        near=distinct([*others, f"{upper}/{lower + 1}"]),
        far=tuple(f"{upper + lower * value}/{lower}" for value in unrelated(upper, rng)),
        working=pick(FRACTION_WORKING, wordings, rng, **named),
        wordings=wordings,
    )


FAMILIES = {"quantity": quantity, "rounding": rounding, "change": change, "price": price, "fraction": fraction}
