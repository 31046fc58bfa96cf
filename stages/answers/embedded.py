"""Find the one number in words around it: `there are exactly 3 of them`, `a decrease of 25%`; a last resort.

Nothing is read beside words that may change the number (`less than 5`, `42 squared`, `5 or more`), nor beside a second
number.
"""

import re
from fractions import Fraction

from .dimensions import unit_named
from .numerals import Plain
from .plain import read_normal
from .spelled import FALLING, NUMBER_WORDS, RISING, read_words

_SET_WORDS = re.compile(r"\\text\{([^{}]*)\}")
_WORDS_ONLY = re.compile(r"[\w\s.,;:!?'\"()%$€£¥₹-]*")
_NUMBER = re.compile(
    r"(?<![\w.,-])(?<!\d:)-?[$€£¥₹]?-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?: ?%| percent\b)?(?![\d:A-Za-z])"
    r"|(?<=[\u4e00-\u9fff])\d[\d,]*(?:\.\d+)?%?"
)
_SPELLED = re.compile(rf"\b(?:{'|'.join(NUMBER_WORDS)})(?:[ -](?:and )?(?:{'|'.join(NUMBER_WORDS)}))*\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_CHANGING_WORDS = (
    "or to not no nor neither never without over under above below plus minus negative times divided multiplied twice "
    "double triple squared cubed factorial root mod infinity infinite than least most except nearly almost remainder "
    "percent half halves quarter quarters third thirds fourth fifth tenth tenths score pi unless otherwise am pm "
    "step equation eq formula theorem lemma figure question"
)
_CHANGING = NUMBER_WORDS.union(_CHANGING_WORDS.split())
_CHANGING_CHINESE = re.compile("[二三四五六七八九十百千万亿半倍折不负或非未超第]")


def read_embedded(text: str, decrease: bool = False) -> Plain | None:
    """The number of a text in normal form, negative where it is said to fall; None when words leave it in doubt.

    Where a `decrease` is asked for, what is said to rise is no answer.
    """
    text = _SET_WORDS.sub(r" \1 ", text)
    if not _WORDS_ONLY.fullmatch(text) or _CHANGING_CHINESE.search(text):
        return None
    spelled = not any(character.isdigit() for character in text)
    numbers = list((_SPELLED if spelled else _NUMBER).finditer(text))
    if len(numbers) != 1:
        return None
    before, after = text[: numbers[0].start()], text[numbers[0].end() :]
    words = [word.lower() for word in _WORD.findall(before + " " + after)]
    if not words or any(character.isdigit() for character in before + after) or not _CHANGING.isdisjoint(words):
        return None
    if any(len(word) == 1 and word.isascii() and word not in "ai" for word in words):
        return None
    number = _spelled_number(numbers[0][0]) if spelled else read_normal(numbers[0][0].replace(" percent", "%"))
    falls, rises = (
        any(word in words or (not word.isascii() and word in text) for word in way) for way in (FALLING, RISING)
    )
    if number is None or (rises and (falls or decrease)):
        return None
    unit = unit_named(_first_word(after)) if not number.unit and not number.percent else None
    return number._replace(value=-abs(number.value) if falls else number.value, unit=unit or number.unit)


def _spelled_number(words: str) -> Plain | None:
    """`the one` is nobody's answer 1."""
    value = read_words(words) if words.lower() != "one" else None
    return None if value is None else Plain(Fraction(value))


def _first_word(text: str) -> str:
    match = _WORD.match(text.strip())
    return match[0] if match else ""
