"""What was extracted, and where it stands."""

import re
from collections import deque
from typing import NamedTuple


class Extracted(NamedTuple):
    """An answer, its span in the rollout, and the rule that found it.

    `text == rollout[start:end]`, but for the rules "boxes", "parts" and "answer list": there the answer stands in
    several places, `text` is its parts joined, and the span reaches from the first part to the last.
    """

    text: str
    start: int
    end: int
    rule: str


_DELIMITERS = re.compile(r"(?:[\s$]|\\[()\[\]])*")
_BLANK = " \t\r\n"
_EDGE = _BLANK + "*_`\"'“”,;:：，。"


def trimmed(text: str, begin: int, end: int, rule: str, edge: str = _EDGE) -> Extracted | None:
    """Shrink a span past blanks, markdown and closing punctuation; None when nothing is left."""
    while begin < end and text[begin] in edge:
        begin += 1
    while begin < end and text[end - 1] in edge:
        end -= 1
    if edge is _EDGE and end > begin and text[end - 1] == "." and not text[begin:end].endswith("..."):
        end -= 1
    if _DELIMITERS.fullmatch(text, begin, end):
        return None
    return Extracted(text[begin:end], begin, end, rule)


def without_blanks(text: str, begin: int, end: int, rule: str) -> Extracted | None:
    """Shrink a span past blanks alone: what somebody set between marks is all of it the answer."""
    return trimmed(text, begin, end, rule, _BLANK)


def joined(parts: list[Extracted], separator: str, rule: str) -> Extracted:
    """One answer of several parts; a single one stays as it is."""
    if len(parts) == 1:
        return parts[0]
    start, end = min(part.start for part in parts), max(part.end for part in parts)
    return Extracted(separator.join(part.text for part in parts), start, end, rule)


def last_match(pattern: re.Pattern[str], text: str, start: int, end: int) -> re.Match[str] | None:
    """The last match in a part of a text."""
    found = deque(pattern.finditer(text, start, end), maxlen=1)
    return found[0] if found else None
