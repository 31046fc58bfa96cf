r"""Compare sequences: items in order, between commas, arrows or blanks or on lines of their own; all must be right."""

import re
from collections.abc import Callable

from ...artifacts.wording import counted
from .comparison import Comparison, all_of, not_understood
from .normalise import normalise

Compare = Callable[[str, str], Comparison | None]

_ARROW = r"\\(?:to|rightarrow|Rightarrow|longrightarrow)(?![A-Za-z])|(?<![-=])[-=]+>|[→⇒➔]"
_SEPARATORS = (
    re.compile(rf" ?(?:{_ARROW}) ?"),
    re.compile(r"\n"),
    re.compile(r" ?[;；] ?"),
    re.compile(r" ?[,，、] ?(?:and )?| and "),
    re.compile(r" ?[<>] ?"),
    re.compile(r" "),
)
"""From the strongest to the weakest: the first that a text holds parts it."""

_SET_WORDS = re.compile(r"\\text\{([^{}]*)\}")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NUMBERED = re.compile(r"(?:\(?\d{1,3}[.)]|[-*•]) ")
_AROUND = re.compile(r"(?:\\left ?)?(?:\\[({]|[(\[<{])(.*?)(?:\\right ?)?(?:\\[)}]|[)\]>}])", re.DOTALL)
_EDGES = " \"'`*$.,;"


def read_items(text: str) -> list[str]:
    """The items of a sequence; a text without separators is one item."""
    text = _SET_WORDS.sub(r" \1 ", text)
    lines = [" ".join(line.split()) for line in text.strip(" \t\r\n$").splitlines()]
    text = "\n".join(filter(None, lines))
    around = _AROUND.fullmatch(text)
    text = around[1] if around else text
    if ", " in text:
        text = _THOUSANDS.sub("", text)
    for separator in _SEPARATORS:
        items = [item for item in separator.split(text) if item.strip(_EDGES)]
        if len(items) > 1:
            numbered = all(_NUMBERED.match(item) for item in items)
            return [(_NUMBERED.sub("", item, count=1) if numbered else item).strip(_EDGES) for item in items]
    return [text.strip(_EDGES)] if text.strip(_EDGES) else []


def shows_sequence(reference: str) -> bool:
    """Whether a text can only be a sequence: items between arrows, or three and more short ones between blanks."""
    if len(_SEPARATORS[0].split(reference.strip())) > 2:
        return True
    items = normalise(reference).split(" ")
    return len(items) > 2 and all(_SHORT.fullmatch(item) for item in items)


_SHORT = re.compile(r"-?\d+(?:\.\d+)?|[A-Z]")


def compare(expected: str, answer: str, same: Compare) -> Comparison | None:
    """Compare item by item; `same` may leave an item open (None), and then so is the whole.

    Letters written together (`CBAD`) are one item each where the other side has single letters.
    """
    left, right = read_items(expected), read_items(answer)
    if not left:
        return not_understood("sequence", "it has no items")
    left, right = _taken_apart(left, right), _taken_apart(right, left)
    if len(left) != len(right):
        return Comparison(False, "sequence", f"{counted(len(right), 'item')}, {len(left)} expected")
    outcomes = [same(a, b) for a, b in zip(left, right, strict=True)]
    return all_of("sequence", outcomes, lambda index: f"item {index + 1}")


def _taken_apart(items: list[str], others: list[str]) -> list[str]:
    if len(items) == 1 < len(others) and all(len(other) == 1 and other.isalpha() for other in others):
        return list(items[0])
    return items
