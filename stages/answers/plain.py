r"""Read plain numbers exactly: integers, decimals, fractions, mixed numbers, powers of ten, percentages; units go.

A number counts only when all of the text is understood: `4t`, `4:30` and `1331 and 1728` are no plain numbers.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from .normalise import normalise

LONGEST = 1_000
"""Characters of the longest text that is read as a number here (Python itself refuses 4,300 digits)."""


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
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d*)?|\.\d+)"
_WHOLE = re.compile(rf"(?P<digits>{_DIGITS})(?:\.(?P<places>\d*))?|\.(?P<bare>\d+)")
_FRACTION = re.compile(
    rf"(?:(?P<whole>{_DIGITS})(?P<blank> ?(?=\\frac)|[ +]))?"
    rf"(?:\\frac\{{(?P<minus>-?)(?P<upper>{_DECIMAL})\}}\{{(?P<lower>{_DECIMAL})\}}|(?P<over>{_DECIMAL})/(?P<under>{_DECIMAL}))"
)
_POWER = re.compile(
    rf"(?P<head>{_DECIMAL})(?:(?:\\times ?|\\cdot ?|\*|x)10\^"
    r"(?:\{(?P<braced>[+-]?\d{1,3})\}|(?P<bare>[+-]?\d{1,3}))|[eE](?P<short>[+-]?\d{1,3}))"
)
_REPEATING = re.compile(r"(?P<whole>\d+)\.(?P<fixed>\d*)\\overline\{(?P<cycle>\d+)\}")
_CURRENCY = re.compile(r"^(?P<sign>[+-]?)\s*(?:US|USD|EUR|Rs\.?|RMB)?\s?[$€£¥₹]\s?|^(?:USD|EUR|RMB|Rs\.?) ")
_PERCENT = re.compile(
    r" ?(?:%|\\text\{ ?(?:percent|per cent|pct)\.? ?\}|percent\b|per cent\b|个?百分点)$", re.IGNORECASE
)
_CHINESE_PERCENT = re.compile(r"^百分之")


def read_plain(text: str) -> Plain | None:
    """Read a text as one plain number; None when it is anything else."""
    if len(text) > LONGEST:
        return None
    return read_normal(normalise(text))


def read_normal(text: str) -> Plain | None:
    """The same for a text that is in normal form already."""
    if len(text) > LONGEST or not any(character.isdigit() for character in text):
        return None
    text = _without_braces(text)
    text = _CURRENCY.sub(lambda match: match.group("sign") or "", text)
    text, unit = split_unit(text)
    shorter = _PERCENT.sub("", text)
    percent = shorter != text
    if _CHINESE_PERCENT.match(shorter):
        shorter, percent = shorter[3:], True
    number = _read_signed(_without_braces(shorter.strip()))
    if number is None or (percent and unit):
        return None
    return number._replace(percent=percent, unit=unit)


def _without_braces(text: str) -> str:
    while len(text) > 2 and text[0] == "{" and text[-1] == "}" and "}" not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def _read_signed(text: str) -> Plain | None:
    negative = text.startswith("-")
    body = text[1:].strip() if text[:1] in ("-", "+") else text
    if body.startswith("(") and body.endswith(")") and not negative:
        body = body[1:-1]
    number = _read_decimal(body) or _read_fraction(body) or _read_power(body) or _read_repeating(body)
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


_UNITS = {
    "mm": "millimeter millimetre",
    "cm": "centimeter centimetre",
    "m": "meter metre",
    "km": "kilometer kilometre",
    "in": "inch",
    "ft": "foot feet",
    "yd": "yard",
    "mi": "mile",
    "mg": "milligram",
    "g": "gram",
    "kg": "kilogram",
    "lb": "pound lbs",
    "oz": "ounce",
    "ml": "milliliter millilitre mL",
    "l": "liter litre L",
    "s": "second sec secs",
    "min": "minute mins",
    "h": "hour hr hrs",
    "day": "",
    "week": "",
    "month": "",
    "year": "yr yrs",
    "mph": "",
    "degree": "deg",
    "rad": "radian",
    "dollar": "USD bucks",
    "cent": "",
    "euro": "EUR",
}
_KNOWN = {
    spelling: unit
    for unit, names in _UNITS.items()
    for name in (unit, *names.split())
    for spelling in (name, name + "s", name + "es")
}
_NO_UNIT_WORDS = (
    "and or to not no by over plus minus times divided million millions billion billions trillion thousand thousands "
    "hundred hundreds dozen dozens score half halves third thirds fourth fourths fifth fifths tenth tenths hundredth "
    "hundredths squared cubed factorial root sqrt pi mod choose infinity less more than of the is are if then but "
    "because so since with remainder percent am pm noon midnight at least most about between from one two three four "
    "five six seven eight nine ten zero only when where for all any every each"
)
_NO_UNITS = frozenset(_NO_UNIT_WORDS.split())
_WORDS = re.compile(
    r"(?: ?\\text\{(?P<set>[^{}]*)\}| (?P<bare>[A-Za-z][A-Za-z. -]*(?:/[A-Za-z]+)?)|(?P<tight>[A-Za-z]+))"
    r"(?P<power>\^\{?[23]\}?)?$"
)
_SYMBOL_UNITS = re.compile(
    r" ?(?:\^\\circ ?(?:[CF]|\\text\{[CF]\})?|[€£¥]|元|个|人|天|岁|米|厘米|千米|公里|千克|克|小时|分钟|秒|度|种|次|块)$"
)


def split_unit(text: str) -> tuple[str, str]:
    """Take a unit off the end: a known one, words set upright, or words after a blank that do not change the number.

    Returns the rest and the unit in one spelling; units outside the table are "?". `4t`, `5 million` and `3 or 4` keep
    what stands there.
    """
    match = _SYMBOL_UNITS.search(text)
    if match:
        return text[: match.start()].rstrip(), "degree" if "circ" in match.group() else "?"
    match = _WORDS.search(text)
    if not match or match.start() == 0:
        return text, ""
    words = (match["set"] or match["bare"] or match["tight"]).strip(" .")
    rest = text[: match.start()].rstrip()
    if words in _KNOWN:
        single = len(words) == 1
        if single and not match["set"] and not match["bare"]:
            return text, ""
        return rest, _KNOWN[words] + ("^" + match["power"].strip("^{}") if match["power"] else "")
    if words.lower() in _KNOWN and len(words) > 1:
        return rest, _KNOWN[words.lower()]
    pieces = [*re.split(r"[ ./-]+", words.lower()), re.sub("[ .]", "", words.lower())]
    if match["tight"] or any(piece in _NO_UNITS for piece in pieces) or (match["bare"] and len(pieces) > 7):
        return text, ""
    if len(words) < 2 and not match["set"]:
        return text, ""
    return rest, "?"


_OF_AN_ANGLE = re.compile(r"sin|cos|tan|cot|sec|csc")


def split_unit_of_expression(text: str) -> str:
    """The same for an expression, where a letter after a blank is a variable: only upright and known long units go."""
    circle = _SYMBOL_UNITS.search(text)
    if circle and "circ" in circle.group() and not _OF_AN_ANGLE.search(text):
        return text[: circle.start()].rstrip()
    match = _WORDS.search(text)
    if not match or match.start() == 0:
        return text
    words = (match["set"] or match["bare"] or "").strip(" .")
    if match["set"]:
        return split_unit(text)[0]
    return text[: match.start()].rstrip() if len(words) > 1 and words in _KNOWN else text
