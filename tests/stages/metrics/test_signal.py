"""The training signal of a verifier with errors: computed by hand, and beside a simulation."""

from math import isnan

import numpy as np
import pytest
from scipy.stats import norm

from whet.stages.metrics.intervals import Interval, wilson
from whet.stages.metrics.signal import of_two_rates, signal


def test_a_verifier_with_errors_shrinks_the_signal() -> None:
    found = signal(0.8, 0.1, 0.25)
    # J = .8 - .1; q = .1 + .7 * .25; shrink = .7 sqrt(.25 * .75) / sqrt(.275 * .725); deserved = .8 * .25 / .275
    assert found.j == pytest.approx(0.7)
    assert found.reward == pytest.approx(0.275)
    assert found.shrink == pytest.approx(0.6788, abs=5e-5)
    assert found.deserved == pytest.approx(0.7273, abs=5e-5)


def test_verdicts_flipped_at_random_lose_twice_as_much() -> None:
    # of right rollouts .6 are called correct, of wrong ones .4: J = 1 - 2 * .4
    found = signal(0.6, 0.4, 0.5)
    assert found.j == pytest.approx(0.2)
    assert found.reward == 0.5  # as many right ones flipped as wrong ones
    assert found.shrink == pytest.approx(0.2)


def test_labels_themselves_lose_nothing_and_their_opposite_turns_the_signal_round() -> None:
    for rate in (0.1, 0.5, 0.9):
        assert signal(1, 0, rate).shrink == pytest.approx(1)
        assert signal(1, 0, rate).deserved == 1
        assert signal(0, 1, rate).shrink == pytest.approx(-1)


def test_where_every_reward_is_the_same_there_is_no_signal() -> None:
    assert signal(1, 1, 0.3).shrink == 0
    assert signal(0, 0, 0.3).shrink == 0
    assert isnan(signal(0, 0, 0.3).deserved)  # nothing is rewarded
    assert isnan(signal(0.8, 0.1, 1).shrink)  # nothing is wrong


def test_shrink_is_the_correlation_of_verdict_and_label() -> None:
    rng = np.random.default_rng(0)
    label = rng.random(200_000) < 0.25
    verdict = np.where(label, rng.random(200_000) < 0.8, rng.random(200_000) < 0.1)
    expected = signal(0.8, 0.1, 0.25)
    assert np.corrcoef(label, verdict)[0, 1] == pytest.approx(expected.shrink, abs=0.01)
    # the gap in rewards between right and wrong rollouts, in standard deviations, beside that of the labels
    gap = (verdict[label].mean() - verdict[~label].mean()) / verdict.std()
    assert gap / (1 / label.std()) == pytest.approx(expected.shrink, abs=0.01)


def test_rates_that_are_no_shares_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a rate of 1.2, expected one in \[0, 1\]"):
        signal(1.2, 0.1, 0.5)


def test_a_difference_of_two_shares_has_newcombes_interval() -> None:
    # Newcombe 1998, table II (a): 56/70 - 48/80, method 10: .0524 to .3339
    ours = of_two_rates(
        lambda up, down: up - down,
        Interval(56 / 70, *wilson(56, 70, 0.95)),
        Interval(48 / 80, *wilson(48, 80, 0.95)),
    )
    assert (ours.value, ours.low, ours.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    # (e): 10/10 - 0/10: .6075 to 1
    ends = of_two_rates(
        lambda up, down: up - down, Interval(1.0, *wilson(10, 10, 0.95)), Interval(0.0, *wilson(0, 10, 0.95))
    )
    assert (ends.low, ends.high) == pytest.approx((0.6075, 1.0), abs=5e-5)


def test_wilsons_interval_agrees_with_its_formula() -> None:
    z = norm.ppf(0.975)
    low, high = wilson(3, 12, 0.95)
    # the ends are where |p - 3/12| = z sqrt(p (1-p) / 12)
    for end in (low, high):
        assert abs(end - 0.25) == pytest.approx(z * np.sqrt(end * (1 - end) / 12))
    assert all(isnan(end) for end in wilson(0, 0, 0.95))
