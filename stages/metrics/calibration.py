"""Calibration: is a verdict of confidence .9 right nine times in ten? Is a preference of .9?

Legend: N rows, n rollouts of a problem, P problems, B bins, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from .intervals import Interval, without_spread
from .sums import Sums, ratio

BINS = (10, 15)
"""Numbers of bins that errors are given for: the usual one, and that of Guo et al. (2017)."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The rows with a confidence in (low, high]: how many, their mean confidence and how many of them are right.

    `mean` and `right` are NaN where there are no rows.
    """

    low: float
    high: float
    rows: int
    mean: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How confidence and being right go together.

    Args:
        errors: the expected calibration error by number of bins.
        by_chance: what that error would be, on average, if these confidences were perfectly calibrated: rows are few.
            NaN for pairs, which are not independent of each other.
    """

    rows: int
    brier: Interval
    errors: dict[int, Interval]
    by_chance: dict[int, float]
    bins: dict[int, list[Bin]]


def bin_of(confidence_N: np.ndarray, bins: int) -> np.ndarray:
    """The bin (0 .. bins-1) of each confidence: bin b holds (b/bins, (b+1)/bins], and the first also 0."""
    return np.clip(np.ceil(np.asarray(confidence_N) * bins).astype(np.int64) - 1, 0, bins - 1)


def expected_error(sums: np.ndarray) -> np.ndarray:
    """Expected calibration error of sums [..., B, 3] (rows, sum of confidences, rows that are right): [...].

    sum over bins of |rows right - sum of confidences| / all rows, weighed or not. (Guo et al. 2017, arXiv 1706.04599,
    eq. 3.)
    """
    return ratio(np.abs(sums[..., 2] - sums[..., 1]).sum(-1), sums[..., 0].sum(-1))


def calibrate(
    problem_N: Sequence[int] | np.ndarray,
    confidence_N: Sequence[float] | np.ndarray,
    right_N: Sequence[bool] | np.ndarray,
    confidence: float = 0.95,
    resamples: int = 9999,
) -> Calibration:
    """Measure calibration, with intervals over problems.

    The Brier score is the mean of (confidence - right)^2, of the verdict given alone (Brier 1950, for two outcomes).
    The error's interval is the basic bootstrap one (2 x value - percentile): with few rows a bin, errors of resamples
    are too large, and it takes that out.

    Args:
        problem_N: number of each row's problem, any numbers.
        confidence_N: in [0, 1].

    Raises:
        ValueError: no rows, or a confidence outside [0, 1].
    """
    said_N, right = np.asarray(confidence_N, dtype=np.float64), np.asarray(right_N, dtype=np.float64)
    if len(said_N) == 0 or said_N.min() < 0 or said_N.max() > 1:
        raise ValueError(f"{len(said_N)} confidences, expected at least one and all in [0, 1]")
    problems, place_N = np.unique(np.asarray(problem_N), return_inverse=True)
    sums_PK = _sums(place_N, said_N, right, np.ones_like(said_N), len(problems))
    by_chance = {}
    for count in BINS:
        variance_B = np.bincount(bin_of(said_N, count), said_N * (1 - said_N), count)
        # |rows right - sum of confidences| of a bin is about that of a normal number: its mean is sqrt(2/pi) deviations
        by_chance[count] = float(np.sqrt(variance_B * 2 / np.pi).sum() / len(said_N))
    rows = {count: np.bincount(bin_of(said_N, count), minlength=count) for count in BINS}
    return _calibration(Sums(sums_PK, confidence, resamples), rows, by_chance)


