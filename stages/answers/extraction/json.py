"""The last JSON object or array that parses, in a code fence or bare."""

import json
import re

from ..question import Asked
from .found import Extracted, without_blanks

_PIECES = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\[\]{}]')
_PARTNERS = {"]": "[", "}": "{"}
_OBJECT = re.compile(r'\{\s*"')
_ATTEMPTS = 64
"""Bracketed pieces that are tried, from the last on: a text may hold any number of brackets."""


def last_json(text: str, start: int, end: int, _: Asked) -> Extracted | None:
    """The last bracketed piece that is JSON, as it stands in the text; what an unclosed bracket holds is none.

    Brackets inside strings are no brackets, and a string never reaches over its line.
    """
    for begin, finish in reversed(_outermost(text, start, end)[-_ATTEMPTS:]):
        try:
            json.loads(text[begin:finish])
        except (ValueError, RecursionError):
            continue
        return without_blanks(text, begin, finish, "json")
    return None


def _outermost(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The spans of bracketed pieces that lie in no other, in order."""
    opened: list[tuple[str, int]] = []
    closed: list[tuple[int, int]] = []
    for piece in _PIECES.finditer(text, start, end):
        sign = piece.group()
        if sign in ("[", "{"):
            opened.append((sign, piece.start()))
        elif sign in _PARTNERS and opened and opened[-1][0] == _PARTNERS[sign]:
            _, begin = opened.pop()
            while closed and closed[-1][0] > begin:
                closed.pop()
            closed.append((begin, piece.end()))
    broken = next((begin for sign, begin in opened if sign == "{" and _OBJECT.match(text, begin, end)), end)
    return [span for span in closed if span[0] < broken]
