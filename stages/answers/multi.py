"""Compare answers to several sub-questions: `(a) 3; (b) 4`. Every part must be right.

Parts with labels are matched by them, `x = 3; y = 4` by the names, others by their position.
"""

import re
from collections.abc import Callable

from ...artifacts.wording import counted
from .comparison import Comparison, all_of, not_understood
from .labels import Label, labels_of, place_of
from .structure import is_name, split_top

Compare = Callable[[str, str], Comparison | None]
Parts = list[tuple[str, str]]
"""Label (empty where there is none) and text of every part."""

_BARE_LABEL = re.compile(r"[;；,，] *(?=\w{1,3}[.):]\s|(?:part|question|q) ?\(?\w\b)", re.IGNORECASE)
_BETWEEN = re.compile(r"[;；\n]")
_WEAKLY_BETWEEN = re.compile(r"[,，、]\s*(?:and\s)?|\sand\s|\\text\{\s*and\s*\}|和")
_NAMED = re.compile(r"([^=<>]+)=([^=<>]+)")
_EDGES = " \t\r\n;；,，。*"


def read_parts(text: str, count: int = 0) -> Parts:
    """The parts of an answer; commas part one only where that gives exactly `count` parts."""
    text = _BARE_LABEL.sub("\n", text.strip())
    labels = labels_of(text)
    labels = [label for label in labels if _family(label) == _family(labels[0])]
    if len(labels) > 1 and sorted(place_of(label.name) for label in labels) == list(range(len(labels))):
        ends = [label.start for label in labels[1:]] + [len(text)]
        parts = [text[label.end : end].strip(_EDGES) for label, end in zip(labels, ends, strict=True)]
        return [(label.name, part) for label, part in zip(labels, parts, strict=True)]
    parts = [part.strip(_EDGES) for part in split_top(text, _BETWEEN)[1] if part.strip(_EDGES)]
    if len(parts) == 1 and count > 1:
        weaker = [part.strip(_EDGES) for part in split_top(text, _WEAKLY_BETWEEN)[1] if part.strip(_EDGES)]
        parts = weaker if len(weaker) == count else parts
    return [("", part) for part in parts]


def _family(label: Label) -> str:
    return "digits" if label.name.isdigit() else "letters" if label.name in "abcdefgh" else "roman"


def texts_of(text: str) -> list[str]:
    """The parts without their labels."""
    return [part for _, part in read_parts(text)]


def has_labels(reference: str) -> bool:
    """Whether a text shows labelled parts, `(A)` and `(B)` excepted: these are options."""
    return any(label for label, _ in read_parts(reference)) and not re.match(r"\W*[A-J]\b", reference.strip())


def compare(expected: str, answer: str, same: Compare) -> Comparison | None:
    """Compare part by part; `same` may leave a part open (None), and then so is the whole."""
    left = read_parts(expected)
    right = read_parts(answer, len(left))
    left = read_parts(expected, len(right)) if len(left) == 1 else left
    if not left or not all(text for _, text in left):
        return not_understood("multi", "it has no parts, or an empty one")
    left, right = _by_name(left, right)
    labels = [label for label, _ in left]
    if all(labels) and right and all(label for label, _ in right):
        given = dict(right)
        missing = [label for label in labels if label not in given]
        if missing:
            return Comparison(False, "multi", f"part {missing[0]} is missing")
        if len(right) > len(left):
            return Comparison(False, "multi", f"{counted(len(right), 'part')}, {len(left)} expected")
        right = [(label, given[label]) for label in labels]
    if len(left) != len(right):
        return Comparison(False, "multi", f"{counted(len(right), 'part')}, {len(left)} expected")
    outcomes = [same(a, b) for (_, a), (_, b) in zip(left, right, strict=True)]
    return all_of("multi", outcomes, lambda index: f"part {labels[index] or index + 1}")


def _by_name(left: Parts, right: Parts) -> tuple[Parts, Parts]:
    """`x = 3; y = 4` as parts labelled x and y, where that holds for all parts of both."""
    named = []
    for parts in (left, right):
        matches = [_NAMED.fullmatch(text) for _, text in parts]
        names = [match[1].strip(" $") for match in matches if match and is_name(match[1].strip(" $"))]
        if len(set(names)) < len(parts):
            return left, right
        named.append([(name, text) for name, (_, text) in zip(names, parts, strict=True)])
    return named[0], named[1]
