"""Binary search: the size of the sorted list is the length; the answer is the index, counted from 0.

States `{lo,hi}`, the bounds of what is left; the published sample's form.

Deviations: the midpoint's floor is written `//`, and the number looked for stands in the same fetch line as the list.
"""

import random
from collections.abc import Mapping
from typing import Any

from ._instance import Instance
from ._tape import Style, Tape

ANSWER_TYPE = "number"

LARGEST = 9_999
"""Numbers lie in -LARGEST..LARGEST; longer lists draw from a wider range."""

TEMPLATES = (
    "{numbers} {find}",
    "{numbers} index of {find} = ?",
    "Find the index of {find} in {numbers}. Indices start at 0.",
    "At which index (from 0) stands {find} in the sorted list {numbers}?",
    "Use binary search to find {find} in {numbers} and give its index, counting from 0.",
    "Given s = {numbers}, for which i (from 0) is s[i] = {find}?",
    "The list {numbers} is sorted. Where is {find}? Count from 0.",
    "Search {numbers} for {find}; the first element has index 0. Which index is it?",
    "How many elements of the ascending list {numbers} stand before {find}?",
    "Return the position of {find} in {numbers} (zero-based).",
    "In the ascending sequence {numbers}, what is the zero-based position of {find}?",
    "Locate {find} among {numbers} by halving; answer with the index from 0.",
    "The target is {find}, the sorted array is {numbers}. Give the array index of the target, starting at 0.",
    "What is the index of the number {find} in this sorted array, counted from 0: {numbers}?",
    "Houses in a street are numbered {numbers}. How many houses come before number {find}?",
    "Books on a shelf carry the ascending codes {numbers}. How many books stand left of code {find}?",
    "Temperatures were sorted: {numbers}. With the first at index 0, which index has {find}?",
    "Lockers are numbered {numbers} from left to right. Counting from 0, which locker is number {find}?",
    "A sorted ledger lists the balances {numbers}. Counting from 0, in which line stands {find}?",
    "Tickets were sorted by number: {numbers}. How many tickets lie before ticket {find}?",
)


def generate(rng: random.Random, low: int, high: int) -> Instance:
    """A sorted list of low..high distinct whole numbers and one of them to find."""
    size = rng.randint(low, high)
    largest = max(LARGEST, 10 * size)
    numbers = sorted(rng.sample(range(-largest, largest + 1), size))
    index = rng.randrange(size)
    return Instance({"numbers": numbers, "find": numbers[index]}, str(index))


def think(payload: Mapping[str, Any], style: Style = "full") -> str:
    """Halve what is left until the middle is the number looked for.

    Raises:
        ValueError: the number is not in the list.
    """
    tape = Tape(style)
    numbers, find = payload["numbers"], payload["find"]
    low, high = 0, len(numbers) - 1
    while low <= high:
        middle = (low + high) // 2
        value = numbers[middle]
        relation = ">" if value > find else "<" if value < find else "="
        fetched = [(f"s_{i}", numbers[i]) for i in range(low, high + 1)] + [("Find", find)]
        result = f"Mid = ({low}+{high})//2 = {middle}, s_{middle} = {value} {relation} Find"
        tape.step([low, high], fetched, result, f"{middle};{value}{relation}")
        if value == find:
            return tape.halt(str(middle))
        low, high = (low, middle - 1) if value > find else (middle + 1, high)
    raise ValueError(f"{find} is not in the list of {len(numbers)} numbers")
