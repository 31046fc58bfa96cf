"""Reading the verdict that a verifier model wrote, strictly: what is not plainly one label is no label.

    read_label("B: INCORRECT")                      # Reading("incorrect", None)
    read_label("Final verdict: \\\\boxed{A}")         # Reading("correct", None)
    read_label("A or B")                            # Reading("unknown", "label: ...")

Words come before letters and INCORRECT before CORRECT, so that the C of CORRECT and the A of INVALID are not taken for
labels, as published parsers do (CompassVerifier's, OpenCompass's). Labels that agree count as one, labels that do not
are none. The verdict is looked for behind "Final verdict:" (or "Final Judgment:", as CompassVerifier models write) and,
where that is missing, in the last line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from . import LABELS

_CUE = re.compile(
    r"final\s+(?:verdict|judge?ment)\b[\s*_`]*(?:is\b)?[\s:=\-–—]*|最[终后](?:判断|判定|裁定|结论)[\s:是为]*",
    re.IGNORECASE,
)
_REASONING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(r"\\(?:boxed|fbox|text|textbf|mathbf|mathrm)\s*(?=\{)")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_LEAD = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence)\b[\s,]*)?(?:(?:the|my|this)\s+)?(?:(?:final|overall|candidate)\s+)*"
    r"(?P<noun>answer|verdict|judge?ment|label|decision|conclusion|completion|response|solution|it|答案|判断|结论)"
    r"(?![a-z])(?:\s*(?:is|would be|should be|是|为)(?![a-z]))?[\s:=\-–—]*",
    re.IGNORECASE,
)
_NOUNS_OF_A_VERDICT = ("verdict", "judgment", "judgement", "label", "decision", "conclusion", "判断", "结论")
_OF_A_LABEL = re.compile(r"[\s{}()\[\]<>*_`\"'$]*")
_AFTER_A_LABEL = re.compile(
    r"\s*(?:$|[:,;)\]}/|*`\"$!\n–—]|[.\-'](?![a-z0-9])|\s\(|(?:or|and|because|since)\b)", re.IGNORECASE
)
_BETWEEN = re.compile(r"(?:[\s:=,.;(){}\[\]<>*_`\"'$!/|\-–—]|\b(?:or|and)\b)*", re.IGNORECASE)
_KINDS = {
    "truncated": re.compile(r"\b(?:INCOMPLETE|TRUNCATED)\b"),
    "looping": re.compile(r"\bREPETITIVE\b"),
    "refusal": re.compile(r"\bREFUSAL\b"),
}
"""What the chain-of-thought prompt calls the kinds of invalid completions, as reasons of verdicts."""


class Reading(NamedTuple):
    """A verdict, unknown where none could be read; the reason says why, or of which kind an invalid one is."""

    verdict: str
    reason: str | None = None


def read_label(text: str, labels: Mapping[str, str] = LABELS) -> Reading:
    """The verdict that a text gives.

    Args:
        text: what a model wrote, its own reasoning included.
        labels: the verdict of each label.
    """
    shown = _REASONING.sub("", unicodedata.normalize("NFKC", text)).strip()
    if re.search("<think(?:ing)?>", shown, re.IGNORECASE):
        return Reading("unknown", "label: the verifier's reasoning does not end")
    if not shown:
        return Reading("unknown", "label: nothing was written")
    grammar = _Grammar(tuple(labels.items()))
    pieces = _CUE.split(shown)[1:]
    if pieces:
        verdicts = set().union(*(grammar.after_cue(piece) for piece in pieces))
    else:
        *before, last = (line for line in shown.splitlines() if line.strip())
        verdicts = grammar.line(last, alone=not before)
    if len(verdicts) == 1:
        (verdict,) = verdicts
        return Reading(verdict, _kind_of_invalid(shown) if verdict == "invalid" else None)
    found = f"labels that do not agree ({', '.join(sorted(verdicts))})" if verdicts else "no label"
    return Reading("unknown", f"label: {found} in {_excerpt(shown)}")


def invalid_reason(label: str) -> str:
    """The reason of an invalid verdict where a model gives a letter and no kind."""
    return f"no answer: label {label} of the verifier"


def _kind_of_invalid(text: str) -> str:
    kinds = [kind for kind, written in _KINDS.items() if written.search(text)]
    return f"{kinds[0] if len(kinds) == 1 else 'no answer'}: says the verifier"


def _excerpt(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 80 else "..." + text[-77:])


class _Grammar:
    """How labels are written: as words in any case, as letters in capitals."""

    def __init__(self, labels: tuple[tuple[str, str], ...]) -> None:
        self._label, self._shouted, self._letters = _patterns(labels)

    def line(self, line: str, alone: bool = True) -> set[str]:
        """The verdicts of a line that is labels only, a lead ("The verdict is") before them, a reason behind them.

        Args:
            alone: nothing stood before it. "The answer is B" at the end of a longer text may speak of the question's
                option B: there such leads do not count.
        """
        lead = _LEAD.match(line)
        of_a_verdict = lead is not None and lead["noun"].lower() in _NOUNS_OF_A_VERDICT
        if lead is not None and not of_a_verdict and not alone:
            return self.shouted(line)
        bare = _MARKUP.sub("", line[lead.end() if lead else 0 :])
        found: set[str] = set()
        place = _OF_A_LABEL.match(bare).end()  # type: ignore[union-attr]
        joined = False
        while (label := self._label.match(bare, place)) and (joined or _AFTER_A_LABEL.match(bare, label.end())):
            found.add(self._verdict(label))
            place = _BETWEEN.match(bare, label.end()).end()  # type: ignore[union-attr]
            joined = re.search("or|and", bare[label.end() : place], re.IGNORECASE) is not None
        return found | self.shouted(line)

    def after_cue(self, piece: str) -> set[str]:
        """The verdicts of the first line behind a cue, and of what is shouted after it."""
        first, _, rest = piece.strip().partition("\n")
        return self.line(first) | self.shouted(rest)

    def shouted(self, text: str) -> set[str]:
        """The verdicts that stand in a text in capitals or in a box: no prose writes them like that by chance."""
        found = {self._verdict(label) for label in self._shouted.finditer(text)}
        for box in _BOX.finditer(text):
            inside = _MARKUP.sub("", box[1]).strip(" {}()*.")
            if (label := self._label.fullmatch(inside)) is not None:
                found.add(self._verdict(label))
        return found

    def _verdict(self, label: re.Match[str]) -> str:
        if label["word"]:
            return label["word"].lower()
        return "incorrect" if label["negated"] else self._letters[label["letter"]]


@lru_cache(maxsize=8)
def _patterns(labels: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[str], re.Pattern[str], dict[str, str]]:
    letters = "|".join(re.escape(label) for label, _ in sorted(labels, key=lambda item: -len(item[0])))
    # Words before letters, and INCORRECT before CORRECT.
    words = r"(?:(?P<negated>(?i:not\s+correct))|(?P<word>(?i:incorrect|correct|invalid)))\b"
    label = re.compile(rf"(?:{words}|(?P<letter>{letters})(?![A-Za-z0-9_]))")
    shouted = re.compile(r"\b(?:(?P<negated>NOT\s+CORRECT)|(?<!NOT )(?P<word>INCORRECT|CORRECT|INVALID))\b(?P<letter>)")
    return label, shouted, dict(labels)
