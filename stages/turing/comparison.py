"""Compare numbers: the digits of each operand are the length; the answer is `>`, `<` or `=`.

States `{length}`, then `{int,i}` and `{frac,i}` from the most significant digit on; the first difference halts.

Deviations: operands have no sign; the answer is the relation and not the larger number.
"""

import random
from collections.abc import Mapping
from typing import Any

from ._decimals import draw_number, scaled, split_number
from ._instance import Instance
from ._tape import Style, Tape

ANSWER_TYPE = "text"

INDEPENDENT = 0.2
"""Share of pairs that have nothing in common: mostly decided by their lengths or the first digit."""

TEMPLATES = (
    "{a}?{b}",
    "{a} ? {b} (answer >, < or =)",
    "Compare {a} and {b}: answer >, < or =.",
    "Which sign belongs between {a} and {b}: >, < or =?",
    "Put >, < or = in the gap: {a} _ {b}",
    "Is {a} larger than, smaller than or equal to {b}? Answer >, < or =.",
    "Let x = {a} and y = {b}. How does x compare with y? Answer >, < or =.",
    "Choose the right relation among >, < and = from {a} to {b}.",
    "Decide the order of {a} and {b} and write it as >, < or =.",
    "Fill in the relation: {a} [ ] {b}. Use >, < or =.",
    "Does {a} exceed {b}, fall short of it or equal it? Answer >, < or =.",
    "State with >, < or = how {a} relates to {b}.",
    "Two numbers are given, first {a}, then {b}. Write >, < or = between them.",
    "What is true of {a} against {b}: >, < or =?",
    "Account A holds {a} and account B holds {b}. Compare A with B: >, < or =.",
    "One rope is {a} metres long, another {b} metres. Compare the first with the second: >, < or =.",
    "A runner needed {a} seconds, her rival {b}. Compare her time with the rival's: >, < or =.",
    "Town A has an area of {a} and town B of {b}. Compare A with B: >, < or =.",
    "A parcel weighs {a} grams, the limit is {b} grams. Compare the weight with the limit: >, < or =.",
    "The first measurement reads {a}, the second {b}. Compare the first with the second: >, < or =.",
)


def generate(rng: random.Random, low: int, high: int, *, decimals: bool = False) -> Instance:
    """Two numbers of low..high digits each, most pairs with a common beginning of 0..all digits."""
    digits = rng.randint(low, high)
    a = draw_number(rng, digits, decimals)
    if rng.random() < INDEPENDENT:
        b = draw_number(rng, rng.randint(low, high), decimals)
    else:
        # Whole numbers of other lengths differ at once; after a point they may differ late.
        length = rng.randint(low, high) if "." in a else digits
        shared = rng.randint(0, min(digits, length))
        whole = split_number(a)[0]
        b = draw_number(rng, length, decimals, a.replace(".", "")[:shared], len(whole))
    if rng.random() < 0.5:
        a, b = b, a
    places = max(len(split_number(a)[1]), len(split_number(b)[1]))
    return Instance({"a": a, "b": b}, _relation(scaled(a, places), scaled(b, places)), canonical=sorted((a, b)))


def think(payload: Mapping[str, Any], style: Style = "full") -> str:
    """Compare the lengths before the point, then digit by digit from the left."""
    tape = Tape(style)
    a, b = str(payload["a"]), str(payload["b"])
    (a_whole, a_fraction), (b_whole, b_fraction) = split_number(a), split_number(b)
    relation = _relation(len(a_whole), len(b_whole))
    listed = "\n".join(
        f"{name}: int {_indexed(whole)} frac {_indexed(fraction)}".rstrip()
        for name, whole, fraction in (("x1", a_whole, a_fraction), ("x2", b_whole, b_fraction))
    )
    lengths = f"{len(a_whole)}{relation}{len(b_whole)}"
    tape.step(["length"], [("x1", a), ("x2", b)], f"{listed}\nint digits: {lengths}", lengths)
    if relation != "=":
        return tape.halt(relation)
    places = max(len(a_fraction), len(b_fraction))
    digits = [("int", i, a_whole[i], b_whole[i]) for i in range(len(a_whole))]
    digits += [("frac", i, *(f[i] if i < len(f) else "0" for f in (a_fraction, b_fraction))) for i in range(places)]
    for part, i, x, y in digits:
        relation = _relation(int(x), int(y))
        tape.step([part, i], [(f"x1[{i}]", x), (f"x2[{i}]", y)], f"{x}{relation}{y}", relation)
        if relation != "=":
            break
    return tape.halt(relation)


def _relation(x: int, y: int) -> str:
    return ">" if x > y else "<" if x < y else "="


def _indexed(digits: str) -> str:
    return " ".join(f"[{i}]{digit}" for i, digit in enumerate(digits))
