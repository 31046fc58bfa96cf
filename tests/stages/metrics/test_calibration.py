"""Calibration: errors and bins computed by hand, and what chance alone shows."""

from math import isnan, log

import numpy as np
import pytest

from whet.stages.metrics.calibration import bin_of, calibrate, calibrate_pairs


def test_a_bin_holds_its_upper_edge_and_the_first_also_zero() -> None:
    assert bin_of(np.array([0.0, 0.1, 0.1000001, 0.55, 0.9, 1.0]), 10).tolist() == [0, 0, 1, 5, 8, 9]


def test_errors_are_those_computed_by_hand() -> None:
    found = calibrate(range(4), [0.95, 0.95, 0.65, 0.35], [True, False, True, False], resamples=200)
    # of ten bins (.9, 1] holds two, one of them right: |1/2 - .95| * 2/4; (.6, .7]: |1 - .65| / 4; (.3, .4]: .35 / 4
    assert found.errors[10].value == pytest.approx((2 * 0.45 + 0.35 + 0.35) / 4)  # .4
    # .05^2 + .95^2 + .35^2 + .35^2 over 4
    assert found.brier.value == pytest.approx((0.0025 + 0.9025 + 0.1225 + 0.1225) / 4)
    bins = found.bins[10]
    assert (bins[9].low, bins[9].high, bins[9].rows, bins[9].mean, bins[9].right) == (0.9, 1.0, 2, 0.95, 0.5)
    assert bins[0].rows == 0
    assert isnan(bins[0].right)
    assert sum(one.rows for one in found.bins[15]) == 4


def test_confidence_that_is_right_has_only_the_error_of_chance() -> None:
    rng = np.random.default_rng(0)
    said = rng.uniform(1 / 3, 1, 2000)
    honest = calibrate(range(2000), said, rng.random(2000) < said, resamples=500)
    assert honest.errors[10].value < 2 * honest.by_chance[10]
    assert honest.errors[10].low < honest.by_chance[10]
    boasting = calibrate(range(2000), said, rng.random(2000) < said - 0.2, resamples=500)
    assert boasting.errors[10].value == pytest.approx(0.2, abs=0.03)
    assert boasting.errors[10].low > 3 * boasting.by_chance[10]


def test_the_error_of_chance_is_what_calibrated_rows_show_on_average() -> None:
    rng = np.random.default_rng(1)
    said = rng.uniform(1 / 3, 1, 300)
    shown = [calibrate(range(300), said, rng.random(300) < said, resamples=2) for _ in range(200)]
    assert np.mean([one.errors[10].value for one in shown]) == pytest.approx(shown[0].by_chance[10], rel=0.1)


def test_rows_of_one_problem_are_not_independent() -> None:
    rng = np.random.default_rng(2)
    right_P = np.repeat(rng.random(50) < 0.7, 8)
    together = calibrate(np.repeat(np.arange(50), 8), np.full(400, 0.7), right_P, resamples=500)
    apart = calibrate(range(400), np.full(400, 0.7), right_P, resamples=500)
    assert together.brier.value == pytest.approx(apart.brier.value)
    assert together.brier.high - together.brier.low > 2 * (apart.brier.high - apart.brier.low)


def test_one_sure_and_right_problem_leaves_nearly_everything_open() -> None:
    found = calibrate([0, 0], [1.0, 1.0], [True, True], resamples=200)
    assert (found.brier.value, found.errors[10].value) == (0, 0)
    assert found.brier.high > 0.7
    assert isnan(found.errors[10].high)


def test_what_is_no_confidence_is_refused() -> None:
    for said in ([], [1.5], [-0.1]):
        with pytest.raises(ValueError, match=r"expected at least one and all in \[0, 1\]"):
            calibrate(range(len(said)), said, [True] * len(said))


# A right rollout of ln 3 between wrong ones of 0 and 2 ln 3: two preferences of .75, one of them right. A right one of
# ln 9 above a wrong one of 0: a preference of .9, right.
PAIRS = [
    (np.array([log(3), 0.0, 2 * log(3)]), np.array([True, False, False])),
    (np.array([log(9), 0.0]), np.array([True, False])),
]


def test_the_calibration_of_preferences_is_that_computed_by_hand() -> None:
    """Both problems weigh the same, so the pairs of the first 1/2 each."""
    found = calibrate_pairs(PAIRS, resamples=200)
    # bin of .75: 1/2 right; bin of .9: all right
    assert found.errors[10].value == pytest.approx((abs(0.5 - 0.75) + abs(1 - 0.9)) / 2)
    assert found.brier.value == pytest.approx(((0.25**2 + 0.75**2) / 2 + 0.1**2) / 2)
    assert found.rows == 3
    seven = found.bins[10][7]
    assert (seven.rows, seven.mean, seven.right) == (2, pytest.approx(0.75), pytest.approx(0.5))
    assert isnan(found.by_chance[10])


def test_a_shift_of_a_problem_s_scores_changes_no_preference() -> None:
    shifted = [(PAIRS[0][0] + 40, PAIRS[0][1]), (PAIRS[1][0] - 7, PAIRS[1][1])]
    one, other = (calibrate_pairs(groups, resamples=200) for groups in (PAIRS, shifted))
    assert other.brier.value == pytest.approx(one.brier.value)
    assert other.errors[15].value == pytest.approx(one.errors[15].value)


def test_equal_scores_are_a_preference_of_one_half_that_is_half_right() -> None:
    found = calibrate_pairs([(np.zeros(2), np.array([True, False]))] * 3, resamples=200)
    assert (found.errors[10].value, found.brier.value) == (0, 0.25)


def test_a_problem_without_a_wrong_rollout_has_no_pairs() -> None:
    with pytest.raises(ValueError, match="expected at least one, each with a right and a wrong rollout"):
        calibrate_pairs([(np.zeros(2), np.array([True, True]))])
