r"""Read plain numbers exactly: integers, decimals, fractions, mixed numbers, powers of ten, percentages; units go.

A number counts only when all of the text is understood: `4t`, `4:30` and `1331 and 1728` are no plain numbers.
"""

import re
from fractions import Fraction

from .dimensions import conversion, unit_named
from .normalise import normalise
from .numerals import DECIMAL, Plain, read_numeral
from .spelled import SCALES, read_words
from .units import split_currency, split_unit

__all__ = ["Plain", "read_grouped", "read_normal", "read_plain"]

LONGEST = 1_000
"""Characters of the longest text that is read as a number here (Python itself refuses 4,300 digits)."""


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
    if text.isdecimal() and len(text) <= LONGEST:
        return Plain(Fraction(int(text)))
    if len(text) > LONGEST or not text:
        return None
    if negative := _NEGATIVE.match(text):
        number = read_normal(text[negative.end() :])
        return number and number._replace(value=-abs(number.value))
    if not _DIGIT.search(text):
        return _read_words(text)
    return _read_quantity(text) or _read_compound(text)


def read_grouped(text: str) -> Plain | None:
    """The same where a number is wanted: `1.234,56`, `12,34,567`, `1,2345,6789` and `1'234'567` are no lists then."""
    return read_normal(text) or (read_normal(_ungrouped(text)) if _DIGIT.search(text) else None)


_NEGATIVE = re.compile(r"(?:minus|negative) (?=[\w.])", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_SET_WORDS = re.compile(r"\\text\{([^{}]*)\}")
_SCALED = re.compile(rf"(?P<head>-?{DECIMAL}) ?(?P<scale>{'|'.join(SCALES)})s?(?![a-z])(?P<rest>.*)", re.IGNORECASE)
_BETWEEN_QUANTITIES = re.compile(r"(?<=[A-Za-z}\u4e00-\u9fff.])(?: and | )?(?=\d)")
_GROUPED = re.compile(
    r"(?<![\d.,'])(?:(?P<dots>[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,})"
    r"|[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?|[1-9]\d{0,3}(?:,\d{4})+(?:\.\d+)?|[1-9]\d{0,2}(?:'\d{3})+(?:\.\d+)?)(?![\d,'])"
)


def _ungrouped(text: str) -> str:
    """Groups of three with dots (a comma is the point then) or apostrophes, of two as in India, of four as in China."""

    def plain(match: re.Match[str]) -> str:
        if match["dots"]:
            return match[0].replace(".", "").replace(",", ".")
        return match[0].replace(",", "").replace("'", "")

    return _GROUPED.sub(plain, text)


def _read_words(text: str) -> Plain | None:
    """`twenty-five`, `two hours`."""
    if len(text) > 100:
        return None
    text = _SET_WORDS.sub(r" \1 ", text).strip()
    value = read_words(text)
    if value is not None:
        return Plain(Fraction(value))
    head, _, last = text.rpartition(" ")
    unit = unit_named(last) if head else None
    value = read_words(head) if unit else None
    return None if value is None else Plain(Fraction(value), unit=unit or "")


def _read_quantity(text: str) -> Plain | None:
    """One number with its currency, percent sign or unit."""
    text, currency = split_currency(_without_braces(text))
    rest, unit = split_unit(text)
    if unit and currency not in ("", unit) and unit != "?":
        return None
    shorter = _PERCENT.sub("", rest)
    percent = shorter != rest
    if _CHINESE_PERCENT.match(shorter):
        shorter, percent = shorter[3:], True
    number = read_numeral(_without_braces(shorter.strip())) or (None if percent else _read_scaled(text))
    if number is None or (percent and (unit or currency)):
        return None
    if number.unit.startswith("base"):
        return None if percent or unit or currency else number
    return number._replace(percent=percent, unit=currency or unit or number.unit)


def _read_scaled(text: str) -> Plain | None:
    """`5 million`, `1.2 billion dollars`, `3.5万元`."""
    match = _SCALED.fullmatch(_SET_WORDS.sub(r" \1 ", text).strip())
    if not match:
        return None
    head, rest = read_numeral(match["head"]), match["rest"].strip()
    left, unit = split_unit(f"1 {rest}") if rest else ("1", "")
    if head is None or left != "1":
        return None
    return Plain(head.value * SCALES[match["scale"].lower()], unit=unit)


def _read_compound(text: str) -> Plain | None:
    """`5 hours and 30 minutes` is 5.5 hours: quantities of one kind, every unit smaller than the one before."""
    pieces = _BETWEEN_QUANTITIES.split(text)
    if not 2 <= len(pieces) <= 4:
        return None
    quantities = [_read_quantity(piece.strip()) for piece in pieces]
    total, before = Fraction(0), Fraction(0)
    for quantity in quantities:
        factor = quantity and quantities[0] and conversion(quantity.unit, quantities[0].unit)
        if not quantity or not quantity.unit or not factor or (before and factor >= before) or quantity.value < 0:
            return None
        total, before = total + quantity.value * factor, factor
    return Plain(total, unit=quantities[0].unit if quantities[0] else "")


def _without_braces(text: str) -> str:
    while len(text) > 2 and text[0] == "{" and text[-1] == "}" and "}" not in text[1:-1]:
        text = text[1:-1].strip()
    return text
