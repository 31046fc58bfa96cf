"""Compare truth values: yes, true and 是 are one, no, false and 否 the other; the rest is neither."""

import re

from .comparison import Comparison, not_understood
from .normalise import letters_and_digits

_TRUE = "yes|true|correct|right|valid|y|t|是|是的|对|对的|正确|真|成立"
_FALSE = "no|false|incorrect|wrong|invalid|untrue|n|f|否|不是|不对|错|错误|不正确|假|不成立"
_VALUES = {word: words is _TRUE for words in (_TRUE, _FALSE) for word in words.split("|")}
_WORD = "|".join(sorted(_VALUES, key=len, reverse=True))
_STATEMENT = re.compile(
    r"(?:(?:the|this|that|it|answer|statement|claim|conclusion) )*(?:(?:is|it's) )?(?P<negated>not |isn't )?"
    rf"(?P<word>{_WORD})(?P<rest>(?:[,.;:—(，；：]| (?:because|since|as|it|that|this|they)\b).*)?",
    re.DOTALL,
)
_EDGES = " ,.;:—()，；："


def read_boolean(text: str) -> bool | None:
    """The truth value that a text states; None when it states none, or takes it back: `yes, it is not true`."""
    match = _STATEMENT.fullmatch(letters_and_digits(text))
    if not match:
        return None
    value = _value(match)
    again = _STATEMENT.fullmatch((match["rest"] or "").strip(_EDGES))
    return value if again is None or _value(again) == value else None


def _value(match: re.Match[str]) -> bool:
    return _VALUES[match["word"]] != bool(match["negated"])


def compare(expected: str, answer: str) -> Comparison:
    """Whether both texts state the same truth value."""
    left, right = read_boolean(expected), read_boolean(answer)
    if left is None:
        return not_understood("boolean", "neither true nor false")
    reason = "neither true nor false" if right is None else "the opposite"
    return Comparison(left == right, "boolean", None if left == right else reason)
