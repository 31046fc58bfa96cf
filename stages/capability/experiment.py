"""Which checkpoints are fitted, which stop the fit and which are only predicted.

Stopping on the checkpoints that are reported would be leakage, so there are three parts. How long to fit (and which
KL weight) is learned by leaving out one mixture of the training data after the other; the final fit takes all
checkpoints but the test ones, for so many rounds. The same, nested once more, predicts every mixture from the others:
predictions of checkpoints whose mixture had no part in the fit at all. Buckets are a part of every fit: they are made
of the losses of the checkpoints that this fit is on.
"""

# M checkpoints, N tokens

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .buckets import buckets_of, means_of, spread
from .fitting import Fit, Schedule, fit, measured
from .joint import fit_jointly


@dataclass(frozen=True)
class Capability:
    """The data of one capability.

    Args:
        accuracies_MT: NaN where a checkpoint was not measured.
        variances_MT: of those accuracies.
        floors: each benchmark's accuracy of guessing; None to fit it.
        sources_N: the number of each token's source, for buckets.
        buckets: about so many of them share weights; 0: every token is free.
        joint: fit weights and curves together, without rounds.
    """

    losses_MN: np.ndarray
    accuracies_MT: np.ndarray
    variances_MT: np.ndarray
    floors: Sequence[float | None]
    sources_N: np.ndarray
    buckets: int = 0
    joint: bool = False

    def fit(self, rows: np.ndarray, stop: np.ndarray, schedule: Schedule) -> Fit:
        """Fit on some checkpoints, stopped by others; weights are of tokens, whatever was fitted."""
        pairs = list(zip(self.accuracies_MT.T, self.variances_MT.T, strict=True))
        fitted, stopping = ([measured(a, v, which) for a, v in pairs] for which in (rows, stop))
        if not self.buckets:
            return fit(self.losses_MN, fitted, stopping, self.floors, schedule)
        bucket_N = buckets_of(self.losses_MN[rows], self.sources_N, self.buckets)
        means_MB, sizes_B = means_of(self.losses_MN, bucket_N)
        found = (
            fit_jointly(means_MB, fitted, self.floors, schedule.kl_weight, sizes_B)
            if self.joint
            else fit(means_MB, fitted, stopping, self.floors, schedule, sizes_B)
        )
        return replace(found, weights_N=spread(found.weights_N, bucket_N), buckets=len(sizes_B))

    def enough(self, rows: np.ndarray, needed: int = 2) -> bool:
        """Whether every benchmark was measured on enough of these checkpoints to fit a curve."""
        return bool((np.isfinite(self.accuracies_MT[rows]).sum(axis=0) >= needed).all())


def folds_of(rows: np.ndarray, mixtures: np.ndarray, runs: np.ndarray, parts: int = 4) -> list[np.ndarray]:
    """What is left out in turn among `rows`: mixtures where there are two or more, else runs, else every fourth.

    bool [M] each; mixtures and runs are numbers.
    """
    for labels in (mixtures, runs):
        found = np.unique(labels[rows])
        if len(found) >= 2:
            return [rows & (labels == label) for label in found]
    places = np.flatnonzero(rows)
    folds = []
    for part in range(min(parts, len(places))):
        fold = np.zeros_like(rows)
        fold[places[part::parts]] = True
        folds.append(fold)
    return folds


def choose_schedule(
    capability: Capability,
    rows: np.ndarray,
    folds: Sequence[np.ndarray],
    schedule: Schedule,
    kl_weights: Sequence[float],
) -> Schedule:
    """The rounds and the KL weight with the least error on what is left out, averaged over the folds.

    Folds that leave too little to fit are not used; without any the schedule stays as it is.
    """
    folds = [fold for fold in folds if capability.enough(rows & ~fold) and capability.enough(fold, 1)]
    if not folds:
        return replace(schedule, kl_weight=kl_weights[0])
    best, least = replace(schedule, kl_weight=kl_weights[0], rounds=0), np.inf
    patient = replace(schedule, patience=schedule.rounds)
    for kl_weight in kl_weights:
        asked = replace(patient, kl_weight=kl_weight)
        curves = [[error for _, error in capability.fit(rows & ~fold, fold, asked).errors] for fold in folds]
        mean = np.mean(curves, axis=0)
        if mean.min() < least:
            least = float(mean.min())
            best = replace(asked, rounds=int(mean.argmin()))
    return best


def fit_all(
    capability: Capability,
    rows: np.ndarray,
    stop: np.ndarray,
    mixtures: np.ndarray,
    runs: np.ndarray,
    schedule: Schedule,
    kl_weights: Sequence[float],
) -> Fit:
    """The fit on `rows`, stopped by `stop` where those were measured, else as leaving out in turn says.

    A joint fit has no rounds to stop: it takes all of `rows`.
    """
    if capability.joint:
        return capability.fit(rows, np.zeros_like(rows), replace(schedule, kl_weight=kl_weights[0]))
    if stop.any() and capability.enough(stop, 1):
        fits = [capability.fit(rows & ~stop, stop, replace(schedule, kl_weight=one)) for one in kl_weights]
        return min(fits, key=lambda found: min(error for _, error in found.errors))
    chosen = choose_schedule(capability, rows, folds_of(rows, mixtures, runs), schedule, kl_weights)
    return capability.fit(rows, np.zeros_like(rows), chosen)


def out_of_mixture(
    capability: Capability, rows: np.ndarray, mixtures: np.ndarray, fit_on: Callable[[np.ndarray], Fit]
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Every mixture predicted from the others.

    Args:
        fit_on: the whole fit on some checkpoints, rounds and KL weight chosen among these alone.

    Returns:
        Predictions, [M, benchmarks], NaN where none was made (too few others), and what was fitted for what: pairs
        of bool [M].
    """
    predicted = np.full(capability.accuracies_MT.shape, np.nan)
    labels, parts = np.unique(mixtures[rows]), []
    if len(labels) < 2:
        return predicted, []
    for label in labels:
        left_out = rows & (mixtures == label)
        kept = rows & ~left_out
        if not capability.enough(kept, 3):
            continue
        predicted[left_out] = fit_on(kept).predict(capability.losses_MN[left_out])
        parts.append((kept, left_out))
    return predicted, parts
