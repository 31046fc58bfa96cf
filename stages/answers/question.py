"""What a question says about how its answer is read: is it a percentage, rounded, in a unit, which options are there."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """Flags of a question that change what counts as equal."""

    percent: bool = False
    """The answer is asked for in percent."""

    options: tuple[tuple[str, str], ...] = ()
    """Letter and text of the options of a multiple-choice question, in order."""

    simplified: bool = False
    """Simplest form, lowest terms or a simplified expression is asked for: 2/4 does not answer what 1/2 does."""

    places: int | None = None
    """Decimal places the answer is to be rounded to: 2 for "to the nearest hundredth", 0 for "to the nearest integer",
    negative for "to the nearest hundred" (-2); None when the question names none."""

    significant: int | None = None
    """Significant figures asked for."""

    ordered: bool = False
    """An order of the parts is asked for: "in ascending order", "in order of size"."""

    all_wanted: bool = False
    """All values are asked for ("find all", "what are the solutions"): a part of them does not answer."""

    unit: str | None = None
    """The unit asked for ("in meters", "how many cents"), spelled as `units.split_unit` does ("m", "cent"); None when
    the question names none or it is not clear."""


def question_text(messages: Sequence[Any]) -> str:
    """The text of the last user message; image parts are skipped."""
    for message in reversed(messages):
        if message["role"] == "user":
            content = message["content"]
            if isinstance(content, str):
                return content
            return "\n".join(part.get("text") or "" for part in content or [])
    return ""


@lru_cache(maxsize=4096)
def read_question(question: str) -> Asked:
    """Read the flags off a question."""
    return Asked(percent=asks_for_percent(question), options=options_of(question))


_SENTENCE = re.compile(r"[^.?!。？！\n]+[.?!。？！\n]*")
_ASKING = re.compile(
    r"[?？]|\b(?:what|which|find|express|give|compute|calculate|determine|write|state|enter|report|round)\b|求|多少|几",
    re.IGNORECASE,
)
_PERCENT_NOUN = re.compile(
    r"(?<![\d%}$])(?<!\d )\b(?:percent(?:age)?|per cent)\b|百分(?:之几|之多少|比|率|数)", re.IGNORECASE
)


def asks_for_percent(question: str) -> bool:
    """Whether the answer is asked for in percent.

    A sentence that asks must hold the word without a number before it: "what percent of", "as a percentage";
    "the price rises by 20 percent, what is it now?" does not ask for one.
    """
    return any(
        _ASKING.search(sentence) and _PERCENT_NOUN.search(sentence)
        for sentence in _SENTENCE.findall(question[-20_000:])
    )


_OPTION = re.compile(
    r"(?:^|\n|(?<=\s)|\$)\s*(?:\\(?:textbf|text|mathrm|mathbf)\{)?\s*"
    r"(?:\(([A-J])\)|\*{0,2}([A-J])(?:[.、:：]|\))(?=\s|\}|\*|\S))\s*\}?\*{0,2}"
)


_OPTION_EDGES = re.compile(r"^(?:\\\s|\\q?quad|[\s$~])+|(?:\\q?quad|[\s$;,\\])+$")


def options_of(question: str) -> tuple[tuple[str, str], ...]:
    """The lettered options of a multiple-choice question, in order; empty where there are none.

    Options count only when the letters run A, B, C ... without a gap, at least two of them: an "A." that starts a
    sentence is not an option.
    """
    marks: list[tuple[str, int, int]] = []
    for match in _OPTION.finditer(question[-20_000:]):
        letter = match.group(1) or match.group(2)
        if letter == "A":
            marks = [(letter, match.start(), match.end())]
        elif marks and ord(letter) == ord(marks[-1][0]) + 1:
            marks.append((letter, match.start(), match.end()))
    if len(marks) < 2:
        return ()
    tail = question[-20_000:]
    ends = [start for _, start, _ in marks[1:]] + [len(tail)]
    return tuple(
        (letter, _OPTION_EDGES.sub("", tail[begin:end].split("\n\n")[0]))
        for (letter, _, begin), end in zip(marks, ends, strict=True)
    )
