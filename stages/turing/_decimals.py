"""Decimal numbers as strings of digits: drawing, aligning and writing them exactly."""

import random


def draw_number(rng: random.Random, digits: int, decimals: bool, start: str = "", point: int | None = None) -> str:
    """A number of exactly `digits` digits whose zeros all count: none in front, none at the end of a fraction.

    Args:
        rng: where the digits come from.
        digits: how many digits, both sides of the point together.
        decimals: whether a point may stand somewhere.
        start: its first digits, where they are already known.
        point: digits before the point; drawn when None.
    """
    if point is None:
        point = rng.randint(1, digits) if decimals else digits
    point = min(point, digits)
    drawn = list(start[:digits])
    while len(drawn) < digits:
        first = len(drawn) == 0 and point > 1
        last = len(drawn) == digits - 1 and point < digits
        drawn.append(str(rng.randint(1 if first or last else 0, 9)))
    if point < digits and drawn[-1] == "0":
        drawn[-1] = str(rng.randint(1, 9))
    number = "".join(drawn)
    return number if point == digits else f"{number[:point]}.{number[point:]}"


def split_number(number: str) -> tuple[str, str]:
    """Digits before and after the point: `47.5` gives `47` and `5`."""
    whole, _, fraction = number.partition(".")
    return whole, fraction


def scaled(number: str, places: int) -> int:
    """The number times ten to the power of `places`, exactly; `places` is at least its number of decimals."""
    whole, fraction = split_number(number)
    return int(whole + fraction.ljust(places, "0"))


def write_scaled(value: int, places: int) -> str:
    """The inverse of `scaled` for values >= 0, without needless zeros: 5646 with 2 places is `56.46`, 300 is `3`."""
    return trim(place_point(str(value), places))


def place_point(digits: str, places: int) -> str:
    """Put the point before the last `places` digits."""
    if not places:
        return digits
    digits = digits.rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


def trim(number: str) -> str:
    """Drop zeros that carry nothing: `03.10` is `3.1`, `3.00` is `3`."""
    whole, fraction = split_number(number)
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{fraction}" if fraction else whole
