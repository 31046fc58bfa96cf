"""What a verifier's errors leave of the training signal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot, nan, sqrt

from .intervals import Interval


@dataclass(frozen=True, slots=True)
class Signal:
    """What a verifier's rewards (1 for correct, else 0) tell about labels.

    Args:
        j: E[reward | label correct] - E[reward | label not correct].
        reward: E[reward], the pass rate that training sees.
        shrink: by how much the gap between right and wrong rollouts shrinks once rewards are divided by their standard
            deviation, as GRPO does; also the correlation (Matthews) of verdict and label.
        deserved: the share of rewarded rollouts whose label is correct.
    """

    j: float
    reward: float
    shrink: float
    deserved: float


def signal(true_positive_rate: float, false_positive_rate: float, pass_rate: float) -> Signal:
    """The signal of a verifier with these rates where a share `pass_rate` of the rollouts is right.

    j = TPR - FPR, reward q = FPR + j p, shrink = j sqrt(p (1-p)) / sqrt(q (1-q)), deserved = TPR p / q.
    shrink is 0 where every reward is the same, NaN where every label is; deserved is NaN where nothing is rewarded.
    Verdicts flipped at random with probability e have j = 1 - 2 e.

    Raises:
        ValueError: a rate outside [0, 1].

    *Deviations:* none; the formulas follow from the two rates.
    """
    for rate in (true_positive_rate, false_positive_rate, pass_rate):
        if not 0 <= rate <= 1:
            raise ValueError(f"a rate of {rate}, expected one in [0, 1]")
    p, j = pass_rate, true_positive_rate - false_positive_rate
    q = false_positive_rate + j * p
    if p in (0, 1):
        shrink = nan
    elif q * (1 - q) <= 0:
        shrink = 0.0
    else:
        shrink = j * sqrt(p * (1 - p)) / sqrt(q * (1 - q))
    return Signal(j, q, shrink, true_positive_rate * p / q if q > 0 else nan)


def of_two_rates(formula: Callable[[float, float], float], up: Interval, down: Interval) -> Interval:
    """The interval of a number that rises with one rate and falls with another, from the intervals of the two.

    low = f - sqrt((f - f(up.low, down))^2 + (f - f(up, down.high))^2), high likewise. For a difference of two shares
    with Wilson's intervals this is Newcombe's (1998, method 10), which holds at 0 and 1 too.

    *Deviations:* the two rates are taken as independent; rates of the same problems seldom are, and as a verifier that
    is lenient with a problem is so with its right and its wrong rollouts, the interval is rather too wide.
    """
    f = formula(up.value, down.value)
    low = f - hypot(f - formula(up.low, down.value), f - formula(up.value, down.high))
    high = f + hypot(f - formula(up.high, down.value), f - formula(up.value, down.low))
    return Interval(f, max(-1.0, low), min(1.0, high))
