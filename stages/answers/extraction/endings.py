"""What is stated without a phrase: bold words, "cannot be determined", a program, or nothing but a number."""

import re

from ..plain import read_plain
from .found import Extracted, last_match, trimmed, without_blanks

_LAST_LINE = 2000
"""Characters of the last line that are looked at."""


def last_line(text: str, start: int, end: int) -> tuple[int, int]:
    """The span of the last line that is not blank."""
    finish = end
    while finish > start and text[finish - 1].isspace():
        finish -= 1
    return max(start, text.rfind("\n", start, finish) + 1, finish - _LAST_LINE), finish


_BOLD = re.compile(r"\*\*(?P<star>[^*\n]+)\*\*|__(?P<line>[^_\n]+)__")
_ANSWERS_SOMETHING = re.compile(r"[\d$]|\\\(")


def bold_ending(text: str, start: int, end: int, answer_type: str = "math") -> Extracted | None:
    """The one bold piece of the last line, when it may be an answer: "He earns **18 dollars** a day."."""
    bold = list(_BOLD.finditer(text, *last_line(text, start, end)))
    if len(bold) != 1:
        return None
    name = bold[0].lastgroup or "star"
    piece = bold[0][name]
    if piece.rstrip().endswith((":", "：")) or text.startswith((":", "："), bold[0].end()):
        return None
    if answer_type != "text" and not _ANSWERS_SOMETHING.search(piece):
        return None
    return trimmed(text, *bold[0].span(name), "bold")


_UNANSWERABLE = re.compile(
    r"\b(?:can ?not|can't) be (?:determined|answered|solved|found)\b|\bunanswerable\b"
    r"|\b(?:not enough|insufficient) (?:information|data)\b|\bhas no answer\b"
    r"|\bno (?:real |such |integer |valid )?(?:solutions?|answer can be determined)\b|\bdoes not exist\b"
    r"|无法确定|不能确定|信息不足|条件不足|无解|不存在",
    re.IGNORECASE,
)


def unanswerable(text: str, start: int, end: int, _: str) -> Extracted | None:
    """What the last line says instead of an answer: "the question cannot be answered" is an answer, too."""
    found = last_match(_UNANSWERABLE, text, *last_line(text, start, end))
    return without_blanks(text, *found.span(), "unanswerable") if found else None


_FENCE = re.compile(r"```[\w+-]*\n(?P<code>[^`]*)```\s*\Z")


def code_ending(text: str, start: int, end: int, _: str = "") -> Extracted | None:
    """The code block that a text ends with: nothing but a program is an answer, if seldom a right one."""
    opening = text.rfind("```", start, max(start, text.rfind("```", start, end)))
    block = _FENCE.match(text, opening, end) if opening >= 0 else None
    return without_blanks(text, *block.span("code"), "code") if block else None


_LONGEST_BARE = 50
"""Characters of a text that is nothing but a number."""

_BARE_NUMBER = re.compile(r"[-−+$€£(]*\\?[\d.][^A-Za-z\n]*(?:\\text\{[^{}]*\}|[A-Za-z]+)?[$.)]*")


def bare_number(text: str, start: int, end: int, answer_type: str) -> Extracted | None:
    """A text that is nothing but a number, as terse policies write it: `48`, `$48$`, `48 apples`."""
    if answer_type != "number":
        return None
    whole = without_blanks(text, start, end, "bare number")
    if whole is None or len(whole.text) > _LONGEST_BARE or not _BARE_NUMBER.fullmatch(whole.text):
        return None
    found = trimmed(text, whole.start, whole.end, whole.rule)
    return found if found and read_plain(found.text) is not None else None
