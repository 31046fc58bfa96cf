import itertools

import numpy as np
import pytest

from whet.stages.rewards.mixing import clip_steps, delta_steps, mixed, sigmoid


@pytest.mark.parametrize(
    ("score", "verdict", "expected"),
    [(2.0, 1.0, 0.7311), (-2.0, 1.0, 0.2689), (2.0, 0.0, -0.2689), (-2.0, 0.0, -0.7311), (0.0, 1.0, 0.5)],
)
def test_the_gated_reward(score, verdict, expected):
    # sigmoid(.5 * 2) = .7311
    assert mixed(verdict, score) == pytest.approx(expected, abs=5e-5)


def test_every_correct_rollout_outranks_every_wrong_one_whatever_the_scores():
    scores = [-1e4, -80.0, -3.0, 0.0, 0.1, 50.0, 1e4]
    for right, wrong in itertools.product(scores, scores):
        assert mixed(1.0, right) >= mixed(0.0, wrong)
    for right, wrong in itertools.product(scores[1:-1], scores[1:-1]):
        assert mixed(1.0, right) > mixed(0.0, wrong)
        assert mixed(1.0, right) > mixed(-1.0, wrong)
    # The plain sum does not: 1 - .5 * 3 < 0 + .5 * 3.
    assert mixed(1.0, -3.0, "sum") < mixed(0.0, 3.0, "sum")


def test_sum_and_product():
    assert mixed(1.0, 0.4, "sum", 0.5) == pytest.approx(1.2)
    assert mixed(1.0, 2.0, "product", 0.5) == pytest.approx(0.7311, abs=5e-5)
    assert mixed(0.0, 2.0, "product") == 0
    # A higher score of a rollout of reward -1 costs more: product is for rewards from 0 on.
    assert mixed(-1.0, 2.0, "product") < mixed(-1.0, -2.0, "product")


STEPS = [0.9, 0.5, 0.8, 0.7]


def test_clip_and_delta_of_four_steps():
    assert clip_steps(STEPS, 0.8) == pytest.approx([0, -0.3, 0, -0.1])
    assert delta_steps(STEPS) == pytest.approx([0.4, -0.3, 0.8, 0])
    # What is earned from a step on is its own score; nothing from the last.
    assert np.cumsum(delta_steps(STEPS)[::-1])[::-1] == pytest.approx([0.9, 0.5, 0.8, 0])


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 300])
def test_more_steps_earn_no_more_than_the_best_of_them(steps):
    scores = np.random.default_rng(steps).uniform(0, 1, steps).tolist()
    assert len(delta_steps(scores)) == steps
    assert sum(delta_steps(scores)) <= max(scores) + 1e-9
    assert sum(delta_steps(clip_steps(scores, 0.5))) <= 1e-9
    assert sum(clip_steps(scores, 0.5)) <= 0


def test_the_sigmoid_of_numbers_of_any_size():
    """1 / (1 + 3) = .25 at -ln 3."""
    assert sigmoid(-np.log(3)) == pytest.approx(0.25)
    assert (sigmoid(-1e6), sigmoid(1e6)) == (0.0, 1.0)
