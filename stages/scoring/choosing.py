"""What a choice by score is worth: best-of-k and votes weighted by scores, beside choices that need no score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import exp
from typing import TYPE_CHECKING, Any

from ..rewards.mixing import sigmoid
from .judged import Row
from .view import View

if TYPE_CHECKING:
    import numpy as np

    from ..metrics.estimate import Comparison
    from ..metrics.measure import Measured

Value = Callable[[Sequence[Row], int, bool], float]
"""What choosing among k of a group is worth; True where unknown verdicts count as correct"""


def choices(view: View, asked: Sequence[int]) -> list[Measured]:
    """Best-of-k beside the alternatives; where groups have different sizes also of all their rollouts.

    Args:
        asked: the k wanted; empty: powers of two up to the smallest group, and its size.
    """
    from ..metrics.measure import default_draws

    least = min(len(group) for group in view.groups)
    draws = sorted({k for k in asked if k <= least}) or default_draws(least)
    found = [one for k in draws for one in choices_of(view, f"@{k}", lambda group, k=k: k)]
    if len({len(group) for group in view.groups}) > 1:
        found += choices_of(view, "@all", len)
    return found


def choices_of(view: View, ending: str, k_of: Callable[[Sequence[Row]], int]) -> list[Measured]:
    """Every way to choose among k rollouts of each group."""
    import numpy as np

    from ..metrics.best_of import best_of_k
    from ..metrics.majority import majority_at_k
    from ..metrics.measure import Measured
    from ..metrics.pass_at_k import pass_at_k

    groups = view.groups
    unknown = any(row.verdict == "unknown" for group in groups for row in group)

    def each(value: Value, name: str) -> Measured:
        def over(best: bool) -> np.ndarray:
            return np.array([value(group, k_of(group), best) for group in groups], dtype=np.float64)

        return Measured(f"{name}{ending}", over(False), over(True) if unknown else None)

    def best_of(rank: Callable[[Row], float | None]) -> Value:
        return lambda group, k, best: best_of_k([rank(row) for row in group], _worth(group, best), k)

    found = [
        each(best_of(view.score_of), "best-of"),
        each(lambda group, k, best: sum(_worth(group, best)) / len(group), "random"),
        each(lambda group, k, best: float(pass_at_k(len(group), int(sum(_worth(group, best))), k)), "oracle"),
    ]
    if any(row.extracted is not None for group in groups for row in group):
        found.append(each(lambda group, k, best: majority_at_k(*_ballot(group).counts(best), k), "majority"))
        weight = weighing_of(view)
        weighted = [_weighted(view, weight, group, k_of(group), False) for group in groups]
        if all(value is not None for value in weighted):
            found.append(
                each(lambda group, k, best: _weighted(view, weight, group, k, best) or 0.0, "weighted-majority")
            )
    if view.has_lengths:
        found.append(each(best_of(lambda row: -(row.length or 0)), "shortest"))
        found.append(each(best_of(lambda row: row.length), "longest"))
    return found


def gains(view: View, choice: Sequence[Measured]) -> list[Comparison]:
    """Best-of-k minus each alternative at the greatest k, on the same problems."""
    named = {one.name: one for one in choice}
    ending = "@all" if "best-of@all" in named else max(
        (name.removeprefix("best-of") for name in named if name.startswith("best-of@")),
        key=lambda text: int(text[1:]),
    )  # fmt: skip
    best = named[f"best-of{ending}"]
    found = []
    for name, one in named.items():
        if name.endswith(ending) and one is not best:
            (pair,) = view.compare([best], [replace(one, name=best.name)])
            found.append(replace(pair, name=f"best-of{ending} - {name}"))
    return found


def weighing_of(view: View) -> str:
    """How scores become weights of votes, which must not be negative: softmax, score or logistic."""
    if view.judged.within_problem or view.judged.scale.kind == "preference":
        return "softmax"
    return "score" if view.judged.scale.kind == "probability" else "logistic"


def _weighted(view: View, weighing: str, group: Sequence[Row], k: int, best: bool) -> float | None:
    from ..metrics.best_of import weighted_majority_at_k

    ballot = _ballot(group)
    scores = [view.score_of(row) for row in group]
    top = max((score for score in scores if score is not None), default=0.0)

    def weight(score: float | None) -> float:
        if score is None:
            return 0.0
        if weighing == "softmax":
            return exp(score - top)
        return score if weighing == "score" else sigmoid(score)

    weights = [weight(score) for score in scores]
    return weighted_majority_at_k(ballot.answers, weights, ballot.best_value_of if best else ballot.value_of, k)


def _worth(group: Sequence[Row], best: bool) -> list[float]:
    """1 for a correct rollout, and for an unknown one where `best` counts those as correct."""
    return [float(row.right or (best and row.verdict == "unknown")) for row in group]


def _ballot(group: Sequence[Row]) -> Any:
    from ..metrics.ballots import ballot_of

    return ballot_of([row.extracted for row in group], [row.verdict for row in group], group[0].answer_type)
