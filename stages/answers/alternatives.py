"""References that offer several answers, one being enough: `5 or 6 accepted`, `NYC (or New York)`, `fall / autumn`.

A bare `x or y` is one answer in mathematics (both solutions); among words it offers two.
"""

import re
from functools import lru_cache

_ACCEPTED = r"(?:accepted|acceptable|allowed|accept|ok|okay|fine)"
_BRACKETS = re.compile(
    rf"(?P<first>.+?)[;,]? ?[(\[](?:(?:or|also|{_ACCEPTED})\b[: ]*(?:{_ACCEPTED}\b[: ]*)?(?P<second>.+?)"
    rf"|(?P<third>[^()\[\]]+?) (?:is |are )?(?:also )?{_ACCEPTED})[)\]]",
    re.IGNORECASE | re.DOTALL,
)
_SAID = re.compile(
    rf"(?:either )?(?P<list>.+?) (?:are |is )?(?:both |all |also )*{_ACCEPTED}\.?", re.IGNORECASE | re.DOTALL
)
_EITHER = re.compile(r"either (?P<list>.+? or .+)", re.IGNORECASE | re.DOTALL)
_OR = re.compile(r",? or |或者?")
_OR_AND = re.compile(r",? (?:or|and) |, ")
_SLASH = re.compile(r" / ")
_LONGEST = 5
"""Words of an alternative that is offered without saying so."""


_LONGEST_REFERENCE = 500
"""Characters of a reference that may offer several answers."""


@lru_cache(maxsize=4096)
def alternatives(reference: str, words: bool) -> tuple[str, ...]:
    """The answers a reference offers, each with everything it holds; empty when it offers but one.

    Args:
        reference: the reference answer.
        words: it is compared as words or a truth value, where `x or y` and `x / y` offer two.
    """
    text = reference.strip()
    if len(text) > _LONGEST_REFERENCE:
        return ()
    if match := _BRACKETS.fullmatch(text):
        return _offered([match["first"], *_OR.split(match["second"] or match["third"])])
    if match := _SAID.fullmatch(text):
        return _offered(_OR_AND.split(match["list"]))
    if match := _EITHER.fullmatch(text):
        return _offered(_OR.split(match["list"]))
    if words:
        for separator in (_SLASH, _OR):
            parts = separator.split(text)
            if len(parts) > 1 and all(0 < len(part.split()) <= _LONGEST for part in parts):
                return _offered(parts)
    return ()


def _offered(parts: list[str]) -> tuple[str, ...]:
    found = tuple(part.strip(" ,;") for part in parts)
    return found if len(found) > 1 and all(found) else ()
