"""Which rollouts vote for the same answer, and what an answer is worth."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_NOISE = re.compile(r"\\[!,;: ]|\\left(?![a-z])|\\right(?![a-z])|[\s$]+")
LONGEST_READ = 10_000
"""Characters of an answer beyond which it is only compared as text."""

_GROUPED_NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


def vote_of(extracted: str | None, answer_type: str | None = None) -> str | None:
    """The answer a rollout votes for: its extracted answer without layout, or None when there is none.

    Cheap on purpose, a vote compares every pair: blanks, dollar signs, LaTeX spacing, \\left and \\right, a final full
    stop and thousands separators go, \\dfrac and \\tfrac become \\frac. Mathematical equality is the verdicts' affair.
    Answers of other types vote for what they say: a choice for its letters, a boolean for its value, a text for its
    words, a sequence for its items, JSON for its content.
    """
    if extracted is None:
        return None
    said = _said(extracted, answer_type) if len(extracted) <= LONGEST_READ else None
    return said if said is not None else _plain(extracted)


def _plain(extracted: str) -> str | None:
    text = _NOISE.sub("", extracted).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("{,}", ",")
    text = text.rstrip(".")
    if _GROUPED_NUMBER.fullmatch(text):
        text = text.replace(",", "")
    return text or None


def _said(extracted: str, answer_type: str | None) -> str | None:
    """What an answer says, where its type tells how to read it; None where it does not."""
    from ..answers.boolean import read_boolean
    from ..answers.choice import read_choice
    from ..answers.json_ import BadJson, read_json
    from ..answers.normalise import letters_and_digits
    from ..answers.question import Asked
    from ..answers.sequence import read_items

    if answer_type == "boolean":
        value = read_boolean(extracted)
        return None if value is None else str(value).lower()
    if answer_type == "choice":
        letters = read_choice(extracted, Asked())
        return "".join(sorted(letters)) if letters else letters_and_digits(extracted) or None
    if answer_type == "text":
        return letters_and_digits(extracted) or None
    if answer_type == "sequence":
        return ", ".join(item for item in map(_plain, read_items(extracted)) if item) or None
    if answer_type == "json":
        try:
            return _canonical(read_json(extracted))
        except (BadJson, RecursionError):
            return None
    return None


def _canonical(value: Any) -> str:
    """JSON in one spelling: keys sorted, numbers by value."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(Decimal(value).normalize())
    return json.dumps(value)


@dataclass(frozen=True, slots=True)
class Ballot:
    """The votes of one problem's rollouts.

    `answers` holds each rollout's vote in draw order; `value_of` how correct each answer is, in [0, 1], counting
    answers of unknown correctness as 0 and, in `best_value_of`, as 1.
    """

    answers: tuple[str | None, ...]
    value_of: dict[str, float]
    best_value_of: dict[str, float]

    def counts(self, best: bool = False) -> tuple[tuple[tuple[int, float], ...], int]:
        """Votes and value of each answer, sorted, and the number of rollouts without one: what majority_at_k takes."""
        values = self.best_value_of if best else self.value_of
        votes = sorted((self.answers.count(answer), value) for answer, value in values.items())
        return tuple(votes), self.answers.count(None)


def ballot_of(extracted: Sequence[str | None], verdicts: Sequence[str], answer_type: str | None = None) -> Ballot:
    """Collect the votes of one problem, in draw order.

    An answer is worth the share of "correct" among its rollouts' correct and incorrect verdicts (0 or 1 unless a
    verdict contradicts another). Without any of those it is worth 0, and its best value is 1 if one is "unknown".
    """
    answers = tuple(vote_of(text, answer_type) for text in extracted)
    value_of, best_value_of = {}, {}
    for answer in dict.fromkeys(answers):
        if answer is None:
            continue
        given = [verdict for vote, verdict in zip(answers, verdicts, strict=True) if vote == answer]
        correct, incorrect = given.count("correct"), given.count("incorrect")
        judged = correct + incorrect
        value_of[answer] = correct / judged if judged else 0.0
        best_value_of[answer] = value_of[answer] if judged else float("unknown" in given)
    return Ballot(answers, value_of, best_value_of)