def calibrate_pairs(
    groups: Sequence[tuple[np.ndarray, np.ndarray]], confidence: float = 0.95, resamples: int = 9999
) -> Calibration:
    """Measure the calibration of preferences between a right and a wrong rollout of one problem.

    A pair's confidence is 1 / (1 + exp(-|difference of the scores|)), at least 1/2, and it is right where the right
    rollout has the higher score; equal scores count as half right. The Brier score is the mean of (1 - p)^2, p the
    probability that the scores give to the right one. All pairs of a problem together weigh as much as those of any
    other problem, as in the mean of the problems' AUC. A shift of all scores of a problem changes nothing.

    Args:
        groups: the scores [n] of each problem, and which rollouts are right, bool [n].

    Raises:
        ValueError: no problem, or one without a right or without a wrong rollout.
    """
    if not groups or not all(right_n.any() and not right_n.all() for _, right_n in groups):
        raise ValueError(f"{len(groups)} problems, expected at least one, each with a right and a wrong rollout")
    sums, rows = [], {count: np.zeros(count, np.int64) for count in BINS}
    for scores_n, right_n in groups:
        ahead_N = np.subtract.outer(scores_n[right_n], scores_n[~right_n]).ravel()
        said_N, won_N = 1 / (1 + np.exp(-np.abs(ahead_N))), (np.sign(ahead_N) + 1) / 2
        sums.append(_sums(np.zeros(len(said_N), np.int64), said_N, won_N, np.full(len(said_N), 1 / len(said_N)), 1))
        for count in BINS:
            rows[count] += np.bincount(bin_of(said_N, count), minlength=count)
    return _calibration(Sums(np.concatenate(sums), confidence, resamples), rows, dict.fromkeys(BINS, nan))


def _sums(
    place_N: np.ndarray, said_N: np.ndarray, right_N: np.ndarray, weight_N: np.ndarray, problems: int
) -> np.ndarray:
    """By problem: weights and weighed Brier scores, then what `expected_error` takes, by number of bins; [P, K]."""
    squares_N = right_N * (1 - said_N) ** 2 + (1 - right_N) * said_N**2
    each_N3 = weight_N[:, None] * np.stack([np.ones_like(said_N), said_N, right_N], axis=1)
    brier_N2 = weight_N[:, None] * np.stack([np.ones_like(said_N), squares_N], axis=1)
    columns = [_spread(place_N, np.zeros_like(place_N), brier_N2, problems, 1)]
    columns += [_spread(place_N, bin_of(said_N, count), each_N3, problems, count) for count in BINS]
    return np.hstack(columns)


def _calibration(sums: Sums, rows: Mapping[int, np.ndarray], by_chance: dict[int, float]) -> Calibration:
    """From what `_sums` gives, and the rows in each bin."""
    brier, errors, shown, first = _brier(sums), {}, {}, 2
    for count in BINS:
        end = first + 3 * count
        errors[count] = _error(sums, lambda s, first=first, end=end: s[..., first:end].reshape(*s.shape[:-1], -1, 3))
        shown[count] = [
            Bin(b / count, (b + 1) / count, int(rows[count][b]), said / n if n else nan, hits / n if n else nan)
            for b, (n, said, hits) in enumerate(sums.total[first:end].reshape(-1, 3).tolist())
        ]
        first = end
    return Calibration(int(rows[BINS[0]].sum()), brier, errors, by_chance, shown)


def _spread(place_N: np.ndarray, bin_N: np.ndarray, values_NK: np.ndarray, problems: int, bins: int) -> np.ndarray:
    """The values summed by problem and bin: [problems, bins x K]."""
    sums = np.zeros((problems, bins, values_NK.shape[1]))
    np.add.at(sums, (place_N, bin_N), values_NK)
    return sums.reshape(problems, -1)


def _brier(sums: Sums) -> Interval:
    """From the first two sums: rows, and squares of what is right - confidence."""
    value = float(sums.total[1] / sums.total[0])
    ends = sums.ends(lambda s: ratio(s[..., 1], s[..., 0]))
    return Interval(value, *(ends or without_spread(value, sums.problems, (0.0, 1.0), sums.confidence)))


def _error(sums: Sums, bins_of: Callable[[np.ndarray], np.ndarray]) -> Interval:
    """The expected calibration error of some of the sums."""
    value = float(expected_error(bins_of(sums.total)))
    if sums.problems < 2:
        return Interval(value, nan, nan)
    tail = (1 - sums.confidence) / 2
    low, high = np.quantile(expected_error(bins_of(sums.resampled)), [tail, 1 - tail])
    return Interval(value, max(0.0, min(value, 2 * value - high)), min(1.0, max(value, 2 * value - low)))
