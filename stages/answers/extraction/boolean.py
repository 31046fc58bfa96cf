"""Sentences that say yes or no: "the statement is false", "Yes, ..." that opens a conclusion, "so no.", "说法错误"."""

import re

from ..question import Asked
from .endings import last_line
from .found import Extracted, last_match, trimmed
from .phrases import empty_phrase, last_phrase

_WORD = r"(?:not )?(?:true|false|(?:in)?correct|(?:in)?valid)"
_STATEMENT = re.compile(
    r"\b(?:statement|claim|assertion|proposition|equation|inequality|sentence|conjecture|argument) (?:is|must be)"
    rf" (?:therefore |thus |indeed |also |always )?[*_]{{0,3}}(?P<truth>{_WORD})\b(?! (?:if|when)\b)"
    r"|(?:命题|说法|结论|陈述|判断|等式)[*_]{0,3}(?:是)?[*_]{0,3}(?P<chinese>不?(?:正确|对|成立)|错误?)",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"\b(?:so|thus|hence|therefore),? (?:it is |this is )?[*_]{{0,3}}(?P<truth>yes|no|{_WORD})[*_.!\s]*\Z"
    r"|, [*_]{0,3}(?P<word>yes|no)[*_.!\s]*\Z"
    r"|(?:所以|因此|故|综上)[，,]?(?:是)?(?P<chinese>不?(?:是的?|对|正确|成立)|否|错误?)的?[*_。！.\s]*\Z",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"[\s*_`>#]{0,20}(?P<truth>yes|no|true|false|不?(?:是的?|对|正确|成立)|否|错误?)"
    r"[*_`]{0,3}(?=[,;:!，。；：！—–]|\.(?! of)|\s*\Z|\n)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.?!。？！][*_\"')]*\s*")


def boolean_stated(text: str, start: int, end: int, _: Asked) -> Extracted | None:
    """The truth value behind the last answer phrase, else of the last statement, else a yes or no.

    That is the last words of the last line ("so no."), or the first word of its last sentence, or of the whole text.
    """
    found = last_phrase(text, start, end) or empty_phrase(text, start, end)
    if found:
        opening = _OPENING.match(text, found.start, end)
        return trimmed(text, *opening.span("truth"), found.rule) if opening else found
    line_start, line_end = last_line(text, start, end)
    match = last_match(_STATEMENT, text, start, end) or _CLOSING.search(text, line_start, line_end)
    if match:
        return trimmed(text, *match.span(match.lastgroup or 0), "statement")
    sentences = [line_start, *(mark.end() for mark in _SENTENCE.finditer(text, line_start, line_end))]
    places = [*[place for place in sentences if place < line_end][-1:], start]
    opening = next((found for place in places if (found := _OPENING.match(text, place, end))), None)
    return trimmed(text, *opening.span("truth"), "opening word") if opening else None
