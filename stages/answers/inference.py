"""The type of an answer, as its reference shows it."""

import re
from functools import lru_cache
from typing import Literal

from .alternatives import alternatives
from .boolean import read_boolean
from .dates import read_moment
from .json_ import BadJson, read_json
from .multi import has_labels, texts_of
from .normalise import letters_and_digits, normalise
from .plain import read_normal
from .sequence import shows_sequence
from .structure import NOTHING

AnswerType = Literal["text", "number", "math", "choice", "boolean", "sequence", "multi", "json"]

LONGEST_INFERRED = 10_000
"""Characters of a reference beyond which it is text."""

_LETTERS = re.compile(r"\(?[A-J]\)?(?:[,;] ?\(?[A-J]\)?)*")
_TRUTH = re.compile(r"yes|no|true|false|correct|incorrect|是|否|对|错|正确|错误")
_FUNCTION = re.compile(r"(?:sin|cos|tan|cot|sec|csc|log|ln|lg|exp) ?\(?[a-z]\)?")
_WORDS = re.compile(r"(?:[^\W\d_]|['’ .,-])+")
_DIFFERENCE = re.compile(r"[a-z]?-[a-z]{1,2}|[a-z]{2}-[a-z]")
"""A difference: `x-y`; `x-ray` is a word."""

_TIME_OR_DATE = re.compile(r"\d{1,2}:\d{2}\s*[A-Za-z].*|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", re.DOTALL)


@lru_cache(maxsize=4096)
def infer_type(reference: str) -> AnswerType:
    """A number, capital letters, a truth value, JSON, labelled parts, a sequence, words or a date, else mathematics.

    Parts between semicolons are several answers where one of them is words; else they are one list. `right` is a
    direction and `t` a variable: only words that mean nothing else show a truth value.
    """
    if len(reference) > LONGEST_INFERRED:
        return "text"
    text = normalise(reference)
    if read_normal(text) is not None:
        return "number"
    if _LETTERS.fullmatch(text):
        return "choice"
    if NOTHING.fullmatch(text):
        return "math"
    if _FUNCTION.fullmatch(text):
        return "math"
    words = letters_and_digits(reference)
    if _TRUTH.fullmatch(words) and read_boolean(words) is not None:
        return "boolean"
    if _shows_json(reference):
        return "json"
    if has_labels(reference):
        return "multi"
    if offered := alternatives(reference, False):
        return infer_type(offered[0])
    parts = texts_of(reference)
    if len(parts) > 1 and any(infer_type(part) in ("text", "boolean") for part in parts):
        return "multi"
    if shows_sequence(reference):
        return "sequence"
    return "text" if _shows_words(reference, words) else "math"


def _shows_json(reference: str) -> bool:
    """An object, or a list with a string or an object in it: `[1, 2]` is an interval."""
    if reference.strip()[:1] not in ("{", "[") or '"' not in reference:
        return False
    try:
        return isinstance(read_json(reference), dict | list)
    except BadJson:
        return False


def _shows_words(reference: str, words: str) -> bool:
    if _TIME_OR_DATE.fullmatch(words) or (
        _WORDS.fullmatch(words) and len(words) > 2 and not _DIFFERENCE.fullmatch(words)
    ):
        return True
    if len(alternatives(reference, True)) > 1 and all(len(word) > 2 for word in alternatives(reference, True)):
        return all(_WORDS.fullmatch(letters_and_digits(word)) for word in alternatives(reference, True))
    moment = read_moment(reference)
    return moment is not None and (moment.month is not None or "m" in words)
