"""Tell text that is no language from text in any script, formulas and programs."""

import re
import unicodedata
from collections import Counter

_UNREADABLE = frozenset({"Cc", "Cs", "Co", "Cn"})
_WRONG_ENCODING = re.compile(r"[\u0080-\u00ff]")
_SCRIPTS_OF_MATHEMATICS = frozenset({"LATIN", "GREEK", "MATHEMATICAL", "DOUBLE-STRUCK", "SCRIPT"})
_READ_CHARACTERS = 5000
_LEAST_CHARACTERS = 5


def is_garbled(text: str) -> bool:
    """Whether a text is no language: signs without words, characters that could not be read, five scripts at once.

    Other scripts than Latin, formulas and programs are legitimate: they have letters, and few scripts.
    """
    characters = [character for character in text[-_READ_CHARACTERS:] if not character.isspace()]
    count = len(characters)
    if count < _LEAST_CHARACTERS:
        return False
    unreadable = sum(one == "\ufffd" or unicodedata.category(one) in _UNREADABLE for one in characters)
    if unreadable > count / 10 or sum(one.isalnum() for one in characters) < count / 5:
        return True
    if len(_WRONG_ENCODING.findall("".join(characters))) > count * 2 / 5:
        return True
    scripts = Counter(
        unicodedata.name(one, "?").split()[0] for one in characters if one.isalpha() and not one.isascii()
    )
    return sum(times > 2 for script, times in scripts.items() if script not in _SCRIPTS_OF_MATHEMATICS) > 4
