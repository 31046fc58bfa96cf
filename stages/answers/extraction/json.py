"""The last JSON object or array that parses, in a code fence or bare."""

import json
import re

from ..question import Asked
from .found import Extracted, without_blanks

_OPENING = re.compile(r"[\[{]")
_INSIDE = re.compile(r'"(?:[^"\\\n]|\\.)*+"?|[\[\]{}]')
_FENCE = re.compile(r"```[a-zA-Z]*\n(?P<inside>[^`]+)```")
_PARTNERS = {"]": "[", "}": "{"}
_OBJECT = re.compile(r'\{\s*"')
_ATTEMPTS = 64
"""Bracketed pieces that are tried, from the last on: a text may hold any number of brackets."""


def last_json(text: str, start: int, end: int, _: Asked) -> Extracted | None:
    """The JSON in the last code fence that holds any, else the last bracketed piece that is JSON.

    Brackets inside strings are no brackets, and a string never reaches over its line. What an unclosed object holds is
    none.
    """
    for fence in reversed([*_FENCE.finditer(text, start, end)][-_ATTEMPTS:]):
        if _parses(fence["inside"]):
            return without_blanks(text, *fence.span("inside"), "json")
    spans = _outermost(text, start, end)[-_ATTEMPTS:]
    last = next((span for span in reversed(spans) if _parses(text[slice(*span)])), None)
    return without_blanks(text, *last, "json") if last else None


def _parses(piece: str) -> bool:
    try:
        return isinstance(json.loads(piece), dict | list)
    except (ValueError, RecursionError):
        return False


def _outermost(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The spans of bracketed pieces that lie in no other, in order."""
    opened: list[tuple[str, int]] = []
    closed: list[tuple[int, int]] = []
    position = start
    while piece := (_INSIDE if opened else _OPENING).search(text, position, end):
        sign, position = piece.group(), piece.end()
        if sign in ("[", "{"):
            opened.append((sign, piece.start()))
        elif sign in _PARTNERS and opened and opened[-1][0] == _PARTNERS[sign]:
            _, begin = opened.pop()
            while closed and closed[-1][0] > begin:
                closed.pop()
            closed.append((begin, piece.end()))
    broken = next((begin for sign, begin in opened if sign == "{" and _OBJECT.match(text, begin, end)), end)
    return [span for span in closed if span[0] < broken]
