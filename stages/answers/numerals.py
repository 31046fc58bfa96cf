r"""Read one numeral exactly: an integer, decimal, fraction, mixed number, power of ten, or a numeral in a base."""

import re
from fractions import Fraction
from typing import NamedTuple


class Plain(NamedTuple):
    """An exact value, how it was written, and the unit that was taken off.

    `places` is the number of decimal places, None when it was not written as a decimal; `percent` says that a percent
    sign stood behind `value`, which is the number before the sign.
    """

    value: Fraction
    places: int | None = None
    percent: bool = False
    unit: str = ""

    @property
    def amount(self) -> Fraction:
        """The value with the percent sign carried out."""
        return self.value / 100 if self.percent else self.value


_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+|\d+)"
DECIMAL = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_WHOLE = re.compile(rf"(?P<digits>{_DIGITS})(?:\.(?P<places>\d*))?|\.(?P<bare>\d+)")
_FRACTION = re.compile(
    rf"(?:(?P<whole>{_DIGITS})(?P<blank> ?(?=\\frac)|[ +]))?"
    rf"(?:\\frac\{{(?P<minus>-?)(?P<upper>{DECIMAL})\}}\{{(?P<lower>{DECIMAL})\}}|(?P<over>{DECIMAL})/(?P<under>{DECIMAL}))"
)
_POWER = re.compile(
    rf"(?P<head>{DECIMAL})(?:(?:\\times ?|\\cdot ?|\*|x)10\^"
    r"(?:\{(?P<braced>[+-]?\d{1,3})\}|(?P<bare>[+-]?\d{1,3}))|[eE](?P<short>[+-]?\d{1,3}))"
)
_REPEATING = re.compile(r"(?P<whole>\d+)\.(?P<fixed>\d*)\\overline\{(?P<cycle>\d+)\}")
_IN_BASE = re.compile(r"(?P<digits>[0-9A-Z]{1,200})_\{?(?P<base>\d{1,2})\}?")


def read_numeral(text: str) -> Plain | None:
    """A numeral with its sign; None when the text is anything else."""
    negative = text.startswith("-")
    body = text[1:].strip() if text[:1] in ("-", "+") else text
    if body.startswith("(") and body.endswith(")") and not negative:
        body = body[1:-1]
    number = (
        _read_decimal(body) or _read_fraction(body) or _read_power(body) or _read_repeating(body) or _read_in_base(body)
    )
    if number is None:
        return None
    return number._replace(value=-number.value) if negative else number


def _read_decimal(text: str) -> Plain | None:
    match = _WHOLE.fullmatch(text)
    if not match:
        return None
    digits, places, bare = match.group("digits", "places", "bare")
    places = bare if bare is not None else places
    value = Fraction(re.sub("[, ]", "", digits or "0") + "." + (places or "0"))
    return Plain(value, len(places) if places else None)


def _read_fraction(text: str) -> Plain | None:
    match = _FRACTION.fullmatch(text)
    if not match:
        return None
    upper, lower = match["upper"] or match["over"], match["lower"] or match["under"]
    if match["whole"] and ("." in upper or "." in lower or match["minus"]):
        return None
    top, bottom = _read_decimal(upper), _read_decimal(lower)
    whole = _read_decimal(match["whole"]) if match["whole"] else Plain(Fraction(0))
    if top is None or bottom is None or whole is None or bottom.value == 0:
        return None
    value = top.value / bottom.value
    return Plain(whole.value + (-value if match["minus"] else value))


def _read_power(text: str) -> Plain | None:
    match = _POWER.fullmatch(text)
    head = match and _read_decimal(match["head"])
    if not match or not head:
        return None
    exponent = int(match["braced"] or match["bare"] or match["short"])
    return Plain(head.value * Fraction(10) ** exponent, (head.places and max(head.places - exponent, 0)) or None)


def _read_repeating(text: str) -> Plain | None:
    r"""`0.1\overline{6}` is exactly 1/6: the cycle over as many nines, shifted behind the fixed digits."""
    match = _REPEATING.fullmatch(text)
    if not match:
        return None
    cycle, fixed = match["cycle"], match["fixed"]
    head = Fraction(f"{match['whole']}.{fixed or '0'}")
    return Plain(head + Fraction(int(cycle), (10 ** len(cycle) - 1) * 10 ** len(fixed)))


def _read_in_base(text: str) -> Plain | None:
    """`1011_2` is eleven, written in base 2: the base is part of the answer, as a unit is."""
    match = _IN_BASE.fullmatch(text)
    if not match:
        return None
    digits, base = match["digits"], int(match["base"])
    if not 2 <= base <= 36 or any(int(digit, 36) >= base for digit in digits):
        return None
    return Plain(Fraction(int(digits, base)), unit=f"base {base}")
