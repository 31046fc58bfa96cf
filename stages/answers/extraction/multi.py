"""Answers of several parts: `(a) 3 (b) 4`, a box in each part, parts scattered under their labels.

Parts under labels are put in the order of their labels and keep them: "(a) 3; (b) 4".
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from ..labels import Label, labels_of, place_of, runs_of
from ..question import Asked
from .boxes import boxes_of, last_box
from .endings import bold_ending
from .found import Extracted, joined
from .phrases import last_phrase, stated_at

_SEPARATOR = re.compile(r"[;；\n]|, |，|、|\band\b|和")
_LINKING = re.compile(r"[\s,;，；、]*(?:\band|和)?[\s,;，；、]*\Z")
_ANNOUNCED = re.compile(r"(?:[:：]|\bare|\bis|是|为)[\s*_$]*\Z")
_OPENING_WORDS = re.compile(r"[ \t>*_#-]*(?:(?:for|in|as for|part|answer to|answer for) )?[ \t*_]*", re.IGNORECASE)
_LONGEST_PART = 120
"""Characters of a part that stands behind its label without a box or a phrase."""

_BRIEF_PART = 30
"""Characters of a part that other sentences may follow."""

_MOST_LABELS = 1000
"""Labels at the end of a text that are looked at."""

_LONGEST_LINE = 1000
"""Characters between two labels of one line."""


def parts_stated(text: str, start: int, end: int, asked: Asked) -> Extracted | None:
    """All parts of the answer.

    In this order: a last box that holds all parts; a closing box or phrase that lists as many parts as there are
    labels; what stands under each label; the boxes of the last sentence with several, else all boxes of the text; the
    phrase.
    """
    boxes = boxes_of(text, start, end)
    box = last_box(text, start, end)
    if box and (len(runs_of(labels_of(box.text))) or (";" in box.text and box.rule != "boxes")):
        return box
    labels = _headings(text, start, end, boxes, asked)
    phrase = last_phrase(text, start, end, separator="; ")
    if labels and (closing := _closing(box, boxes, phrase, labels)):
        return closing
    found = _under_labels(text, labels, end)
    if len(found) > 1 or (found and not box and not phrase):
        parts = [part._replace(text=f"({name}) {part.text}") for name, part in found]
        return joined(parts, "; ", "parts")._replace(rule="parts")
    if box is None:
        return phrase
    separated = box.rule == "boxes" or _SEPARATOR.search(box.text)
    return box if separated or not boxes else joined(boxes, "; ", "boxes")


def _closing(
    box: Extracted | None, boxes: Sequence[Extracted], phrase: Extracted | None, labels: Sequence[Label]
) -> Extracted | None:
    """A box or a phrase behind the last part that lists all parts again; its parts get the labels."""
    names = sorted({label.name for label in labels}, key=place_of)
    behind = [one for one in boxes if one.start > labels[-1].end]
    again = box if box and behind and behind[0].start < box.start else phrase
    if not again or again.start < labels[-1].end:
        return None
    pieces = [piece.strip() for piece in _SEPARATOR.split(again.text) if piece.strip()]
    if len(pieces) != len(names):
        return None
    text = "; ".join(f"({name}) {piece}" for name, piece in zip(names, pieces, strict=True))
    return again._replace(text=text, rule="parts")


def _headings(text: str, start: int, end: int, boxes: Sequence[Extracted], asked: Asked) -> list[Label]:
    """The labels that open a part: at the start of a line, or listed in one; none that a sentence mentions."""
    spans = iter([*boxes, Extracted("", end, end, "")])
    box = next(spans)
    kept: list[Label] = []
    for label in labels_of(text, start, end)[-_MOST_LABELS:]:
        while box.end <= label.start:
            box = next(spans)
        line = text[max(start, label.start - _LONGEST_PART) : label.start].rpartition("\n")[2]
        before = text[kept[-1].end : min(label.start, kept[-1].end + _LONGEST_LINE)] if kept else "\n"
        listed = "\n" not in before and len(before) < _LONGEST_LINE and _follows(kept[-1], label)
        opens = _OPENING_WORDS.fullmatch(line) or listed or (label.name in "a1i" and _ANNOUNCED.search(line))
        if opens and label.start < box.start:
            kept.append(label)
    runs = runs_of(kept)
    if asked.parts:
        names: tuple[str, ...] = asked.parts
    else:
        inline = [run for run in runs if not run[0].name.isdigit() or "\n" not in text[run[0].end : run[-1].start]]
        names = tuple(label.name for label in inline[-1]) if inline else ()
    return [label for label in kept if label.name in names]


def _follows(label: Label, other: Label) -> bool:
    return place_of(other.name) == place_of(label.name) + 1


def _under_labels(text: str, labels: Sequence[Label], end: int) -> list[tuple[str, Extracted]]:
    """The answer under each label, in the order of the labels; of several the best stated, of equal ones the last."""
    found: dict[str, tuple[int, Extracted]] = {}
    for label, following in pairwise([*labels, None]):
        assert label is not None
        part = _part(text, label.end, following.start if following else end, last=following is None)
        if part and (label.name not in found or part[0] <= found[label.name][0]):
            found[label.name] = part
    return sorted(((name, part) for name, (_, part) in found.items()), key=lambda entry: place_of(entry[0]))


def _part(text: str, start: int, end: int, last: bool) -> tuple[int, Extracted] | None:
    """The answer in one section: 0 its box, 1 its phrase, 2 its bold words, 3 all of it, or a first short sentence."""
    stated = (last_box(text, start, end), last_phrase(text, start, end), bold_ending(text, start, end))
    for rank, part in enumerate(stated):
        if part:
            return rank, part
    linking = _LINKING.search(text, max(start, end - 40), end)
    finish = linking.start() if linking else end
    part = stated_at(text, start, finish, "part")
    if not part or part.end - part.start > _LONGEST_PART or text.startswith(("?", "？"), part.end):
        return None
    brief = part.end - part.start <= _BRIEF_PART
    return (3, part) if last or brief or not text[part.end : finish].strip(" \t\n.*_$。") else None
