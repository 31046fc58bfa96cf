"""AUC, ranks, best-of-k, and the vectors of reward-model benchmarks."""

from itertools import combinations

import numpy as np
import pytest

from whet.stages.metrics.best_of import best_of_k, weighted_majority_at_k
from whet.stages.metrics.ranking import auc, expected_rank, pooled_auc
from whet.stages.metrics.reward_bench import (
    Tied,
    centred,
    contrast_consistency,
    correlation,
    distance,
    products_of,
    subset_average,
    tie_score,
)


def test_auc_is_the_share_of_pairs_won_with_ties_as_half() -> None:
    """Right .9 and .5, wrong .6 and .5: pairs .9>.6, .9>.5, .5<.6, .5=.5: (1 + 1 + 0 + .5) / 4 = .625."""
    assert auc(np.array([0.9, 0.5, 0.6, 0.5]), np.array([True, True, False, False])) == 0.625
    assert np.isnan(auc(np.array([1.0, 2.0]), np.array([True, True])))


def test_the_pooled_auc_has_its_jackknife_right() -> None:
    """The interval brackets the value; two problems that mirror each other pool to a half."""
    rng = np.random.default_rng(1)
    problem = np.repeat(np.arange(40), 4)
    right = rng.random(160) < 0.5
    scores = right + rng.normal(size=160)
    found = pooled_auc(problem, scores, right, resamples=2000)
    assert found.value == auc(scores, right)
    assert 0.5 < found.low < found.value < found.high < 1
    bare = [auc(scores[problem != p], right[problem != p]) for p in range(40)]
    # the same standard error as a jackknife by hand, within the bootstrap's noise
    error = np.sqrt(39 / 40 * np.sum((np.array(bare) - np.mean(bare)) ** 2))
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(error, rel=0.15)


def test_the_rank_of_the_right_one_as_in_the_notes() -> None:
    """.7 is right, .9, .2 and .1 are wrong: rank 2, reciprocal rank .5."""
    assert expected_rank(np.array([0.7, 0.9, 0.2, 0.1]), np.array([True, False, False, False])) == (2.0, 0.5)


def test_tied_ranks_are_expected_values() -> None:
    """One right row tied with one wrong: rank 1 or 2, 1.5; reciprocal (1 + .5) / 2 = .75."""
    assert expected_rank(np.array([1.0, 1.0]), np.array([True, False])) == (1.5, 0.75)
    assert np.isnan(expected_rank(np.array([1.0]), np.array([False]))[0])


def by_hand(scores: list[float | None], values: list[float], k: int) -> float:
    known = [-np.inf if score is None else score for score in scores]
    worth = []
    for subset in combinations(range(len(scores)), k):
        top = max(known[i] for i in subset)
        worth.append(np.mean([values[i] for i in subset if known[i] == top]))
    return float(np.mean(worth))


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_best_of_k_is_the_mean_over_all_subsets(k: int) -> None:
    scores: list[float | None] = [0.3, 0.9, 0.3, None, 0.1]
    values = [1.0, 0.0, 0.0, 1.0, 1.0]
    assert best_of_k(scores, values, k) == pytest.approx(by_hand(scores, values, k))


def test_best_of_1_is_a_random_draw_and_best_of_n_the_top() -> None:
    assert best_of_k([3.0, 1.0, 2.0], [0.0, 1.0, 1.0], 1) == pytest.approx(2 / 3)
    assert best_of_k([3.0, 1.0, 2.0], [0.0, 1.0, 1.0], 3) == 0.0


def test_a_weighted_vote_adds_the_weights_of_an_answer() -> None:
    """a weighs .9, b twice .5 = 1: of all three b leads. Pairs: ab -> a, ab -> a, bb -> b: b is worth 1/3."""
    answers, weights, value_of = ["a", "b", "b"], [0.9, 0.5, 0.5], {"a": 0.0, "b": 1.0}
    assert weighted_majority_at_k(answers, weights, value_of, 3) == 1.0
    assert weighted_majority_at_k(answers, weights, value_of, 2) == pytest.approx(1 / 3)
    assert weighted_majority_at_k(["a", "b"], [1.0, 1.0], value_of, 2) == 0.5
    assert weighted_majority_at_k([None, None], [1.0, 1.0], {}, 1) == 0.0
    assert weighted_majority_at_k(["a"] * 40, [1.0] * 40, {"a": 1.0}, 20) is None


