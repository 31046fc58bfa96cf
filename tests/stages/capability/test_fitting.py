from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from whet.stages.capability.baselines import baselines
from whet.stages.capability.experiment import Capability, fit_all, folds_of, out_of_mixture
from whet.stages.capability.fitting import Fit, Schedule, fit, measured
from whet.stages.capability.objective import effective_tokens
from whet.stages.capability.quality import r_squared

from .worlds import CHANCE, World, world

ONES = np.ones(600)


def capability_of(made: World) -> Capability:
    return Capability(made.losses_MN, made.accuracies_M[:, None], np.ones((56, 1)), [CHANCE], np.zeros(600, int))


def fitted(made: World, kl_weight: float) -> Fit:
    none = np.zeros(56, bool)
    mixtures = made.mixtures_M
    return fit_all(capability_of(made), made.train, none, mixtures, mixtures, Schedule(), [kl_weight])


def held_out(made: World, predicted_M: np.ndarray) -> float:
    return r_squared(predicted_M[~made.train], made.accuracies_M[~made.train])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_weights_predict_a_new_mixture_where_the_mean_loss_misleads(seed: int) -> None:
    made = world(seed)
    one = measured(made.accuracies_M, np.ones(56), made.train)
    others = baselines(made.losses_MN, np.zeros(600, int), None, made.compute_M, np.empty((56, 0)), one, CHANCE, seed)
    spread, free = fitted(made, 1e-3), fitted(made, 0.0)
    reached = held_out(made, spread.predict(made.losses_MN)[:, 0])
    assert reached > held_out(made, others["mean loss"]) + 0.2
    assert reached > held_out(made, others["compute"]) + 0.2
    # Without the penalty few tokens carry the weight; with it several times as many do, most of it on the right skill,
    # which has 15 % of the tokens.
    assert effective_tokens(free.weights_N, ONES) < 40
    assert effective_tokens(spread.weights_N, ONES) > 3 * effective_tokens(free.weights_N, ONES)
    assert spread.weights_N[made.skills_N == 2].sum() > 0.7
    assert (spread.weights_N >= 0).all()
    assert spread.weights_N.sum() == pytest.approx(1.0)


def test_equal_weights_are_exactly_the_mean_loss_baseline() -> None:
    made = world(0)
    one = measured(made.accuracies_M, np.ones(56), made.train)
    none = measured(made.accuracies_M, np.ones(56), np.zeros(56, bool))
    found = fit(made.losses_MN, [one], [none], [CHANCE], Schedule(rounds=0))
    others = baselines(made.losses_MN, np.zeros(600, int), None, None, np.empty((56, 0)), one, CHANCE, 0)
    assert found.predict(made.losses_MN)[:, 0] == pytest.approx(others["mean loss"], abs=1e-9)


def test_the_fit_ends_where_the_stop_checkpoints_are_predicted_best() -> None:
    made = world(1)
    stop_M = made.mixtures_M == 2
    pairs = [measured(made.accuracies_M, np.ones(56), rows) for rows in (made.mixtures_M < 2, stop_M)]
    found = fit(made.losses_MN, [pairs[0]], [pairs[1]], [CHANCE], Schedule(rounds=12, patience=3))
    on_stop = [error for _, error in found.errors]
    assert found.rounds == int(np.argmin(on_stop))
    # the error on what is fitted goes on falling: to stop there would be another round
    assert found.errors[-1][0] < found.errors[0][0]


def test_a_mixture_is_predicted_without_anything_learned_from_it() -> None:
    made = world(2)
    capability, schedule = capability_of(made), Schedule(rounds=3)
    labels, train_M = made.mixtures_M, made.train

    def predictions(of: Capability) -> Any:
        none = np.zeros_like(train_M)
        return out_of_mixture(
            of, train_M, labels, lambda kept: fit_all(of, kept, none, labels, labels, schedule, [1e-3])
        )  # fmt: skip

    predicted, parts = predictions(capability)
    assert [np.flatnonzero(np.bincount(labels[held], minlength=4)).tolist() for _, held in parts] == [[0], [1], [2]]
    assert np.isnan(predicted[~train_M]).all()
    # other accuracies of mixture 1 change the predictions of the others, not its own
    changed = capability.accuracies_MT.copy()
    changed[labels == 1] = 0.3
    again, _ = predictions(replace(capability, accuracies_MT=changed))
    assert (again[labels == 1] == predicted[labels == 1]).all()
    assert (again[labels == 0] != predicted[labels == 0]).any()


def test_whole_mixtures_are_left_out_then_runs_then_every_fourth() -> None:
    rows = np.array([True] * 8 + [False])
    mixtures, runs, same = np.array([0] * 4 + [1] * 5), np.array([0, 0, 1, 1, 2, 2, 3, 3, 9]), np.zeros(9, int)
    assert [np.flatnonzero(one).tolist() for one in folds_of(rows, mixtures, runs)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    by_run = [np.flatnonzero(one).tolist() for one in folds_of(rows, same, runs)]
    assert by_run == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert [np.flatnonzero(one).tolist() for one in folds_of(rows, same, same)] == [[0, 4], [1, 5], [2, 6], [3, 7]]
