"""A few rollouts of every problem: the best, the shortest, one correct and one wrong, or any N."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .splitting import drawn

PerProblem = Literal["best", "shortest", "one-pair"] | int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may be picked: its place among all rows and what is known of its rollout."""

    place: tuple[int, int, int]
    rollout_id: str
    verdict: str | None = None
    score: float | None = None
    length: int | None = None


def pick(candidates: Sequence[Candidate], how: PerProblem, seed: int) -> list[Candidate]:
    """The candidates of one problem that stay; ties go to the earlier row.

    best: a correct one before others, then the highest score. shortest: the fewest tokens. one-pair: one correct and
    one incorrect or invalid, drawn uniformly (OREAL, Lyu et al. 2025, section 3.3, code); none where all agree, and
    unknown verdicts are neither. N: drawn uniformly, all where there are fewer.
    """
    if how == "best":
        return [min(candidates, key=_goodness)]
    if how == "shortest":
        return [min(candidates, key=lambda row: float("inf") if row.length is None else row.length)]
    shuffled = sorted(candidates, key=lambda row: (drawn(seed, row.rollout_id), row.place))
    if how == "one-pair":
        right = [row for row in shuffled if row.verdict == "correct"]
        wrong = [row for row in shuffled if row.verdict in ("incorrect", "invalid")]
        return [right[0], wrong[0]] if right and wrong else []
    return shuffled[: int(how)]


def _goodness(row: Candidate) -> tuple[bool, float]:
    return row.verdict != "correct", -row.score if row.score is not None and row.score == row.score else float("inf")
