"""Intervals: hand-computed ones, scipy's, and how often they hold the truth."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, ttest_1samp

from whet.stages.metrics.estimate import compare, estimate
from whet.stages.metrics.intervals import intervals, t_ends
from whet.stages.metrics.measure import Measured


def test_all_right_and_all_wrong_have_wilsons_interval() -> None:
    found = intervals(np.array([[1.0, 0.0]] * 20), [(0, 1), (0, 1)])
    for interval, right in zip(found, (20, 0), strict=True):
        wilson = binomtest(right, 20).proportion_ci(0.95, "wilson")
        assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high), abs=1e-12)
    # z^2 / (P + z^2) = 3.8415 / 23.8415
    assert found[1].high == pytest.approx(0.161125, abs=1e-6)


def test_one_problem_alone_leaves_nearly_everything_open() -> None:
    (interval,) = intervals(np.array([[0.5]]), [(0, 1)])
    assert interval.value == 0.5
    assert interval.high - interval.low > 0.79
    (length,) = intervals(np.array([[120.0]]), [None])
    assert np.isnan([length.low, length.high]).all()


def test_bca_agrees_with_scipy() -> None:
    rng = np.random.default_rng(5)
    values_PM = np.stack([rng.beta(0.6, 0.1, 60), rng.exponential(100.0, 60)], axis=1)
    found = intervals(values_PM, [(0, 1), None], resamples=20_000)
    for column, interval in enumerate(found):
        theirs = bootstrap(
            (values_PM[:, column],), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1)
        ).confidence_interval
        width = theirs.high - theirs.low
        assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), abs=0.03 * width)


def test_t_ends_agree_with_scipy() -> None:
    values_P = np.array([0.0, 0.25, 1.0, 1.0, 0.5])
    theirs = ttest_1samp(values_P, 0).confidence_interval(0.95)
    assert t_ends(values_P, 0.95) == pytest.approx((theirs.low, theirs.high))


def test_the_same_values_give_the_same_interval_alone_or_among_others() -> None:
    rng = np.random.default_rng(2)
    values_PM = rng.random((50, 3))
    alone = intervals(values_PM[:, :1], [(0, 1)])[0]
    among = intervals(values_PM, [(0, 1)] * 3)[0]
    assert (among.low, among.high) == pytest.approx((alone.low, alone.high), abs=1e-12)
    assert intervals(values_PM[:, :1], [(0, 1)])[0] == alone
    assert intervals(values_PM[:, :1], [(0, 1)], seed=1)[0] != alone


def test_many_problems_agree_with_normal_theory() -> None:
    values_PM = np.random.default_rng(3).random((3000, 1))
    (interval,) = intervals(values_PM, [(0, 1)], resamples=2000)
    # half width 1.96 * sqrt(1/12) / sqrt(3000) for uniform values
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.28868 / 3000**0.5, rel=0.1)


def test_no_end_lies_outside_the_possible_values() -> None:
    values_PM = np.array([[1.0]] * 9 + [[0.0]])
    (interval,) = intervals(values_PM, [(0, 1)])
    assert 0 <= interval.low < 0.9 < interval.high <= 1


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    runs = 400
    for problems, least in ((30, 0.90), (100, 0.92)):
        # policies that mostly solve a problem always or never: solve rates Beta(.6, .15), mean .8, 8 rollouts each
        values_PM = rng.binomial(8, rng.beta(0.6, 0.15, (problems, runs))) / 8
        found = intervals(values_PM, [(0, 1)] * runs, resamples=1000)
        held = np.mean([interval.low <= 0.8 <= interval.high for interval in found])
        assert least <= held <= 0.99, problems


def test_equal_policies_are_seldom_called_different() -> None:
    rng = np.random.default_rng(4)
    runs = 400
    for problems in (30, 100):
        rates = rng.beta(0.6, 0.06, (problems, runs))
        differences_PM = (rng.binomial(8, rates) - rng.binomial(8, rates)) / 8
        found = intervals(differences_PM, [(-1, 1)] * runs, resamples=1000, differences=True)
        called = np.mean([interval.low > 0 or interval.high < 0 for interval in found])
        assert called <= 0.075, problems
        bca = intervals(differences_PM, [(-1, 1)] * runs, resamples=1000)
        assert called < np.mean([interval.low > 0 or interval.high < 0 for interval in bca]), problems


def test_pairs_show_a_difference_that_two_intervals_hide() -> None:
    rng = np.random.default_rng(6)
    before_P = rng.beta(0.5, 0.5, 200)
    after_P = np.clip(before_P + 0.05 + rng.normal(0, 0.05, 200), 0, 1)
    after, before = Measured("pass@1", after_P), Measured("pass@1", before_P)
    ours, theirs = estimate([after, before], 0.95, 2000)
    assert ours.interval.low < theirs.interval.high
    (pair,) = compare([after], [before], 0.95, 2000)
    assert pair.difference.low > 0
    assert pair.difference.value == pytest.approx(after_P.mean() - before_P.mean())


def test_a_comparison_turned_round_has_the_other_sign() -> None:
    rng = np.random.default_rng(7)
    one, other = Measured("pass@1", rng.random(40)), Measured("pass@1", rng.random(40))
    (forward,), (back,) = compare([one], [other], 0.95, 4000), compare([other], [one], 0.95, 4000)
    assert back.difference.value == pytest.approx(-forward.difference.value)
    assert (-back.difference.high, -back.difference.low) == pytest.approx(
        (forward.difference.low, forward.difference.high), abs=1e-9
    )


def test_a_run_against_itself_leaves_room_for_problems_not_seen() -> None:
    run = Measured("pass@1", np.array([1.0, 0.0, 1.0, 0.5] * 5))
    (pair,) = compare([run], [run], 0.95, 1000)
    # none of 20 problems differs: at most z^2 / (20 + z^2) of all do
    assert (pair.difference.low, pair.difference.high) == pytest.approx((-0.161125, 0.161125), abs=1e-6)


def test_values_without_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a bound each"):
        intervals(np.zeros((0, 1)), [(0, 1)])
