"""Intervals of numbers that follow from sums over problems: shares of rows, F1, calibration errors.

The rows of a problem stand or fall together, so it is the problems that are resampled, never the rows.

Legend: P problems, R resamples; `...` is the shape of what is summed for each problem.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from math import sqrt

import numpy as np

from .intervals import Interval, bca_ends, resampled_means, wilson, without_spread

Statistic = Callable[[np.ndarray], np.ndarray]
"""From sums [any, ...] to a number each [any]; NaN where it is not defined."""

UNDEFINED = Interval(float("nan"), float("nan"), float("nan"))


class Sums:
    """What is summed for each of P problems, [P, ...], and how sure the numbers made of the totals are.

    All numbers share the same resamples of the problems.
    """

    def __init__(self, sums_P: np.ndarray, confidence: float = 0.95, resamples: int = 9999, seed: int = 0) -> None:
        self.sums_P = np.asarray(sums_P, dtype=np.float64)
        self.confidence, self.resamples, self.seed = confidence, resamples, seed

    @property
    def problems(self) -> int:
        return len(self.sums_P)

    @cached_property
    def total(self) -> np.ndarray:
        return self.sums_P.sum(axis=0)

    @cached_property
    def resampled(self) -> np.ndarray:
        """The totals of every resample, divided by P: [R, ...]."""
        flat = resampled_means(self.sums_P.reshape(self.problems, -1), self.resamples, self.seed)
        return flat.reshape(-1, *self.sums_P.shape[1:])

    @cached_property
    def left_out(self) -> np.ndarray:
        """The totals without one problem each: [P, ...]."""
        return self.total - self.sums_P

    def share(self, part: Statistic, whole: Statistic) -> Interval:
        """The share that `part` is of `whole`, both counts of rows.

        Wilson's interval where no problem has two rows of the whole. Else BCa over problems, and where all problems are
        alike, as at 0 and 1, Wilson's with the number of problems. NaN where the whole is empty.

        *Deviations:* each end is the wider one of BCa and of Wilson's over rows: rows of a problem are at best
        independent, and a bootstrap of very few cases (one false positive) is narrower than that.
        """
        part_P, whole_P = part(self.sums_P), whole(self.sums_P)
        rows = float(whole_P.sum())
        if rows == 0:
            return UNDEFINED
        value = float(part_P.sum()) / rows
        low, high = wilson(float(part_P.sum()), rows, self.confidence)
        if whole_P.max() <= 1:
            return Interval(value, low, high)
        inside = whole_P > 0
        shares_P = part_P[inside] / whole_P[inside]
        if np.all(shares_P == shares_P[0]):
            return Interval(value, *without_spread(value, len(shares_P), (0.0, 1.0), self.confidence))
        ends = self.ends(lambda sums: ratio(part(sums), whole(sums))) or (low, high)
        return Interval(value, min(low, ends[0]), max(high, ends[1]))

    def ends(self, statistic: Statistic, differences: bool = False) -> tuple[float, float] | None:
        """The ends of the BCa interval of a number; None where no problem moves it.

        Resamples in which the number is not defined are left out.

        Args:
            differences: the number is a difference of two runs: each end is the wider one of BCa and of Student's t
                over the jackknife, as in `intervals`.
        """
        value = float(statistic(self.total))
        resampled_R = statistic(self.resampled)
        resampled_R = resampled_R[~np.isnan(resampled_R)]
        if np.isnan(value) or len(resampled_R) == 0 or np.ptp(resampled_R) == 0:
            return None
        left_out_P = statistic(self.left_out)
        left_out_P = np.where(np.isnan(left_out_P), value, left_out_P)
        influence_P = left_out_P.mean() - left_out_P
        low, high = bca_ends(value, resampled_R, influence_P, self.confidence)
        if differences:
            from scipy.special import stdtrit

            error = sqrt((self.problems - 1) / self.problems * float(np.sum(influence_P**2)))
            half = float(stdtrit(self.problems - 1, (1 + self.confidence) / 2)) * error
            low, high = min(low, value - half), max(high, value + half)
        return low, high


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where the whole is 0."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
