"""Compare choices: the letter, several letters, a letter with its option's text, or the text of an option alone."""

import re

from .comparison import Comparison, not_understood
from .normalise import letters_and_digits, normalise
from .plain import read_plain
from .question import Asked

_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_LETTER = re.compile(
    r"(?:(?:the )?(?:option|choice|answer|statement|选项|选)s?[\s:：]*)?"
    r"(?:(?:\(([A-Za-z])\)|\[([A-Za-z])\]|\{([A-Za-z])\})(?P<after>[\s.:：,、-]*)"
    r"|([A-Za-z])(?P<mark>\s*[.):：,、]\s*|\s+|$|(?=选项|项)))"
    r"(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_SEVERAL = re.compile(
    r"(?:both |options? |choices? |选)*(?:\(?[A-J]\)?(?:\s*(?:,|、|;|\band\b|&|和|\s)\s*|(?=[A-J])))+\(?[A-J]\)?"
    r"|\(?[a-j]\)?(?:(?:, ?|;)(?:and )?\(?[a-j]\)?)+"
)
_LETTERED = re.compile(r"(?:^|(?<=[\s,;]))\(?([A-J])[).:：]\s*")
_AGREEING = re.compile(
    r"is (?:the )?(?:correct|right|best|true)(?: (?:answer|option|choice|one))?[.!]?|正确", re.IGNORECASE
)
_OTHER_LETTER = re.compile(
    r"(?<![\w'])([A-J])(?=[.):])|\b(?:or|and|maybe)\b\W{0,3}(?:option |choice )?([A-J])(?![\w'])"
)
_LINKING = re.compile(r"[\s,;]*(?:\band)?[\s,;]*$")
_JOINING = re.compile(r"both|options?|choices?|and")


def read_choice(text: str, asked: Asked) -> frozenset[str] | None:
    """The letters a text chooses; None when it chooses none, hedges, or contradicts itself.

    `(A) or (B)` hedges, a letter beside the text of another option contradicts itself.
    """
    text = normalise(_TEXT.sub(r" \1 ", normalise(text)))
    if _SEVERAL.fullmatch(text):
        return frozenset(re.findall("[A-J]", _JOINING.sub("", text).upper()))
    marks = list(_LETTERED.finditer(text))
    if len(marks) > 1 and marks[0].start() == 0:
        return _several_with_text(text, marks, asked)
    match = _LETTER.fullmatch(text)
    if not match:
        return option_of(text, asked)
    letter = next(group for group in match.group(1, 2, 3, 5) if group).upper()
    rest = match["rest"].strip()
    beside = option_of(rest, asked) if rest else None
    if beside is not None:
        return beside & {letter} or None
    if any(other not in ("", letter) for found in _OTHER_LETTER.findall(rest) for other in found):
        return None
    bare_word = match[5] and match["mark"].isspace() and not _AGREEING.fullmatch(rest)
    return option_of(text, asked) if bare_word else frozenset(letter)


def _several_with_text(text: str, marks: list[re.Match[str]], asked: Asked) -> frozenset[str] | None:
    """`A) Mars and C) Venus`; None when one of them stands beside the text of another option."""
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        beside = option_of(_LINKING.sub("", text[mark.end() : end]), asked)
        if beside is not None and beside != {mark[1]}:
            return None
    return frozenset(mark[1] for mark in marks)


def option_of(text: str, asked: Asked) -> frozenset[str] | None:
    """The letter of the one option with this text, or with this number for its text; None where there is none."""
    words = letters_and_digits(text)
    letters = {letter for letter, option in asked.options if words and letters_and_digits(option) == words}
    if not letters and asked.options and (number := read_plain(text)) is not None:
        values = {letter: read_plain(option) for letter, option in asked.options}
        letters = {letter for letter, value in values.items() if value is not None and value.amount == number.amount}
    return frozenset(letters) if len(letters) == 1 else None


def understood(reference: str, asked: Asked) -> str | None:
    """Why a reference names no option; None where it does, or where no options are known that it could name."""
    letters = read_choice(reference, asked)
    offered = {letter for letter, _ in asked.options}
    if letters is None:
        return "it names none of the options" if offered else None
    missing = sorted(letters - offered) if offered else []
    return f"no option {missing[0]} in the question" if missing else None


def compare(expected: str, answer: str, asked: Asked) -> Comparison:
    """Whether both texts choose the same letters.

    A reference that names no option of the question can be met by its own words; a letter against it says nothing.
    """
    left, right = read_choice(expected, asked), read_choice(answer, asked)
    if left is None:
        if letters_and_digits(expected) == letters_and_digits(answer):
            return Comparison(True, "words")
        return Comparison(False, "words", "another text") if right is None else not_understood("choice", "no option")
    if right is None:
        return Comparison(False, "choice", "names no option, or contradicts itself")
    return Comparison(left == right, "choice", None if left == right else "another choice")
