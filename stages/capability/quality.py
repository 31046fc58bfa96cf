"""How good predictions of accuracies are, with intervals from resampling whole runs."""

# M checkpoints, R resamples

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

_NOTHING = 1e-12
"""A sum of squares below this is rounding."""

_FEWEST = 3
"""Runs that an interval needs: of two, resamples hold one of them or both, which says nothing of others."""


def r_squared(predicted_M: np.ndarray, measured_M: np.ndarray) -> float:
    """1 - squared error / squared deviation from the mean of the measured; may be negative; NaN where all are equal."""
    return _once(_r_squared, predicted_M, measured_M)


def rank_correlation(predicted_M: np.ndarray, measured_M: np.ndarray) -> float:
    """Spearman's; NaN where either side has no order."""
    return _once(_rank_correlation, predicted_M, measured_M)


def _mean(values_M: np.ndarray, times_RM: np.ndarray) -> np.ndarray:
    return times_RM @ values_M / times_RM.sum(axis=1)


def _mse(predicted_M: np.ndarray, measured_M: np.ndarray, times_RM: np.ndarray) -> np.ndarray:
    return _mean((predicted_M - measured_M) ** 2, times_RM)


def _mae(predicted_M: np.ndarray, measured_M: np.ndarray, times_RM: np.ndarray) -> np.ndarray:
    return _mean(np.abs(predicted_M - measured_M), times_RM)


def _r_squared(predicted_M: np.ndarray, measured_M: np.ndarray, times_RM: np.ndarray) -> np.ndarray:
    # From a value in the middle, so that squares do not cancel.
    deviation_M = measured_M - measured_M.mean()
    spread_R = times_RM @ deviation_M**2 - times_RM.sum(axis=1) * _mean(deviation_M, times_RM) ** 2
    error_R = times_RM @ (predicted_M - measured_M) ** 2
    return _ratio(spread_R - error_R, spread_R)


def _rank_correlation(predicted_M: np.ndarray, measured_M: np.ndarray, times_RM: np.ndarray) -> np.ndarray:
    one_RM, other_RM = (_centred_ranks(values_M, times_RM) for values_M in (predicted_M, measured_M))
    both_R, one_R, other_R = (
        (times_RM * x * y).sum(axis=1)
        for x, y in ((one_RM, other_RM), (one_RM, one_RM), (other_RM, other_RM))
    )  # fmt: skip
    return _ratio(both_R, np.sqrt(one_R * other_R))


def _centred_ranks(values_M: np.ndarray, times_RM: np.ndarray) -> np.ndarray:
    """The rank of each value in each resample, equal ones in the middle of theirs, minus the mean rank; [R, M]."""
    below_MM = values_M[:, None] > values_M[None, :]
    equal_MM = values_M[:, None] == values_M[None, :]
    ranks_RM = times_RM @ below_MM.T.astype(float) + times_RM @ equal_MM.T.astype(float) / 2
    return ranks_RM - times_RM.sum(axis=1, keepdims=True) / 2


def _ratio(above_R: np.ndarray, below_R: np.ndarray) -> np.ndarray:
    return np.divide(above_R, below_R, out=np.full(above_R.shape, np.nan), where=below_R > _NOTHING)


Quality = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Of predictions, measurements, and how often each checkpoint comes in each resample [R, M]: [R]."""

QUALITIES: Mapping[str, Quality] = {"mse": _mse, "mae": _mae, "r2": _r_squared, "spearman": _rank_correlation}
"""mse and mae in squared and plain accuracy, from 0 to 1"""


def _once(quality: Quality, predicted_M: np.ndarray, measured_M: np.ndarray) -> float:
    return float(quality(predicted_M, measured_M, np.ones((1, len(measured_M))))[0])


def with_interval(
    quality: Quality,
    predicted_M: np.ndarray,
    measured_M: np.ndarray,
    runs_M: np.ndarray,
    confidence: float,
    resamples: int,
    seed: int = 0,
) -> tuple[float, float, float]:
    """The value and the percentile interval over resampled runs: checkpoints of one run rise and fall together.

    With a single run the checkpoints themselves are resampled, which makes the interval too narrow. NaN ends where
    there are fewer than three to resample. Resamples without a value are left out.
    """
    value = _once(quality, predicted_M, measured_M)
    runs, place_M = np.unique(runs_M, return_inverse=True)
    if len(runs) == 1:
        runs, place_M = runs_M, np.arange(len(runs_M))
    if len(runs) < _FEWEST:
        return value, float("nan"), float("nan")
    times = np.random.default_rng(seed).multinomial(len(runs), np.full(len(runs), 1 / len(runs)), size=resamples)
    found_R = quality(predicted_M, measured_M, times[:, place_M].astype(float))
    found_R = found_R[np.isfinite(found_R)]
    if not len(found_R):
        return value, float("nan"), float("nan")
    low, high = np.quantile(found_R, [(1 - confidence) / 2, (1 + confidence) / 2])
    return value, float(low), float(high)
