import numpy as np
import pytest
from scipy.stats import spearmanr

from whet.stages.capability.baselines import (
    baselines,
    best_source,
    error_law,
    excess_tokens,
    other_benchmarks,
    rarities,
)
from whet.stages.capability.fitting import measured
from whet.stages.capability.link import Link
from whet.stages.capability.quality import QUALITIES, r_squared, rank_correlation, with_interval

EVERY = np.ones(10, bool)


def test_the_best_source_is_the_one_that_made_the_accuracies() -> None:
    rng = np.random.default_rng(0)
    losses_MN = rng.uniform(1, 3, (10, 6))
    sources_N = np.array([0, 0, 1, 1, 2, 2])
    accuracies_M = Link(2.0, 2.0).accuracy(losses_MN[:, 2:4].mean(1))
    one = measured(accuracies_M, np.ones(10), EVERY)
    assert best_source(losses_MN, sources_N, one, 0.0) == pytest.approx(accuracies_M, abs=1e-5)


def test_the_error_law_finds_the_law_that_made_the_accuracies() -> None:
    loss_M = np.linspace(1.5, 3.5, 10)
    accuracies_M = 1 - (0.9 - 2.0 * np.exp(-1.1 * loss_M))
    one = measured(accuracies_M, np.ones(10), EVERY)
    assert error_law(loss_M, one) == pytest.approx(accuracies_M, abs=1e-4)


def test_other_benchmarks_that_move_together_tell_the_one_left() -> None:
    ability_M = np.linspace(0, 1, 10)
    others_MT = np.stack([0.2 + 0.5 * ability_M, 0.1 + 0.3 * ability_M], axis=1)
    accuracies_M = 0.3 + 0.4 * ability_M
    one = measured(accuracies_M, np.ones(10), EVERY)
    assert other_benchmarks(others_MT, one) == pytest.approx(accuracies_M)
    others_MT[3, 0] = np.nan
    assert other_benchmarks(others_MT, one) is None


def test_baselines_without_their_data_are_left_out() -> None:
    losses_MN = np.random.default_rng(1).uniform(1, 3, (10, 4))
    one = measured(np.linspace(0.2, 0.8, 10), np.ones(10), EVERY)
    found = baselines(losses_MN, np.zeros(4, int), None, None, np.empty((10, 0)), one, 0.0, 0)
    assert set(found) == {"mean loss", "random weights", "error law", "excess loss"}
    rarity_N = rarities([["a", "b"], ["a", "a"]])
    found = baselines(losses_MN, np.zeros(4, int), rarity_N, None, np.empty((10, 0)), one, 0.0, 0)
    assert "rare tokens" in found


def test_a_rare_token_of_a_short_text_weighs_most() -> None:
    """idf of a, in both texts: ln(3/3) + 1 = 1; of b: ln(3/2) + 1 = 1.405465. tf: 1/2, 1/2 | 1, 1."""
    weights = np.array([0.5, 0.5 * 1.405465, 1.0, 1.0])
    assert rarities([["a", "b"], ["a", "a"]]) == pytest.approx(weights / weights.sum(), abs=1e-6)


def test_excess_loss_takes_three_fifths_of_the_tokens_that_the_best_checkpoint_reads_better() -> None:
    """The second has the least loss; the mean of the others is above it by 1, 0, 2, 3, -1; the last row has no say."""
    losses_MN = np.array([[2.0, 1, 2, 3, 0], [1, 1, 1, 1, 1], [2, 1, 4, 5, 0], [0, 9, 0, 0, 9]])
    rows = np.array([True, True, True, False])
    assert excess_tokens(losses_MN, rows).tolist() == [True, False, True, True, False]


def test_r_squared_is_1_for_what_is_right_and_0_for_the_mean() -> None:
    measured_M = np.array([0.1, 0.4, 0.7])
    assert r_squared(measured_M, measured_M) == 1.0
    assert r_squared(np.full(3, 0.4), measured_M) == pytest.approx(0.0)
    # errors .3, 0, -.3 against deviations -.3, 0, .3 twice over: 1 - 4 = -3
    assert r_squared(measured_M[::-1], measured_M) == pytest.approx(-3.0)
    assert rank_correlation(measured_M[::-1], measured_M) == pytest.approx(-1.0)


@pytest.mark.parametrize("name", list(QUALITIES))
def test_a_resample_has_the_quality_of_its_rows_written_out(name: str) -> None:
    """Rows that come twice, or never; equal values among them."""
    rng = np.random.default_rng(5)
    predicted_M, measured_M = rng.integers(0, 4, 9) / 4, rng.integers(0, 4, 9) / 4
    times_RM = rng.integers(0, 3, (20, 9))
    found_R = QUALITIES[name](predicted_M, measured_M, times_RM.astype(float))
    for times_M, found in zip(times_RM, found_R, strict=True):
        rows = np.repeat(np.arange(9), times_M)
        p, m = predicted_M[rows], measured_M[rows]
        by_hand = {
            "mse": ((p - m) ** 2).mean(), "mae": np.abs(p - m).mean(),
            "r2": 1 - ((p - m) ** 2).sum() / ((m - m.mean()) ** 2).sum(), "spearman": spearmanr(p, m)[0],
        }[name]  # fmt: skip
        assert found == pytest.approx(by_hand, abs=1e-9)


def test_two_runs_are_too_few_for_an_interval() -> None:
    """Resamples with both runs all have the same R^2: that would be an interval of no width."""
    predicted_M, measured_M = np.array([0.1, 0.2, 0.5, 0.9]), np.array([0.2, 0.3, 0.4, 0.8])
    value, low, high = with_interval(QUALITIES["r2"], predicted_M, measured_M, np.array([0, 0, 1, 1]), 0.95, 200)
    # errors .1, .1, .1, .1; the mean is .425: deviations .225, .125, .025, .375
    assert value == pytest.approx(1 - 0.04 / 0.2075)
    assert np.isnan([low, high]).all()


def test_predictions_stay_between_0_and_1() -> None:
    """Three points on a steep law, and a loss far outside of them."""
    losses_MN = np.array([[1.0], [1.1], [1.2], [9.0], [0.1]])
    rows = np.array([True, True, True, False, False])
    one = measured(np.array([0.7, 0.5, 0.1, 0.0, 0.9]), np.ones(5), rows)
    found = baselines(losses_MN, np.zeros(1, int), None, None, np.empty((5, 0)), one, 0.0, 0)
    assert error_law(losses_MN[:, 0], one)[3] < -1
    assert all(predicted_M.min() >= 0 and predicted_M.max() <= 1 for predicted_M in found.values())


def test_intervals_resample_whole_runs() -> None:
    rng = np.random.default_rng(3)
    runs_M = np.repeat(np.arange(5), 20)
    # All checkpoints of a run are off by the same: 100 checkpoints, but five independent errors.
    measured_M = rng.uniform(size=100)
    predicted_M = measured_M + rng.normal(0, 0.1, 5)[runs_M]
    args = (QUALITIES["mae"], predicted_M, measured_M)
    value, low, high = with_interval(*args, runs_M, 0.95, 500)
    _, near, far = with_interval(*args, np.arange(100), 0.95, 500)
    assert low <= value <= high
    assert high - low > 2 * (far - near)
