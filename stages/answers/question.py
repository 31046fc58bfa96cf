"""What a question says about how its answer is read: percent, rounding, unit, order, options, sub-questions."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from .labels import labels_of, runs_of
from .rounding import figures_asked, places_asked
from .units import split_unit


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
    """An order of the parts is asked for: "in ascending order", "from least to greatest"."""

    all_wanted: bool = False
    """All values are asked for ("find all", "what are the solutions"): a part of them does not answer."""

    one_wanted: bool = False
    """One of several is asked for ("give a number whose ..."): one alternative of the reference is enough."""

    decrease: bool = False
    """A decrease is asked for ("by how much did it fall"): -8 and 8 say the same."""

    unit: str | None = None
    """The unit asked for ("in meters", "how many cents"), spelled as `units.split_unit` does ("m", "cent"); None when
    the question names none, or several."""

    parts: tuple[str, ...] = ()
    """Labels of the sub-questions, as "a", "b" or "1", "2"; empty where there are none."""


LONGEST_READ = 20_000
"""Characters at the end of a question that are read."""


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
    question = question[-LONGEST_READ:]
    asking = _asking(question)
    options = options_of(question)
    all_wanted = any(_ALL_WANTED.search(sentence) for sentence in asking)
    return Asked(
        percent=asks_for_percent(question),
        options=options,
        simplified=any(_SIMPLIFIED.search(sentence) for sentence in asking),
        places=places_asked(asking),
        significant=figures_asked(asking),
        ordered=any(_ORDERED.search(sentence) for sentence in asking),
        all_wanted=all_wanted,
        one_wanted=not all_wanted and any(_ONE_WANTED.search(sentence) for sentence in asking),
        decrease=any(_DECREASE.search(sentence) for sentence in asking),
        unit=_unit(asking),
        parts=() if options else parts_of(question),
    )


def asks_for_percent(question: str) -> bool:
    """Whether the answer is asked for in percent.

    A sentence that asks must hold the word without a number before it: "what percent of", "as a percentage";
    "the price rises by 20 percent, what is it now?" does not ask for one.
    """
    return any(_PERCENT_NOUN.search(sentence) for sentence in _asking(question[-LONGEST_READ:]))


def _asking(question: str) -> list[str]:
    """The sentences that ask for something."""
    return [sentence for sentence in _SENTENCE.findall(question) if _ASKING.search(sentence)]


_SENTENCE = re.compile(r"(?:[^.?!。？！\n]|(?<=\d)\.(?=\d)|(?<=\b[sd])\.(?=[fp]\b))+[.?!。？！\n]*")
_ASKING = re.compile(
    r"[?？]|^\W*(?:rounded|order)\b|\b(?:what|which|find|express|give|compute|calculate|determine|write|enter|round"
    r"|answers?|how|simplify|solve|arrange|put|evaluate|reduce|leave|identify|convert|select|choose)\b"
    r"|(?<!\bthe )(?<!\ba )\b(?:list|rank|sort|name|state|report|estimate)\b"
    r"|求|多少|几|什么|写出|保留|精确|四舍五入|计算|化简|排列|排序|解方程|列出|找出|化为|化成|表示",
    re.IGNORECASE,
)
_PERCENT_NOUN = re.compile(
    r"(?<![\d%}$])(?<!\d )\b(?:percent(?:age)?|per cent)\b|百分(?:之几|之多少|比|率|数)", re.IGNORECASE
)
_SIMPLIFIED = re.compile(
    r"\bsimplest\b|\blowest terms\b|\bsimplify\b|\bfully simplified\b|\breduced (?:form|fraction)\b"
    r"|\bin (?:simplified|reduced) (?:radical )?form\b|\breduce (?:the|your|this)\b|最简|化简|约分",
    re.IGNORECASE,
)
_ORDERED = re.compile(
    r"\b(?:ascending|descending|increasing|decreasing|alphabetical|chronological|reverse|numerical|correct|right|sorted)"
    r" order\b|\bin (?:what |the |which )?order\b(?! to\b| that\b| for\b)"
    r"|\bfrom (?:the )?(?:least|smallest|lowest|shortest|lightest|earliest|oldest|slowest) to\b"
    r"|\bfrom (?:the )?(?:greatest|largest|highest|longest|heaviest|latest|youngest|fastest|most) to\b"
    r"|从[小大高低早晚长短]到[大小低高晚早短长]|由[小大]到[大小]|顺序|依次|升序|降序",
    re.IGNORECASE,
)
_ALL_WANTED = re.compile(
    r"\b(?:find|determine|list|give|enter|identify|name|state|write|describe|compute|select|choose|mark)(?: down| out)?"
    r" (?:all|every)\b"
    r"|\b(?:what|which) are (?:all )?(?:the |its )?(?:\w+ ){0,2}(?:solutions|roots|zeros|zeroes|values|answers)\b"
    r"|\bfind (?:the |its )?(?:\w+ )?(?:solutions|roots|zeros|zeroes|values)\b(?! of unity)"
    r"|\bfor (?:what|which) (?:\w+ ){0,2}values\b|\bwhat values\b|\bthat apply\b"
    r"|\b(?:comma[- ]separated|separated by (?:a )?commas?|with commas)\b"
    r"|(?:求|找|写|列)出?(?:所有|全部)|(?:所有|全部)(?:的)?(?:解|根|值)",
    re.IGNORECASE,
)
_ONE_WANTED = re.compile(
    r"^\W*(?:(?:find|give|name|state|write|list) (?:an?|one|any)|any)\b|(?:写|举|给|说)出(?:任意)?一[个种]",
    re.IGNORECASE,
)
_DECREASE = re.compile(
    r"\bhow (?:much|many \w+|far) (?:did|does|has|have|will) [^.?!]{0,60}\b(?:fall|fallen|drop|dropped|decreased?"
    r"|declined?|shrink|sink)\b"
    r"|\b(?:what|find|calculate|compute|determine|give) (?:is |was )?the (?:\w+ ){0,2}"
    r"(?:decrease|drop|decline|reduction|fall|loss)\b|(?:下降|减少|降低|下跌)了?(?:百分之)?(?:多少|几)",
    re.IGNORECASE,
)

_UNIT = re.compile(
    r"\bin (?P<within>[a-z]{2,}(?: per [a-z]+|/[a-z]+)?)\b(?! (?:and|or|of)\b)|\bhow many (?P<many>[a-z]{2,})\b"
    r"|(?:多少|几)(?:个)?(?P<chinese>[\u4e00-\u9fff]{1,2})",
    re.IGNORECASE,
)


def _unit(asking: list[str]) -> str | None:
    """The one unit that the asking sentences name; None when they name none, or several."""
    units = set()
    for sentence in asking:
        for match in _UNIT.finditer(sentence):
            units.add(split_unit("1 " + (match["within"] or match["many"] or match["chinese"]))[1])
    units -= {"", "?"}
    return units.pop() if len(units) == 1 else None


_OPTION = re.compile(
    r"(?:(?<!\S)|(?<=\$))(?:\\(?:textbf|text|mathrm|mathbf)\{\s{0,3})?"
    r"(?<![Pp]art )(?:\(([A-J])\)|\*{0,2}([A-J])(?:[.．、:：]|\))(?=\s|\}|\*|\S))\s*\}?\*{0,2}"
)
_OPTION_EDGES = re.compile(r"^(?:\\\s|\\q?quad|[\s$~])+|(?:\\q?quad|[\s$;,\\])+$")


def options_of(question: str) -> tuple[tuple[str, str], ...]:
    """The lettered options of a multiple-choice question, in order; empty where there are none.

    Options count only when the letters run A, B, C ... without a gap, at least two of them: an "A." that starts a
    sentence is not an option.
    """
    tail = question[-LONGEST_READ:]
    marks = _last_run((match.group(1) or match.group(2), match) for match in _OPTION.finditer(tail))
    if not marks:
        return ()
    ends = [match.start() for _, match in marks[1:]] + [len(tail)]
    return tuple(
        (letter, _OPTION_EDGES.sub("", tail[match.end() : end].split("\n\n")[0]))
        for (letter, match), end in zip(marks, ends, strict=True)
    )


def _last_run(marks: Iterable[tuple[str, re.Match[str]]]) -> list[tuple[str, re.Match[str]]]:
    run: list[tuple[str, re.Match[str]]] = []
    for letter, match in marks:
        if letter == "A":
            run = [(letter, match)]
        elif run and ord(letter) == ord(run[-1][0]) + 1:
            run.append((letter, match))
    return run if len(run) > 1 else []


def parts_of(question: str) -> tuple[str, ...]:
    """The labels of the sub-questions, when at least two run in order."""
    runs = runs_of(labels_of(question[-LONGEST_READ:]))
    return tuple(label.name for label in runs[-1]) if runs else ()
