"""Which rollouts vote for the same answer, and what an answer is worth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NOISE = re.compile(r"\\[!,;: ]|\\left(?![a-z])|\\right(?![a-z])|[\s$]+")
_GROUPED_NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


def vote_of(extracted: str | None) -> str | None:
    """The answer a rollout votes for: its extracted answer without layout, or None when there is none.

    Cheap on purpose, a vote compares every pair: blanks, dollar signs, LaTeX spacing, \\left and \\right, a final full
    stop and thousands separators go, \\dfrac and \\tfrac become \\frac. Mathematical equality is the verdicts' affair.
    """
    if extracted is None:
        return None
    text = _NOISE.sub("", extracted).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("{,}", ",")
    text = text.rstrip(".")
    if _GROUPED_NUMBER.fullmatch(text):
        text = text.replace(",", "")
    return text or None


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


def ballot_of(extracted: Sequence[str | None], verdicts: Sequence[str]) -> Ballot:
    """Collect the votes of one problem, in draw order.

    An answer is worth the share of "correct" among its rollouts' correct and incorrect verdicts (0 or 1 unless a
    verdict contradicts another). Without any of those it is worth 0, and its best value is 1 if one is "unknown".
    """
    answers = tuple(vote_of(text) for text in extracted)
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
