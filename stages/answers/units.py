r"""Take the unit off an answer: `5 cm`, `5\text{ cm}`, `18 dollars`; `4t`, `5 million` and `3 or 4` have none."""

import re

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
