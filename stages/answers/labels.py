"""Labels of parts: `(a) ... (b) ...`, `1. ... 2. ...`, `Part (i)`, `第一问`, `①`; a run starts with the first."""

import re
from collections.abc import Iterable
from typing import NamedTuple


class Label(NamedTuple):
    """A label as it stands in a text: its name in one spelling ("a", "2", "iii"), and where it stands."""

    name: str
    start: int
    end: int


_FAMILIES = ("abcdefgh", "123456789", ("i", "ii", "iii", "iv", "v", "vi"))
_SPELLINGS = {
    spelling: str(number) for digits in ("一二三四五六", "①②③④⑤⑥") for number, spelling in enumerate(digits, 1)
}
_NAME = r"[a-hA-H]|[1-9]|i{1,3}|iv|vi?"
_BRACKETED = rf"[(（](?P<bracketed>{_NAME})[)）]"
_CHINESE = r"(?:第(?P<chinese>[一二三四五六1-9])小?[问題题]|(?P<circled>[①②③④⑤⑥]))"
_AT_LINE_START = re.compile(
    rf"^[ \t>*_#-]*(?:(?:part|question|problem|sub-?question|q)[ .]*(?:{_BRACKETED}|(?P<named>{_NAME})(?![\w']))"
    rf"|(?P<plain>[a-h1-9]|i{{1,3}}|iv|vi?)[.):](?=[\s*_$\\]|$))[*_]*[:：.]?[*_]*",
    re.IGNORECASE | re.MULTILINE,
)
_ANYWHERE = re.compile(
    rf"(?:(?<![\w)）}}\\^])|(?=（)){_BRACKETED}[*_]*[:：]?[*_]*|{_CHINESE}[*_]*[:：]?[*_]*|(?<=\s)(?P<counted>[1-9])[.)](?=\s)"
)


def labels_of(text: str, start: int = 0, end: int | None = None) -> list[Label]:
    """All labels in a part of a text, in order."""
    finish = len(text) if end is None else end
    found = [
        Label(_spelled(match), match.start(), match.end())
        for pattern in (_AT_LINE_START, _ANYWHERE)
        for match in pattern.finditer(text, start, finish)
    ]
    kept: list[Label] = []
    for label in sorted(found, key=lambda label: (label.start, -label.end)):
        if not kept or label.start >= kept[-1].end:
            kept.append(label)
    return kept


def _spelled(match: re.Match[str]) -> str:
    name = next(group for group in match.groups() if group).lower()
    return _SPELLINGS.get(name, name)


def place_of(name: str) -> int:
    """The place of a label in its family: 0 for "a", "1" and "i"."""
    return next(family.index(name) for family in _FAMILIES if name in family)


def runs_of(labels: Iterable[Label]) -> list[list[Label]]:
    """The runs of at least two labels of one family in their order, each from its first label on."""
    runs: list[list[Label]] = []
    open_runs: dict[int, list[Label]] = {}
    for label in labels:
        family = next(index for index, names in enumerate(_FAMILIES) if label.name in names)
        place = _FAMILIES[family].index(label.name)
        if place == 0:
            open_runs[family] = [label]
            runs.append(open_runs[family])
        elif len(open_runs.get(family, ())) == place:
            open_runs[family].append(label)
    return [run for run in runs if len(run) > 1]
