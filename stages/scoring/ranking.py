"""How scores rank right rollouts against wrong ones: inside problems, and where scores compare across them, in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .view import View

if TYPE_CHECKING:
    from ..metrics.estimate import Estimate
    from ..metrics.intervals import Interval
    from ..metrics.measure import Measured

POOLED = "pooled-auc"


def ranking(view: View) -> list[Estimate]:
    """Within-problem AUC first; the pooled one where scores compare across problems."""
    from ..metrics.estimate import Estimate
    from ..metrics.ranking import pooled_auc

    found = view.estimate(within_problems(view))
    if (pairs := _pairs(view)) is not None:
        found.insert(1, Estimate("pairwise-accuracy", pairs))
    if not view.judged.within_problem:
        problems = [row.problem_id for row in view.known]
        value = pooled_auc(problems, *view.arrays(view.known), view.confidence, view.resamples)
        if value.value == value.value:
            found.append(Estimate(POOLED, value))
    return found


def within_problems(view: View) -> list[Measured]:
    """What is measured of each mixed group."""
    import numpy as np

    from ..metrics.measure import Measured
    from ..metrics.ranking import auc, expected_rank

    mixed = [view.arrays(rows) for rows in view.mixed]
    if not mixed:
        return []
    ranks = np.array([expected_rank(*arrays) for arrays in mixed])
    return [
        Measured("within-problem-auc", np.array([auc(*arrays) for arrays in mixed])),
        Measured("reciprocal-rank", ranks[:, 1]),
        Measured("rank", ranks[:, 0], bounds=None),
    ]


def _pairs(view: View) -> Interval | None:
    """Share of pairs of a right and a wrong rollout of a problem that the right one wins; pairs count alike."""
    import numpy as np

    from ..metrics.ranking import pair_wins

    found = [pair_wins(*view.arrays(rows)) for rows in view.mixed]
    if not found:
        return None
    return view.sums(np.array(found)).share(lambda sums: sums[..., 0], lambda sums: sums[..., 1])
