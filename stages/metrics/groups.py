"""What the metrics read: the rollouts of P problems, n each, reduced to counts, votes and lengths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .ballots import Ballot, ballot_of


@dataclass(frozen=True, slots=True)
class Draw:
    """One rollout of a problem as far as metrics care; None where it is not known."""

    verdict: str | None = None
    extracted: str | None = None
    tokens: int | None = None
    characters: int | None = None
    finish_reason: str | None = None
    answer_type: str | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """P problems with n rollouts each, problems in canonical (sorted) order.

    Arrays are [P]: correct and unknown verdicts, mean length in `length_unit`, share cut off at the token limit.
    None where the draws do not say.
    """

    problems: tuple[str, ...]
    n: int
    counts: dict[str, int]
    correct_P: np.ndarray | None = None
    unknown_P: np.ndarray | None = None
    ballots: tuple[Ballot, ...] = ()
    length_P: np.ndarray | None = None
    length_unit: str = "tokens"
    truncated_P: np.ndarray | None = None


class UnevenGroups(ValueError):
    """Problems do not all have the same number of rollouts.

    `sizes` counts problems by their number of rollouts; `unlike` are the problems whose number is not the usual one.
    """

    def __init__(self, sizes: dict[int, int], unlike: list[str]) -> None:
        super().__init__(f"{len(unlike)} problems have another number of rollouts than most: {sizes}")
        self.sizes, self.unlike = sizes, unlike


def groups_of(draws: Mapping[str, Sequence[Draw]]) -> Groups:
    """Reduce the draws of each problem, given in draw order.

    Raises:
        UnevenGroups: the problems have different numbers of draws; names those unlike most.
        ValueError: no draws at all.
    """
    if not draws:
        raise ValueError("no rollouts, expected at least one problem")
    problems = tuple(sorted(draws))
    sizes = Counter(len(draws[problem]) for problem in problems)
    n = sizes.most_common(1)[0][0]
    if len(sizes) > 1:
        raise UnevenGroups(dict(sizes), [problem for problem in problems if len(draws[problem]) != n])
    rows = [draws[problem] for problem in problems]
    every = [draw for row in rows for draw in row]
    counts = {"problems": len(problems), "rollouts": len(every), "rollouts_per_problem": n}
    length_P, unit = _lengths(rows)
    truncated_P = None
    if any(draw.finish_reason is not None for draw in every):
        truncated_P = np.array([sum(draw.finish_reason == "length" for draw in row) / n for row in rows])
        counts["truncated"] = sum(draw.finish_reason == "length" for draw in every)
    if every[0].verdict is None:
        return Groups(problems, n, counts, length_P=length_P, length_unit=unit, truncated_P=truncated_P)

    verdicts = Counter(draw.verdict for draw in every)
    ballots = tuple(
        ballot_of([draw.extracted for draw in row], [str(draw.verdict) for draw in row], row[0].answer_type)
        for row in rows
    )
    counts |= {name: verdicts[name] for name in ("correct", "incorrect", "invalid", "unknown")}
    counts["without_answer"] = sum(ballot.answers.count(None) for ballot in ballots)
    return Groups(
        problems,
        n,
        counts,
        correct_P=np.array([sum(draw.verdict == "correct" for draw in row) for row in rows]),
        unknown_P=np.array([sum(draw.verdict == "unknown" for draw in row) for row in rows]),
        ballots=ballots,
        length_P=length_P,
        length_unit=unit,
        truncated_P=truncated_P,
    )


def _lengths(rows: Sequence[Sequence[Draw]]) -> tuple[np.ndarray | None, str]:
    """Mean length of each problem's rollouts, in tokens where every problem has some, else in characters.

    Rollouts without a length (a server that did not answer) are left out of their problem's mean.
    """
    for unit in ("tokens", "characters"):
        known = [[length for draw in row if (length := getattr(draw, unit)) is not None] for row in rows]
        if all(known):
            return np.array([sum(lengths) / len(lengths) for lengths in known]), unit
    return None, "tokens"
