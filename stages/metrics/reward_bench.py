"""Metrics of reward-model benchmarks: RewardBench 2, contrast instructions, distance between reward models.

(Field notes S24.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan, sqrt, tanh

import numpy as np

from .sums import ratio

SUBSETS = ("Factuality", "Precise IF", "Math", "Safety", "Focus", "Ties")
"""Of RewardBench 2: five with one right completion among four, scored by best-of-n, and one scored by `tie_score`."""


def subset_average(sums: np.ndarray) -> np.ndarray:
    """RewardBench 2's score: the plain mean over its six subsets; of sums [..., 6, 2] (scores, prompts): [...].

    NaN where a subset has no prompt. (Malik et al. 2025, arXiv 2506.01937, and its data card.)
    """
    return ratio(sums[..., 0], sums[..., 1]).mean(-1)


@dataclass(frozen=True, slots=True)
class Tied:
    """The scores of one prompt: of its correct rows and of its wrong ones."""

    correct: Sequence[float]
    wrong: Sequence[float]

    @property
    def accurate(self) -> bool:
        """Whether the worst correct row is above the best wrong one."""
        return min(self.correct) > max(self.wrong)

    @property
    def gap(self) -> float:
        """Worst correct minus best wrong."""
        return min(self.correct) - max(self.wrong)

    @property
    def spread(self) -> float:
        """Best correct minus worst correct."""
        return max(self.correct) - min(self.correct)


TIE_BOUNDS = (-0.01, 1.01)
"""Of `tie_score`."""


def tie_score(reference: Tied, tied: Tied) -> float:
    """RewardBench 2's score of a prompt with several equally correct rows, and of its twin with one, the reference.

    .3 [tied accurate] + .3 [reference accurate] + .2 [gap of tied > spread] + .2 [least gap > spread]
    + .01 tanh(least gap / spread - 1), spread of the tied, least gap of both. The benchmark's score is the mean over
    such pairs; it can exceed 1 (by at most .01). A spread of 0 divides as the official code does: the tanh of 0 / 0 is
    0, that of x / 0 is 1 or -1.
    """
    least = min(reference.gap, tied.gap)
    preferred, hard = tied.gap > tied.spread, least > tied.spread
    accuracy = 0.3 * tied.accurate + 0.3 * reference.accurate
    return accuracy + 0.2 * preferred + 0.2 * hard + 0.01 * _margin(least, tied.spread)


def _margin(gap: float, spread: float) -> float:
    if spread:
        return tanh(gap / spread - 1)
    return 0.0 if gap == 0 else tanh(inf if gap > 0 else -inf)


@dataclass(frozen=True, slots=True)
class Consistency:
    """Shares: of completions told apart for an instruction, of instructions told apart for a completion."""

    of_completions: float
    of_instructions: float


def contrast_consistency(scores_I22: np.ndarray) -> Consistency:
    """Does a model see which completion belongs to which of two similar instructions?

    scores[i, a, b]: the score of completion b, written for instruction b, under instruction a. Both directions of every
    item count: of completions, R(a, a) > R(a, other); of instructions, R(a, a) > R(other, a). (Contrast-Instruction.)
    """
    scores_I22 = np.asarray(scores_I22, dtype=np.float64)
    right_I2 = np.stack([scores_I22[:, 0, 0], scores_I22[:, 1, 1]], axis=1)
    same_instruction_I2 = np.stack([scores_I22[:, 0, 1], scores_I22[:, 1, 0]], axis=1)
    same_completion_I2 = same_instruction_I2[:, ::-1]
    return Consistency(float((right_I2 > same_instruction_I2).mean()), float((right_I2 > same_completion_I2).mean()))


def centred(problem_N: Sequence[int] | np.ndarray, values_N: np.ndarray) -> np.ndarray:
    """Values minus the mean of their problem."""
    _, place_N = np.unique(np.asarray(problem_N), return_inverse=True)
    means_P = np.bincount(place_N, values_N) / np.bincount(place_N)
    return np.asarray(values_N, dtype=np.float64) - means_P[place_N]


def products_of(problem_N: np.ndarray, one_N: np.ndarray, other_N: np.ndarray) -> np.ndarray:
    """Sums of x y, x x and y y of the centred values of each problem: [P, 3], for `correlation`."""
    x, y = centred(problem_N, one_N), centred(problem_N, other_N)
    _, place_N = np.unique(np.asarray(problem_N), return_inverse=True)
    return np.stack([np.bincount(place_N, values) for values in (x * y, x * x, y * y)], axis=1)


def correlation(sums: np.ndarray) -> np.ndarray:
    """Pearson's correlation inside problems, of sums [..., 3] (`products_of`); NaN where one side never varies."""
    both = np.sqrt(np.maximum(0.0, sums[..., 1] * sums[..., 2]))
    return np.divide(sums[..., 0], both, out=np.full(both.shape, np.nan), where=both > 1e-300)


def distance(rho: float) -> float:
    """How far apart two reward models rank: sqrt((1 - rho) / 2), 0 for the same up to scale and shift, 1 for opposite.

    rho is Pearson's correlation of rewards centred per prompt.
    """
    return sqrt(max(0.0, (1 - rho) / 2)) if rho == rho else nan
