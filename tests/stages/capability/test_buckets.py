from dataclasses import replace

import numpy as np
import pytest

from whet.stages.capability.buckets import buckets_of, means_of, spread
from whet.stages.capability.experiment import Capability, fit_all, out_of_mixture
from whet.stages.capability.fitting import Fit, Schedule
from whet.stages.capability.quality import r_squared

from .worlds import CHANCE, World, world


def test_tokens_of_one_source_loss_and_fall_share_a_bucket() -> None:
    # mean losses 1, 1, 5, 5 and falls 0, 2, 0, 2 from one source: two quantiles of each make four buckets
    losses_MN = np.array([[1.0, 2.0, 5.0, 6.0], [1.0, 0.0, 5.0, 4.0]])
    assert len(set(buckets_of(losses_MN, np.zeros(4, int), 4))) == 4
    assert len(set(buckets_of(losses_MN, np.array([0, 0, 1, 1]), 2))) == 2


def test_a_bucket_has_the_mean_loss_of_its_tokens_and_shares_its_weight_alike() -> None:
    losses_MN, bucket_N = np.array([[1.0, 3.0, 8.0]]), np.array([0, 0, 1])
    means_MB, sizes_B = means_of(losses_MN, bucket_N)
    assert means_MB.tolist() == [[2.0, 8.0]]
    weights_N = spread(np.array([0.5, 0.5]), bucket_N)
    assert weights_N.tolist() == [0.25, 0.25, 0.5]
    assert losses_MN @ weights_N == pytest.approx(means_MB @ np.array([0.5, 0.5]))
    assert sizes_B.tolist() == [2.0, 1.0]


def bucketed(made: World, joint: bool) -> Capability:
    """Sources are the skills here: six of them, four buckets each."""
    return Capability(
        made.losses_MN, made.accuracies_M[:, None], np.ones((56, 1)), [CHANCE], made.skills_N, buckets=24, joint=joint
    )


@pytest.mark.parametrize("joint", [False, True])
def test_buckets_predict_a_new_mixture_too(joint: bool) -> None:
    made = world(0)
    found = bucketed(made, joint).fit(made.train, np.zeros(56, bool), Schedule(1e-3))
    predicted_M = found.predict(made.losses_MN)[:, 0]
    assert r_squared(predicted_M[~made.train], made.accuracies_M[~made.train]) > 0.9
    assert found.errors[-1][0] < found.errors[0][0]
    assert found.buckets is not None
    assert len(set(found.weights_N.round(15))) <= found.buckets <= 24


@pytest.mark.parametrize("joint", [False, True])
def test_what_a_left_out_mixture_lost_makes_no_bucket(joint: bool) -> None:
    """Other losses of mixture 1 leave the weights alone that it is predicted with: neither does it make buckets."""
    made = world(0)
    labels_M, train_M, none = made.mixtures_M, made.train, np.zeros(56, bool)

    def fits(of: Capability) -> list[Fit]:
        found: list[Fit] = []

        def fit_on(kept: np.ndarray) -> Fit:
            found.append(fit_all(of, kept, none, labels_M, labels_M, Schedule(rounds=2), [1e-3]))
            return found[-1]

        out_of_mixture(of, train_M, labels_M, fit_on)
        return found

    other = replace(made, losses_MN=made.losses_MN.copy())
    other.losses_MN[labels_M == 1] = other.losses_MN[labels_M == 1][:, ::-1]
    one, changed = fits(bucketed(made, joint)), fits(bucketed(other, joint))
    assert (changed[1].weights_N == one[1].weights_N).all()
    assert (changed[0].weights_N != one[0].weights_N).any()
