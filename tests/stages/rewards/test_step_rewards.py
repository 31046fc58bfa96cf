"""What is earned from each step on, by hand; options that nothing would read."""

import numpy as np
import pytest

from whet.artifacts import WrongOption
from whet.stages.rewards.step_rewards import StepRewards

STEPS = [0.9, 0.5, 0.8, 0.7]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # .9 - .8 and .8 - .8 are held at 0: rewards 0, -.3, 0, -.1
        ("clip", [-0.4, -0.4, -0.1, -0.1]),
        # rewards .4, -.3, .8, 0: the step's own score, nothing for the last
        ("delta", [0.9, 0.5, 0.8, 0.0]),
        # of 0, -.3, 0, -.1: rewards .3, -.3, 0, 0
        ("clip-delta", [0.0, -0.3, 0.0, 0.0]),
    ],
)
def test_returns_of_the_four_steps_of_the_notes(steps, expected):
    assert StepRewards(steps=steps).returns(STEPS, 0.8) == pytest.approx(expected)


@pytest.mark.parametrize("steps", ["delta", "clip-delta"])
def test_a_step_more_changes_nothing_that_was_earned_before_the_last_two(steps):
    rewards, scores = StepRewards(steps=steps), np.random.default_rng(3).uniform(0, 1, 9).tolist()
    before, after = rewards.returns(scores, 0.5), rewards.returns([*scores, 1.0], 0.5)
    assert after[:-2] == pytest.approx(before[:-1])
    assert (before[-1], after[-1]) == (0, 0)
    assert rewards.returns([0.7], 0.5) == [0]
    # Clip alone lets a further step cost.
    assert StepRewards(steps="clip").returns([0.7, 0.2], 0.5)[0] < StepRewards(steps="clip").returns([0.7], 0.5)[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step_bound": 0.5}, "--reward.step-bound is 0.5, expected nothing without --reward.steps"),
        ({"step_score": "last"}, "--reward.step-score is last, expected nothing without --reward.steps"),
        ({"step_end": "."}, "--reward.step-end is ., expected nothing without"),
        ({"step_baseline": "none"}, "--reward.step-baseline is none, expected nothing without"),
        ({"steps": "delta", "step_bound": 0.5}, "expected nothing with --reward.steps delta, which has no bound"),
        ({"steps": "clip", "step_end": ""}, "--reward.step-end is '', expected some text"),
    ],
)
def test_options_that_nothing_would_read(options, message):
    with pytest.raises(WrongOption, match=message):
        StepRewards(**options)
