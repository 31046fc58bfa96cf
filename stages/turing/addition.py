"""Large number addition: the digits of each operand are the length.

States `{i,carry}`: i counts positions from the least significant digit of the aligned operands.

Deviations: the last column's sum is written whole, which writes the last carry. In compact style whole numbers have no
alignment state: a digit that is not there is fetched as 0.
"""

import random
from collections.abc import Mapping
from typing import Any

from ._decimals import draw_number, place_point, scaled, split_number, trim, write_scaled
from ._instance import Instance
from ._tape import Style, Tape

ANSWER_TYPE = "number"

TEMPLATES = (
    "{a}+{b}",
    "{a} + {b} = ?",
    "What is {a} + {b}?",
    "What is {a} plus {b}?",
    "Compute the sum of {a} and {b}.",
    "Add {a} to {b}.",
    "Add the numbers {a} and {b} and give the exact result.",
    "Find x = {a} + {b}.",
    "Calculate {a} + {b} exactly.",
    "If x = {a} and y = {b}, what is x + y?",
    "Give the total of {a} and {b}.",
    "Which number do you get when {b} is added to {a}?",
    "Evaluate the expression {a} + {b}.",
    "How much is {a} and {b} together?",
    "One bank account holds {a} and another holds {b}. How much money is in both together?",
    "A tank holds {a} litres and {b} litres are poured in. How many litres does it hold now?",
    "A ship sailed {a} kilometres, then another {b} kilometres. How far did it sail in all?",
    "Two parcels weigh {a} and {b} kilograms. What do they weigh together?",
    "A shop earned {a} in the morning and {b} in the afternoon. What did it earn that day?",
    "Last year a company spent {a}, this year {b}. What did it spend in both years?",
)


def generate(rng: random.Random, low: int, high: int, *, decimals: bool = False) -> Instance:
    """Two numbers of low..high digits each; with `decimals` the point may stand anywhere in them."""
    a, b = (draw_number(rng, rng.randint(low, high), decimals) for _ in range(2))
    places = max(len(split_number(a)[1]), len(split_number(b)[1]))
    answer = write_scaled(scaled(a, places) + scaled(b, places), places)
    return Instance({"a": a, "b": b}, answer, canonical=sorted((a, b)))


def think(payload: Mapping[str, Any], style: Style = "full") -> str:
    """Align, add column by column from the right, put the point back."""
    tape = Tape(style)
    (a_whole, a_fraction), (b_whole, b_fraction) = split_number(payload["a"]), split_number(payload["b"])
    whole, places = max(len(a_whole), len(b_whole)), max(len(a_fraction), len(b_fraction))
    a = a_whole.rjust(whole, "0") + a_fraction.ljust(places, "0")
    b = b_whole.rjust(whole, "0") + b_fraction.ljust(places, "0")
    if places or style == "full":
        aligned = f"a = {_indexed(a)}\nb = {_indexed(b)}\npoint = {places}"
        tape.step(["align"], [("x1", payload["a"]), ("x2", payload["b"])], aligned, f"{a};{b};{places}")
    total, carry = "", 0
    columns = len(a)
    for i in range(columns):
        x, y = int(a[-1 - i]), int(b[-1 - i])
        column = x + y + carry
        last = i == columns - 1
        written = str(column if last else column % 10)
        total = written + total
        result = f"{x}+{y}+{carry}={column}, write {written}, carry {0 if last else column // 10}\nsum = {total}"
        tape.step([i, carry], [(f"a_{i}", x), (f"b_{i}", y), ("c", carry)], result, f"{column};{total}")
        carry = column // 10
    answer = trim(place_point(total, places))
    if places:
        tape.step(["point"], [("sum", total), ("point", places)], answer, answer)
    return tape.halt(answer)


def _indexed(digits: str) -> str:
    """Every digit with its position: separators keep tokenizers from merging digits."""
    return " ".join(f"[{len(digits) - 1 - k}]{digit}" for k, digit in enumerate(digits))
