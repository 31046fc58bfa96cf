"""The answer types: how one is inferred from a reference, and how each is compared.

`compare_cheaply` answers in microseconds or says None; `compare_fully` may take any time and runs in a worker process.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Literal, get_args

from . import choice, math, number
from .comparison import Comparison
from .extract import extract
from .normalise import letters_and_digits, normalise
from .plain import read_normal
from .question import Asked
from .text import compare as compare_words

AnswerType = Literal["text", "number", "math", "choice", "boolean", "sequence", "multi", "json"]
ANSWER_TYPES: tuple[AnswerType, ...] = get_args(AnswerType)

RULES_VERSION = 2
"""Raised whenever a verdict may come out otherwise for the same answer."""

OLD_NAMES = {"exact": "text"}
"""Names that answer types had in older artifacts."""

LONGEST_ANSWER = 10_000
"""Characters of an answer beyond which it is only compared as text."""

_LETTER_CHOICE = re.compile(r"\(?[A-J]\)?|\(?[A-J]\)?(?:, ?\(?[A-J]\)?)+")
_WORDS = re.compile(r"(?:[^\W\d_]|['’ .,-])+", re.UNICODE)
_TIME_OR_DATE = re.compile(r"\d{1,2}:\d{2}\s*[A-Za-z].*|\d{1,2}\s*[ap]m\b.*|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", re.DOTALL)


def reference_of(answer: str | None) -> str:
    r"""The reference answer itself: what follows the last `####`, or stands in the last box, else the whole text."""
    answer = (answer or "").strip()
    if "####" in answer or r"\boxed" in answer:
        found = extract(answer)
        return found.text if found else answer
    return answer


@lru_cache(maxsize=4096)
def infer_type(reference: str) -> AnswerType:
    """The type a reference shows: a plain number, a capital letter, words (or a time of day), else mathematics."""
    text = normalise(reference)
    if read_normal(text) is not None:
        return "number"
    if _LETTER_CHOICE.fullmatch(text):
        return "choice"
    words = letters_and_digits(reference)
    if _TIME_OR_DATE.fullmatch(words) or (_WORDS.fullmatch(words) and len(words) > 2):
        return "text"
    return "math"


def compare_cheaply(
    answer_type: AnswerType, expected: str, answer: str, asked: Asked, tolerance: Fraction, strict: bool = False
) -> Comparison | None:
    """Compare where no symbolic work is needed; None where it is.

    Data sets call everything `math`: a reference that is a word, a time of day or a letter is compared as such.
    """
    shown = infer_type(expected)
    if answer_type == "math" and shown in ("text", "choice"):
        answer_type = shown
    if answer_type == "text":
        return compare_words(expected, answer)
    if answer_type == "choice":
        return choice.compare(expected, answer, asked)
    if len(answer) > LONGEST_ANSWER or len(expected) > LONGEST_ANSWER:
        equal = answer.strip() == expected.strip()
        return Comparison(
            equal, "same text" if equal else "length", None if equal else f"{len(answer)} characters long"
        )
    return number.compare_cheaply(expected, answer, asked, tolerance)


def compare_fully(
    answer_type: AnswerType, expected: str, answer: str, asked: Asked, tolerance: Fraction, strict: bool = False
) -> Comparison:
    """Compare with everything there is; `strict` refuses a number that stands among other words."""
    cheap = compare_cheaply(answer_type, expected, answer, asked, tolerance, strict)
    return math.compare(expected, answer, asked, tolerance) if cheap is None else cheap


def understood(answer_type: AnswerType, reference: str, asked: Asked) -> str | None:
    """Why nothing can be verified against a reference; None where it can. May take any time, as `compare_fully`."""
    outcome = compare_fully(answer_type, reference, reference, asked, Fraction(0))
    return None if outcome.equal else outcome.reason
