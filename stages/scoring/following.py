"""What scores follow besides rank: length, verdicts as such, probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..rewards.mixing import sigmoid
from .judged import Row
from .view import View

if TYPE_CHECKING:
    import numpy as np

    from ..metrics.calibration import Calibration
    from ..metrics.estimate import Estimate


def length_followed(view: View) -> list[Estimate]:
    """Is the model only measuring length? Correlation, the AUC of length alone, and the AUC without length."""
    import numpy as np

    from ..metrics.measure import Measured
    from ..metrics.ranking import auc
    from ..metrics.reward_bench import centred

    if not view.has_lengths:
        return []
    found = _correlation(view, view.score_of, _length, "score-length-correlation")
    found += _correlation(view, _right, _length, "verdict-length-correlation")
    mixed = view.mixed
    if not mixed:
        return found
    rows = [row for group in mixed for row in group]
    place = np.repeat(np.arange(len(mixed)), [len(group) for group in mixed])
    scores, right = view.arrays(rows)
    length = np.array([_length(row) for row in rows])
    x, y = centred(place, length), centred(place, scores)
    rest = y - x * (float(x @ y) / float(x @ x) if float(x @ x) > 0 else 0.0)
    # What rounding leaves of equal scores is no order, whatever their scale.
    rest = (rest / (float(np.abs(y).max()) or 1.0)).round(9)

    def over(values: np.ndarray) -> np.ndarray:
        return np.array([auc(values[place == p], right[place == p]) for p in range(len(mixed))])

    return found + view.estimate([Measured("length-auc", over(length)), Measured("auc-without-length", over(rest))])


def verdicts_followed(view: View) -> list[Estimate]:
    """The correlation with verdicts inside problems."""
    return _correlation(view, view.score_of, _right, "score-verdict-correlation")


def calibration(view: View) -> Calibration | None:
    """The share that is correct at each probability that scores give to a rollout, or to one of two of a problem."""
    from ..metrics.calibration import calibrate, calibrate_pairs

    kind, rows = view.judged.scale.kind, view.known
    if kind == "preference" and view.mixed:
        return calibrate_pairs([view.arrays(group) for group in view.mixed], view.confidence, view.resamples)
    if kind not in ("probability", "log-odds") or not rows:
        return None
    scores = [float(view.score_of(row) or 0.0) for row in rows]
    said = scores if kind == "probability" else [sigmoid(score) for score in scores]
    numbers = {problem: place for place, problem in enumerate(sorted({row.problem_id for row in rows}))}
    places, right = [numbers[row.problem_id] for row in rows], [row.right for row in rows]
    return calibrate(places, said, right, view.confidence, view.resamples)


def _correlation(
    view: View, one: Callable[[Row], float | None], other: Callable[[Row], float | None], name: str
) -> list[Estimate]:
    from ..metrics.estimate import Estimate

    interval = view.correlation(view.known, one, other)
    return [] if interval is None else [Estimate(name, interval)]


def _length(row: Row) -> float:
    return float(row.length or 0)


def _right(row: Row) -> float:
    return float(row.right)
