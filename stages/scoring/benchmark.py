"""RewardBench 2's own numbers, where the prompts are its: the score of its ties, and the average over its subsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .view import View

if TYPE_CHECKING:
    from ..metrics.estimate import Estimate


def benchmark_scores(view: View) -> list[Estimate]:
    """What the leaderboard of RewardBench 2 shows, as far as its prompts are there; empty for other rollouts."""
    import numpy as np

    from ..metrics.measure import Measured
    from ..metrics.reward_bench import TIE_BOUNDS

    ties = tie_scores(view)
    measured = [Measured("ties-score", np.array(ties), bounds=TIE_BOUNDS)] if ties else []
    return [*view.estimate(measured), *_average(view, ties)]


def tie_scores(view: View) -> list[float]:
    """The score of every pair of prompts of the ties that is there, reference and tied."""
    from ..metrics.reward_bench import Tied, tie_score

    halves: dict[str, dict[str, Tied]] = {}
    for rows in view.mixed:
        tie = view.judged.tied.get(rows[0].problem_id)
        if tie is not None:
            kind, name = tie
            scores = [(row.right, float(view.score_of(row) or 0.0)) for row in rows]
            halves.setdefault(name, {})[kind] = Tied(
                [score for right, score in scores if right], [score for right, score in scores if not right]
            )
    return [tie_score(both["ref"], both["tied"]) for both in halves.values() if len(both) == 2]


def _average(view: View, ties: list[float]) -> list[Estimate]:
    """The mean over the six subsets; empty where one of them is missing."""
    import numpy as np

    from ..metrics.best_of import best_of_k
    from ..metrics.estimate import Estimate
    from ..metrics.intervals import Interval, without_spread
    from ..metrics.reward_bench import SUBSETS, TIE_BOUNDS, subset_average

    places = {name.casefold(): place for place, name in enumerate(SUBSETS)}
    scored = [(places["ties"], score) for score in ties]
    for group in view.groups:
        place = places.get((view.judged.source_of.get(group[0].problem_id) or "").casefold())
        if place is not None and place != places["ties"]:
            right = [float(row.right) for row in group]
            scored.append((place, best_of_k([view.score_of(row) for row in group], right, len(group))))
    if len({place for place, _ in scored}) < len(SUBSETS):
        return []
    sums_P62 = np.zeros((len(scored), len(SUBSETS), 2))
    for unit, (place, score) in enumerate(scored):
        sums_P62[unit, place] = score, 1
    sums = view.sums(sums_P62)
    value = float(subset_average(sums.total))
    ends = sums.ends(subset_average) or without_spread(value, sums.problems, TIE_BOUNDS, view.confidence)
    return [Estimate("reward-bench-2", Interval(value, *ends))]
