"""Compare choices: the letter, several letters, a letter with its option's text, or the text of an option alone."""

import re

from .comparison import Comparison
from .normalise import letters_and_digits, normalise
from .question import Asked

_LETTER = re.compile(
    r"(?:(?:option|choice|answer|statement|选项|选)s?[\s:：]*)?"
    r"(?:(?:\(([A-Za-z])\)|\[([A-Za-z])\]|\{([A-Za-z])\})(?P<after>[\s.:：,、-]*)|([A-Za-z])(?P<mark>\s*[.):：,、]\s*|\s+|$))"
    r"(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_SEVERAL = re.compile(r"(?:\(?[A-J]\)?(?:\s*(?:,|、|;|and|&|\s)\s*|(?=[A-J])))+\(?[A-J]\)?")
_AGREEING = re.compile(
    r"is (?:the )?(?:correct|right|best|true)(?: (?:answer|option|choice|one))?[.!]?|正确", re.IGNORECASE
)


def read_choice(text: str, asked: Asked) -> frozenset[str] | None:
    """The letters a text chooses; None when it chooses none, or a letter that contradicts the text beside it."""
    text = normalise(re.sub(r"\\text\{([^{}]*)\}", r" \1 ", normalise(text)))
    if _SEVERAL.fullmatch(text):
        return frozenset(re.findall("[A-J]", text))
    match = _LETTER.fullmatch(text)
    if not match:
        return _option_of(text, asked)
    letter = next(group for group in match.group(1, 2, 3, 5) if group).upper()
    rest = match["rest"].strip()
    beside = _option_of(rest, asked) if rest else None
    if beside is not None:
        return beside & {letter} or None
    bare_word = match[5] and match["mark"].isspace() and not _AGREEING.fullmatch(rest)
    return _option_of(text, asked) if bare_word else frozenset(letter)


def _option_of(text: str, asked: Asked) -> frozenset[str] | None:
    words = letters_and_digits(text)
    letters = {letter for letter, option in asked.options if words and letters_and_digits(option) == words}
    return frozenset(letters) if len(letters) == 1 else None


def compare(expected: str, answer: str, asked: Asked) -> Comparison:
    """Whether both texts choose the same letters."""
    left, right = read_choice(expected, asked), read_choice(answer, asked)
    if left is None:
        equal = letters_and_digits(expected) == letters_and_digits(answer)
        return Comparison(equal, "words", None if equal else "another text")
    if right is None:
        return Comparison(False, "choice", "names no option, or contradicts itself")
    return Comparison(left == right, "choice", None if left == right else "another choice")
