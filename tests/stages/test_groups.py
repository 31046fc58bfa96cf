"""What a step's groups are counted as, and what is computed of them."""

import numpy as np
import pytest

from whet.stages.batching import TrainingRow
from whet.stages.groups import Group, weigh
from whet.stages.objectives.dapo import Dapo
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.psr import Nsr, WReinforce
from whet.stages.objectives.topr import Topr


def group(*rewards: float, unknown: int = 0, tokens: int = 3) -> Group:
    rows = [
        TrainingRow(
            rollout_id="",
            prompt_token_ids=np.array([5], np.int32),
            token_ids=np.full(tokens, 6, np.int32),
            reward=reward,
            correct=reward > 0,
            sampled_logprobs=np.zeros(tokens, np.float32),
        )
        for reward in rewards
    ]
    return Group(rows, unknown)


RNG = np.random.default_rng(0)
MIXED, ALL_RIGHT, DEAD = group(1, 0, 0, 1), group(1, 1, 1), group(1, unknown=3)


def test_dead_and_uniform_groups_and_rows_that_teach_are_counted():
    step = weigh([MIXED, ALL_RIGHT, DEAD], Grpo(), RNG)
    counted = {name: step.shown[name] for name in ("groups", "dead_groups", "unknown", "kept", "effective_rows")}
    # The group of one has no baseline; of the seven others the three right ones have no advantage.
    assert counted == {"groups": 3, "dead_groups": 1, "unknown": 3, "kept": 7, "effective_rows": 4}
    assert step.shown["frac_reward_zero_std"] == 1 / 2
    # They count in what sums are divided by, and are not computed.
    assert (len(step.rows), step.totals.rows, step.totals.tokens) == (4, 7, 21)


def test_uniform_groups_that_are_left_out_do_not_count_in_the_normaliser():
    step = weigh([MIXED, ALL_RIGHT], Dapo(), RNG)
    assert (len(step.rows), step.totals.rows, step.totals.tokens, step.shown["kept"]) == (4, 4, 12, 4)
    assert step.shown["frac_reward_zero_std"] == 1 / 2


@pytest.mark.parametrize("objective", [Grpo(kl_weight=0.1), Grpo(entropy_weight=0.1)])
def test_rows_without_advantage_are_computed_where_a_penalty_or_a_bonus_moves_them(objective):
    step = weigh([MIXED, ALL_RIGHT], objective, RNG)
    assert (len(step.rows), step.shown["effective_rows"]) == (7, 4)


def test_sides_that_are_left_out_are_counted_or_not_as_asked():
    rewards = group(1, -1, -1, 1, -1)
    kept, everything = weigh([rewards], Nsr(), RNG), weigh([rewards], Nsr(count="all"), RNG)
    assert [len(kept.rows), kept.totals.rows] == [3, 3]
    assert [len(everything.rows), everything.totals.rows, everything.shown["effective_rows"]] == [3, 5, 3]
    assert weigh([rewards], WReinforce(), RNG).totals.rows == 5


def test_rows_that_are_masked_do_not_count_as_effective():
    masked = group(1, 0, 0)
    masked.rows[0].trained = np.zeros(3, bool)
    step = weigh([masked], Grpo(), RNG)
    assert (step.shown["kept"], step.shown["effective_rows"], len(step.rows)) == (3, 2, 2)


def test_rollouts_without_a_reward_count_in_the_lengths_alone():
    judged = group(1, -1, unknown=2)
    judged.others = group(0, 0, tokens=6).rows
    judged.others[0].truncated = True
    step = weigh([judged], Nsr(), RNG)
    # Two of 3 tokens, two of 6, of which one was cut off.
    assert (step.shown["completions/mean_length"], step.shown["completions/clipped_ratio"]) == (4.5, 0.25)
    assert (step.shown["rollouts"], step.shown["pass_rate"], step.totals.rows, len(step.rows)) == (2, 0.5, 1, 1)


def test_a_token_model_in_training_learns_from_rows_without_advantage_too():
    plain, joint = (Oreal(keep="none", kl_weight=0, token_model=kind) for kind in ("none", "trained"))
    assert [len(weigh([MIXED, ALL_RIGHT], objective, RNG).rows) for objective in (plain, joint)] == [4, 7]


def test_wrong_rows_without_a_token_that_carries_loss_do_not_count_in_their_mean_weight():
    masked = group(-1, -1)
    masked.rows[0].trained = np.zeros(3, bool)
    totals = weigh([masked, group(1, -1)], Topr(), RNG).totals
    assert (totals.negative_rows, totals.learnt_negative_rows) == (3, 2)


def test_the_pass_rate_is_that_of_the_verdicts_whatever_they_are_worth():
    judged = group(1, 0, 0, 0)
    for row, reward in zip(judged.rows, (-0.2, 0.3, 0.1, 0.0), strict=True):
        row.reward = reward
    assert weigh([judged], Grpo(), RNG).shown["pass_rate"] == 0.25
