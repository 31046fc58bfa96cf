"""Token weights and curves of one capability, fitted by turns.

The inner fit gives every benchmark its curve for the weights as they are; the outer one moves the weights along the
closed-form gradient with Adam, the curves held. It stops where the error on the stop checkpoints is least: never on
those that are reported. The weights start uniform, so before the first round this is the mean-loss baseline.

(Capability Salience Vector, arXiv 2506.13216.) *Reconstruction:* the paper's text was not available when this was
written. Softmax weights, the penalty towards uniform weights, the fit by turns and its defaults are reconstructions
around the formulae quoted elsewhere: C = sum w l and a sigmoid from C to the accuracy, fitted together.
"""

# M checkpoints, N tokens (or buckets of tokens)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .link import Link, fit_link
from .objective import Measured, mean_squared_error, objective, softmax

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Schedule:
    """How long and how fast the weights move."""

    kl_weight: float = 1e-3
    rounds: int = 60
    steps: int = 30
    learning_rate: float = 2e-2
    patience: int = 10
    """Rounds without a lower error on the stop checkpoints before the fit ends"""


@dataclass
class Fit:
    """One capability: what weighs each token, and each benchmark's curve."""

    weights_N: np.ndarray
    links: list[Link]
    kl_weight: float
    rounds: int
    """The round that the weights are from; 0 are the uniform ones"""

    errors: list[tuple[float, float]] = field(default_factory=list)
    """Error on the fit and on the stop checkpoints after each round, the uniform weights first"""

    buckets: int | None = None
    """How many buckets shared the weights; None where every column had its own"""

    def predict(self, losses_MN: np.ndarray) -> np.ndarray:
        """Accuracies; [M, benchmarks]."""
        scores_M = losses_MN @ self.weights_N
        return np.stack([link.accuracy(scores_M) for link in self.links], axis=1)


def measured(accuracies_M: np.ndarray, variances_M: np.ndarray, rows: np.ndarray) -> Measured:
    """The benchmark's accuracies among some checkpoints, weighed by one over their variance; weights sum to 1.

    Args:
        rows: bool: which checkpoints count.
    """
    kept = rows & np.isfinite(accuracies_M)
    weights_M = np.where(kept, 1 / variances_M, 0.0)
    return Measured(accuracies_M, weights_M / max(weights_M.sum(), 1e-300))


def fit_curves(
    weights_N: np.ndarray,
    losses_MN: np.ndarray,
    benchmarks: Sequence[Measured],
    floors: Sequence[float | None],
    starts: Sequence[Link | None],
) -> list[Link]:
    """Every benchmark's curve for given weights."""
    scores_M = losses_MN @ weights_N
    links = []
    for one, floor, start in zip(benchmarks, floors, starts, strict=True):
        kept = one.weights_M > 0
        found = fit_link(scores_M[kept], one.accuracies_M[kept], one.weights_M[kept], floor=floor, start=start)
        links.append(found)
    return links


def fit(
    losses_MN: np.ndarray,
    fitted: Sequence[Measured],
    stopping: Sequence[Measured],
    floors: Sequence[float | None],
    schedule: Schedule,
    sizes_N: np.ndarray | None = None,
) -> Fit:
    """Fit weights and curves by turns.

    Args:
        fitted: each benchmark's accuracies on the checkpoints to fit.
        stopping: the same on the checkpoints that say when to stop; where they hold none, all rounds are run.
        floors: each benchmark's accuracy of guessing; None fits it.
        sizes_N: tokens of each bucket; None where every column is a token.
    """
    sizes_N = np.ones(losses_MN.shape[1]) if sizes_N is None else np.asarray(sizes_N, float)
    u_N = np.zeros(losses_MN.shape[1])
    first_N, second_N = np.zeros_like(u_N), np.zeros_like(u_N)
    weights_N = softmax(u_N, sizes_N)
    links = fit_curves(weights_N, losses_MN, fitted, floors, [None] * len(fitted))
    stops = any(one.weights_M.any() for one in stopping)

    def errors() -> tuple[float, float]:
        on_fit = mean_squared_error(weights_N, losses_MN, fitted, links)
        return on_fit, mean_squared_error(weights_N, losses_MN, stopping, links) if stops else on_fit

    best = Fit(weights_N, links, schedule.kl_weight, 0, [errors()])
    history, least, moved = list(best.errors), best.errors[0][1], 0
    for turn in range(1, schedule.rounds + 1):
        for _ in range(schedule.steps):
            _, gradient_N = objective(u_N, losses_MN, fitted, links, schedule.kl_weight, sizes_N)
            moved += 1
            first_N = _BETA1 * first_N + (1 - _BETA1) * gradient_N
            second_N = _BETA2 * second_N + (1 - _BETA2) * gradient_N**2
            rate = schedule.learning_rate * np.sqrt(1 - _BETA2**moved) / (1 - _BETA1**moved)
            u_N = u_N - rate * first_N / (np.sqrt(second_N) + _EPSILON)
        weights_N = softmax(u_N, sizes_N)
        links = fit_curves(weights_N, losses_MN, fitted, floors, links)
        history.append(errors())
        if not stops or history[-1][1] < least:
            least = history[-1][1]
            best = Fit(weights_N, links, schedule.kl_weight, turn)
        if stops and turn - best.rounds >= schedule.patience:
            break
    best.errors = history
    return best