def test_a_weighted_vote_tells_tiny_weights_apart() -> None:
    """Of 1, e-30 and e-40 the greater one leads each of three pairs: b, worth 1, leads the last, which is 1/3."""
    weights, value_of = [1.0, float(np.exp(-30)), float(np.exp(-40))], {"a": 0.0, "b": 1.0, "c": 0.0}
    assert weighted_majority_at_k(["a", "b", "c"], weights, value_of, 2) == pytest.approx(1 / 3)


def test_the_chosen_one_of_reward_bench_2_shares_the_point_with_those_of_the_same_score() -> None:
    chosen = [1.0, 0, 0, 0]
    assert best_of_k([0.9, 0.1, 0.2, 0.3], chosen, 4) == 1.0
    assert best_of_k([0.9, 0.9, 0.2, 0.9], chosen, 4) == pytest.approx(1 / 3)
    assert best_of_k([0.9, 1.0, 0.2, 0.9], chosen, 4) == 0.0


def test_every_subset_of_reward_bench_2_counts_the_same_however_many_prompts_it_has() -> None:
    """2 of 4, 1 of 1, 0 of 2, 1 of 1, 1 of 2 and ties of .76 in one pair: (.5 + 1 + 0 + 1 + .5 + .76) / 6."""
    sums = np.array([[2, 4], [1, 1], [0, 2], [1, 1], [1, 2], [0.76, 1]])
    assert subset_average(sums) == pytest.approx(3.76 / 6)
    sums[2] = 0
    assert np.isnan(subset_average(sums))


def test_the_ties_score_of_the_notes() -> None:
    """Gaps 5-2 = 3 and 3-1 = 2, spread 4-3 = 1: .3 + .3 + .2 + .2 + .01 tanh(2/1 - 1) = 1 + .0076."""
    assert tie_score(Tied([5.0], [2.0, 1.0, 0.0]), Tied([4.0, 3.5, 3.0], [1.0, 0.0])) == pytest.approx(1.0076, abs=1e-4)


def test_a_spread_of_0_divides_as_the_official_code_does() -> None:
    """Gap 2 over spread 0: tanh(inf) = 1, so 1.01. Gap 0 over spread 0 is no number, which counts as 0."""
    assert tie_score(Tied([3.0], [1.0]), Tied([3.0, 3.0], [1.0])) == pytest.approx(1.01)
    assert tie_score(Tied([3.0], [1.0]), Tied([1.0, 1.0], [1.0])) == pytest.approx(0.3)
    assert tie_score(Tied([3.0], [1.0]), Tied([1.0, 1.0], [2.0])) == pytest.approx(0.3 - 0.01)


def test_contrast_consistency_of_the_notes() -> None:
    """R(1,1) = 2, R(1,2) = 1, R(2,1) = 2.5, R(2,2) = 3: completions 2>1, 3>2.5: 1; instructions 2<2.5, 3>1: .5."""
    found = contrast_consistency(np.array([[[2.0, 1.0], [2.5, 3.0]]]))
    assert (found.of_completions, found.of_instructions) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("other", "rho", "far"),
    [([10, 20, 30, 7, 17, 57], 1.0, 0.0), ([-1, -2, -3, 0, -1, -5], -1.0, 1.0), ([3, 2, 1, 0, 1, 5], 0.75, 0.3536)],
)
def test_the_distance_of_reward_models_of_the_notes(other: list[float], rho: float, far: float) -> None:
    """1,2,3 | 0,1,5 centred is -1,0,1 | -2,-1,3: squares 2 + 14 = 16; against 3,2,1 the products are -2 + 14 = 12."""
    problem = np.array([0, 0, 0, 1, 1, 1])
    found = float(correlation(products_of(problem, np.array([1.0, 2, 3, 0, 1, 5]), np.array(other, float)).sum(0)))
    assert found == pytest.approx(rho)
    assert distance(found) == pytest.approx(far, abs=1e-4)


def test_centring_takes_the_mean_of_each_problem() -> None:
    assert centred(np.array([5, 5, 9]), np.array([1.0, 3.0, 7.0])).tolist() == [-1.0, 1.0, 0.0]
