"""From values a problem to numbers one can trust: each metric with its interval, two runs compared in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import Interval, intervals
from .measure import Measured


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric of one run: its interval, and its value with every unknown verdict counted as incorrect and as correct.

    The headline counts unknown verdicts as not correct; `unknown_bounds` is None when there are none.
    """

    name: str
    interval: Interval
    unknown_bounds: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric of two runs on the same problems; `difference` (this run minus the other) has a paired interval."""

    name: str
    value: float
    against: float
    difference: Interval


def estimate(measured: Sequence[Measured], confidence: float, resamples: int) -> list[Estimate]:
    """Give every metric its interval over problems."""
    if not measured:
        return []
    values_PM = np.stack([metric.values_P for metric in measured], axis=1)
    found = intervals(values_PM, [metric.bounds for metric in measured], confidence, resamples)
    return [
        Estimate(
            metric.name,
            interval,
            None if metric.best_P is None else (interval.value, float(metric.best_P.mean())),
        )
        for metric, interval in zip(measured, found, strict=True)
    ]


def compare(
    measured: Sequence[Measured], against: Sequence[Measured], confidence: float, resamples: int
) -> list[Comparison]:
    """Compare the metrics that two runs share, problem by problem, with intervals of the paired differences.

    Both must list the same problems in the same order. Pairing takes out what makes problems easy or hard, so the
    difference is known far better than the two intervals suggest.
    """
    others = {metric.name: metric for metric in against}
    pairs = [(metric, others[metric.name]) for metric in measured if metric.name in others]
    if not pairs:
        return []
    differences_PM = np.stack([this.values_P - other.values_P for this, other in pairs], axis=1)
    bounds = [this.bounds and (this.bounds[0] - this.bounds[1], this.bounds[1] - this.bounds[0]) for this, _ in pairs]
    found = intervals(differences_PM, bounds, confidence, resamples, differences=True)
    return [
        Comparison(this.name, float(this.values_P.mean()), float(other.values_P.mean()), difference)
        for (this, other), difference in zip(pairs, found, strict=True)
    ]
