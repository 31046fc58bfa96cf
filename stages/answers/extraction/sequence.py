"""A list that answers: behind "the order is", in a code block, or alone in the last line."""

import re
from collections.abc import Mapping

from ..question import Asked
from .endings import code_ending, last_line
from .found import Extracted, trimmed
from .phrases import PHRASES, last_phrase

_BEFORE: Mapping[str, re.Pattern[str]] = {
    **PHRASES,
    "sequence phrase": re.compile(
        r"\b(?:order|sequence|list|ranking|path|route|arrangement|terms|permutation)[ *_]{0,4}(?:is|are|[:：])"
        r"|(?:顺序|序列|次序|排列|路径)(?:应该|应)?(?:是|为|[:：])",
        re.IGNORECASE,
    ),
}
_ARROW = re.compile(r"\s*(?:->|→|=>|⇒|>|<|\\(?:right|Right|long)\w*arrow|\\to)\s*")
_COMMA = re.compile(r"[,，、;] ?")
_WORD = re.compile(r"\w")
_LONGEST_MEMBER = 40


def sequence_stated(text: str, start: int, end: int, _: Asked) -> Extracted | None:
    """The list behind the last phrase, else in a closing code block, else the one that is all of the last line."""
    return last_phrase(text, start, end, _BEFORE) or code_ending(text, start, end) or _line(text, start, end)


def _line(text: str, start: int, end: int) -> Extracted | None:
    found = trimmed(text, *last_line(text, start, end), "last line")
    if not found:
        return None
    steps, members = _ARROW.split(found.text), _COMMA.split(found.text)
    if len(steps) > 1 and all(_is_member(step) for step in steps):
        return found
    listed = len(members) > 2 and all(_is_member(member) and " " not in member for member in members)
    return found if listed else None


def _is_member(piece: str) -> bool:
    return len(piece) <= _LONGEST_MEMBER and bool(_WORD.search(piece))
