"""Sentences that choose an option: "the correct option is (B)", "so B is right", "故选B", a last line "B. a dog"."""

import re
from collections.abc import Mapping

from ..question import Asked
from .endings import last_line
from .found import Extracted, last_match, trimmed
from .phrases import PHRASES, last_phrase

_LETTER = r"[(（\[]?[A-J][)）\]]?"
_LETTERS = rf"{_LETTER}(?:(?:\s?[,、]\s?(?:and |or )?|\s(?:and|or|&)\s|和|与){_LETTER}){{0,9}}"
_NAMED = rf" (?:the )?(?:(?:option|choice|answer) )?[*_]{{0,3}}{_LETTER}(?![\w'’])"
_BEFORE: Mapping[str, re.Pattern[str]] = {
    **PHRASES,
    "choice phrase": re.compile(
        r"\b(?:correct|right|best) (?:options?|choices?|statements?)[ *_]{0,4}(?:is|are|(?:would|should|must) be|[:：])"
        rf"|\b(?:(?:I|we) (?:choose|select|pick)|corresponds? to|matches|which is)(?={_NAMED})"
        r"|(?:正确|正確)?的?(?:选项|選項)(?:应该|应)?(?:是|为|為|[:：])"
        rf"|(?<!不)(?<!不[能应])(?:选择?|選擇?)[:：]?(?=\s?(?:{_LETTER}|(?-i:[A-J]{{2,10}}))(?![a-z]))",
        re.IGNORECASE,
    ),
}
_OPTION_IS_RIGHT = re.compile(
    rf"(?<![\w'’])[*_]{{0,3}}(?P<letters>{_LETTERS})[*_]{{0,3}} (?:is|are) (?:therefore |thus |indeed |also )?"
    r"(?:(?:the )?(?:only )?(?:correct|right|best)|the answer)\b(?![^.\n]{0,20}\?)"
    rf"|(?P<chinese>{_LETTER})(?:选项|项)?(?:是)?正确(?![吗的])"
)
_LETTER_LINE = re.compile(
    rf"[*_$ \t]*(?P<answer>(?:\\text(?:bf)?\{{)?{_LETTER}\}}?(?:[.):：][*_]* [^\n]{{1,200}})?)[*_$. \t]*"
)
_BOLD_LETTER = re.compile(rf"\*\*(?P<answer>{_LETTER}(?:[.):：] ?[^*\n]{{0,200}})?)\*\*")


def choice_stated(text: str, start: int, end: int, _: Asked) -> Extracted | None:
    """The option that the last choosing sentence names, else the one that stands alone in the last line.

    Letters behind the words win over letters before them when they stand later in the text.
    """
    behind = last_phrase(text, start, end, _BEFORE)
    before = last_match(_OPTION_IS_RIGHT, text, start, end)
    if before and not (behind and behind.start > before.start()):
        return trimmed(text, *before.span(before.lastgroup or 0), "option is right")
    return behind or _alone(text, *last_line(text, start, end))


def _alone(text: str, start: int, end: int) -> Extracted | None:
    line = _LETTER_LINE.fullmatch(text, start, end) or last_match(_BOLD_LETTER, text, start, end)
    return trimmed(text, *line.span("answer"), "last line") if line else None
