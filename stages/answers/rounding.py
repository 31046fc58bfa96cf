"""The precision a question asks for: decimal places and significant figures."""

import re
from collections.abc import Sequence

from .units import split_unit

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNTS = {word: count for words in (_WORDS, "零一二三四五六七八九") for count, word in enumerate(words)} | {"两": 2}
_COUNT = rf"(\d{{1,2}}|{'|'.join(_COUNTS)})"
_PLACES = re.compile(
    rf"\b(?:to|with|use|at|within)\s+(?:exactly )?{_COUNT}\s*"
    r"(?:decimal (?:place|digit|point)s?|decimals\b|d\.?p\b|(?:digits|places) (?:after|past) the decimal)"
    rf"|(?:保留|精确到)(?:小数点后)?{_COUNT}位(?:小数)?(?!有效)",
    re.IGNORECASE,
)
_NEAREST = re.compile(
    r"\bnearest (?P<power>(?:(?:ten|hundred)[- ])?(?:ten|hundred|thousand|million|billion))(?P<part>ths?)?\b"
    r"|\bnearest (?:\\?\$)?(?P<number>0?\.0*1|10*)(?![\d.])"
    r"|\bnearest (?P<whole>whole|integer|percent)\b"
    r"|\bnearest (?P<cent>cent|penny)\b"
    r"|\bnearest (?P<unit>[a-z]+)\b"
    r"|(?:精确|四舍五入)到(?P<chinese>个位|十分位|百分位|千分位|整数|0\.0*1)|保留(?P<integer>整数)",
    re.IGNORECASE,
)
_FIGURES = re.compile(
    rf"\b{_COUNT}[- ]significant\b|\b{_COUNT} ?(?:s\.?f\b|sig\.? ?figs?\b)|{_COUNT}[位个]有效数字", re.IGNORECASE
)
_POWERS = {"ten": 1, "hundred": 2, "thousand": 3, "million": 6, "billion": 9}
_POWER = re.compile("|".join(_POWERS))
_CHINESE_PLACES = {"个位": 0, "整数": 0, "十分位": 1, "百分位": 2, "千分位": 3}


def places_asked(sentences: Sequence[str]) -> int | None:
    """The decimal places that the last sentence with any names; -2 is "to the nearest hundred"."""
    for sentence in reversed(sentences):
        if match := _PLACES.search(sentence):
            return _count(match)
        if match := _NEAREST.search(sentence):
            return _places_of(match)
    return None


def figures_asked(sentences: Sequence[str]) -> int | None:
    """The significant figures that the last sentence with any names."""
    found = [match for sentence in sentences if (match := _FIGURES.search(sentence))]
    return _count(found[-1]) if found else None


def _places_of(match: re.Match[str]) -> int | None:
    if match["power"]:
        power = sum(_POWERS[word] for word in _POWER.findall(match["power"].lower()))
        return power if match["part"] else -power
    if match["number"]:
        return _places_of_number(match["number"])
    if match["chinese"]:
        known = _CHINESE_PLACES.get(match["chinese"])
        return _places_of_number(match["chinese"]) if known is None else known
    if match["cent"]:
        return 2
    if match["unit"] and split_unit(f"1 {match['unit']}")[1] in ("", "?"):
        return None
    return 0


def _places_of_number(text: str) -> int:
    """`0.01` is 2 places, `100` is -2."""
    return len(text.partition(".")[2]) if "." in text else 1 - len(text)


def _count(match: re.Match[str]) -> int:
    word = next(group for group in match.groups() if group).lower()
    return _COUNTS[word] if word in _COUNTS else int(word)
