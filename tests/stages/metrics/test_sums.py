"""Shares and other numbers made of sums over problems: the intervals, and how often they hold the truth."""

from math import isnan

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from whet.stages.metrics.intervals import intervals
from whet.stages.metrics.sums import Sums, ratio


def first(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0]


def second(sums: np.ndarray) -> np.ndarray:
    return sums[..., 1]


def test_problems_with_one_row_each_have_wilsons_interval() -> None:
    found = Sums(np.array([[1, 1]] * 9 + [[0, 1]] * 3)).share(first, second)
    wilson = binomtest(9, 12).proportion_ci(0.95, "wilson")
    assert found.value == 0.75
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-12)


def test_where_all_problems_are_alike_it_is_the_problems_that_count() -> None:
    found = Sums(np.array([[8, 8]] * 20)).share(first, second)
    wilson = binomtest(20, 20).proportion_ci(0.95, "wilson")
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(wilson.low)  # of 20 problems, not of 160 rows


def test_rows_of_a_problem_that_go_together_make_the_interval_wider() -> None:
    rng = np.random.default_rng(0)
    right_P = rng.random(60) < 0.7
    together = Sums(np.stack([8 * right_P, np.full(60, 8)], axis=1)).share(first, second)
    alone = binomtest(8 * int(right_P.sum()), 480).proportion_ci(0.95, "wilson")
    assert together.high - together.low > 2 * (alone.high - alone.low)
    # 8 equal rows say no more than one
    one = Sums(np.stack([right_P, np.ones(60)], axis=1)).share(first, second)
    assert (together.low, together.high) == pytest.approx((one.low, one.high), abs=0.03)


def test_a_share_of_equal_groups_has_the_interval_of_their_mean() -> None:
    shares_P = np.random.default_rng(1).binomial(8, 0.5, 50)
    found = Sums(np.stack([shares_P, np.full(50, 8)], axis=1), resamples=3000).ends(
        lambda s: ratio(s[..., 0], s[..., 1])
    )
    (mean,) = intervals(shares_P[:, None] / 8, [(0, 1)], resamples=3000)
    assert found == pytest.approx((mean.low, mean.high), abs=1e-9)


def test_a_ratio_of_unequal_groups_agrees_with_scipy() -> None:
    rng = np.random.default_rng(2)
    whole_P = rng.integers(1, 9, 80)
    part_P = rng.binomial(whole_P, rng.beta(2, 1, 80))
    ours = Sums(np.stack([part_P, whole_P], axis=1), resamples=20_000).ends(lambda s: ratio(s[..., 0], s[..., 1]))
    theirs = bootstrap(
        (part_P, whole_P), lambda a, b, axis: a.sum(axis) / b.sum(axis), paired=True, method="BCa",
        n_resamples=20_000, rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.03 * (theirs.high - theirs.low))


def test_a_share_of_nothing_is_not_known() -> None:
    found = Sums(np.zeros((3, 2))).share(first, second)
    assert all(isnan(value) for value in (found.value, found.low, found.high))


def test_a_number_that_no_problem_moves_has_no_bootstrap() -> None:
    assert Sums(np.array([[1, 2]] * 5)).ends(lambda s: ratio(s[..., 0], s[..., 1])) is None
    assert Sums(np.array([[0, 0]] * 5)).ends(lambda s: ratio(s[..., 0], s[..., 1])) is None


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    runs = 300
    for problems, rows in ((20, 8), (100, 8), (40, 1)):
        held = 0
        for _ in range(runs):
            # false positives: most problems never, a few often; mean .1
            part_P = rng.binomial(rows, rng.beta(0.3, 2.7, problems))
            found = Sums(np.stack([part_P, np.full(problems, rows)], axis=1), resamples=500).share(first, second)
            held += found.low <= 0.1 <= found.high
        assert 0.90 <= held / runs <= 0.995, (problems, rows)
