"""Compare dates and times of day: `May 1, 2024`, `1 May 2024`, `2024-05-01` and `2024年5月1日` are one date.

`01/05/2024` is a day in January or in May: a date of numbers is read only where one of them cannot be a month.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from .comparison import Comparison
from .normalise import normalise

_MONTHS = {
    name[:letters]: number
    for number, name in enumerate(
        ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
         "december"), start=1,
    )
    for letters in (3, len(name))
} | {"sept": 9}  # fmt: skip
_MONTH = "(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_FORMS = {
    "month first": re.compile(rf"{_WEEKDAY}{_MONTH} {_DAY}(?:,? {_YEAR})?"),
    "day first": re.compile(rf"{_WEEKDAY}(?:the )?{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?"),
    "month and year": re.compile(rf"{_MONTH},? (?:of )?{_YEAR}"),
    "year first": re.compile(rf"{_YEAR}(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark){_DAY}"),
    "numbers": re.compile(rf"(?P<day>\d{{1,2}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark){_YEAR}"),
    "chinese": re.compile(r"(?:(?P<year>\d{4})年)?(?P<month>\d{1,2})月(?:(?P<day>\d{1,2})[日号])?"),
}
_TIME = re.compile(r"(?P<hour>\d{1,2})(?::(?P<minute>[0-5]\d))?(?::(?P<second>[0-5]\d))? ?(?:(?P<half>[ap])m)?")
_HALF = re.compile(r"\b([ap])\. ?m\b\.?")
_WRAPPED = re.compile(r"\\text\{([^{}]*)\}")


class Moment(NamedTuple):
    """A date or a time of day; what is not said is None."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    seconds: int | None = None
    """Since midnight."""


@lru_cache(maxsize=4096)
def read_moment(text: str) -> Moment | None:
    """Read a text as a date or a time of day; None when it is anything else, or a date that does not exist.

    A bare `4:30` is a ratio as well, and a bare `16` a number: a time shows its half of the day or an hour past 12.
    """
    if len(text) > 60 or text.isdecimal():
        return None
    text = _HALF.sub(r"\1m", " ".join(_WRAPPED.sub(r" \1 ", normalise(text)).lower().split()))
    for name, form in _FORMS.items():
        if match := form.fullmatch(text):
            return _date(name, match.groupdict())
    match = _TIME.fullmatch(text)
    return _time(match) if match else None


def _date(form: str, found: dict[str, str | None]) -> Moment | None:
    named = found["month"] or ""
    month, day = _MONTHS.get(named) or int(named), int(found.get("day") or 0)
    if form == "numbers":
        if month <= 12 and day <= 12 and month != day:
            return None
        month, day = (day, month) if month > 12 else (month, day)
    if not 1 <= month <= 12 or day > 31 or (found.get("day") and day == 0):
        return None
    year = found.get("year")
    return Moment(int(year) if year else None, month, day or None)


def _time(match: re.Match[str]) -> Moment | None:
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    half = match["half"]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    elif match["minute"] is None or not 13 <= hour <= 23:
        return None
    return Moment(seconds=3600 * hour + 60 * minute + second)


def compare(expected: str, answer: str) -> Comparison | None:
    """Compare where the reference is a date or a time and the answer is one too; None where one of them is not."""
    left = read_moment(expected)
    right = read_moment(answer) if left is not None else None
    if left is None or right is None:
        return None
    return Comparison(left == right, "date", None if left == right else "another date or time")
