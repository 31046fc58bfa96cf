from dataclasses import replace

import numpy as np
import pytest

from whet.artifacts import WrongOption
from whet.stages.batching import TrainingRow
from whet.stages.groups import Group, step_random, weigh
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal
from whet.stages.reward_mapping import Reward
from whet.stages.truncation import Truncation, rewarded, soft_penalty

REWARD = Reward(correct=1.0, incorrect=0.0, invalid=0.0)


def row(length: int, *, truncated: bool = False) -> TrainingRow:
    tokens = np.arange(length, dtype=np.int32)
    return TrainingRow(rollout_id="r", prompt_token_ids=tokens[:2], token_ids=tokens, truncated=truncated)


def test_the_soft_penalty_is_that_of_dapo():
    # L_max 20, L_cache 8: free up to 12, then (12 - length) / 8.
    assert [soft_penalty(length, 20, 8) for length in (1, 12, 13, 16, 20, 25)] == [0, 0, -0.125, -0.5, -1, -1]


def test_masked_rollouts_carry_no_loss_and_keep_their_reward():
    found = rewarded(row(6, truncated=True), "invalid", replace(REWARD, invalid=-0.5), Truncation())
    assert found is not None
    assert (found.reward, found.trained_tokens, found.length) == (-0.5, 0, 8)
    whole = rewarded(row(6), "invalid", replace(REWARD, invalid=-0.5), Truncation())
    assert whole is not None
    assert (whole.reward, whole.trained_tokens) == (-0.5, 6)
    assert rewarded(row(6, truncated=True), "unknown", REWARD, Truncation()) is None


@pytest.mark.parametrize("verdict", ["correct", "incorrect", "invalid", "unknown"])
def test_truncated_ones_can_all_be_incorrect(verdict: str):
    found = rewarded(
        row(6, truncated=True), verdict, replace(REWARD, incorrect=-1.0), Truncation(truncated="incorrect")
    )
    assert found is not None
    assert (found.reward, found.trained_tokens) == (-1.0, 6)


def test_the_soft_penalty_is_added_to_every_reward():
    soft = Truncation(truncated="soft-penalty", penalty_tokens=4)
    made = [rewarded(row(length), "correct", REWARD, soft, limit=10) for length in (6, 9, 10)]
    assert [found.reward for found in made if found] == [1.0, 0.25, 0.0]
    # Without a number it is a fifth of the limit: 2 tokens, so 9 tokens cost 1/2.
    fifth = rewarded(row(9), "incorrect", REWARD, Truncation(truncated="soft-penalty"), limit=10)
    assert fifth is not None
    assert fifth.reward == -0.5
    # The context was full after 6 of 10 tokens: that was the limit.
    cut = rewarded(row(6, truncated=True), "invalid", REWARD, soft, limit=10)
    assert cut is not None
    assert cut.reward == -1.0
    # A context of 10 leaves 8 after a prompt of 2: free up to 4, and 6 tokens cost 2/4.
    near = rewarded(row(6), "correct", REWARD, soft, limit=10, context=10)
    assert near is not None
    assert near.reward == 0.5


def test_a_masked_rollout_counts_in_the_baseline_and_not_in_the_tokens():
    rows = [
        rewarded(row(4), "correct", REWARD, Truncation()),
        rewarded(row(6, truncated=True), "invalid", REWARD, Truncation()),
    ]
    step = weigh([Group([found for found in rows if found])], Grpo(advantage="centred"), step_random(0, 0))
    # 1 and 0 have the mean 1/2: the one that is left has the advantage 1/2, and the tokens of the step are its 4.
    assert [(found.trained_tokens, found.advantage) for found in step.rows] == [(4, 0.5)]
    assert (step.totals.tokens, step.totals.rows) == (4, 2)


def test_oreal_draws_its_pair_of_rollouts_that_carry_loss():
    reward = Reward(correct=1.0, incorrect=-1.0, invalid=-1.0)
    given = [(row(4), "correct"), *[(row(6, truncated=True), "invalid")] * 5, (row(3), "incorrect")]
    rows = [rewarded(one, verdict, reward, Truncation()) for one, verdict in given]
    for seed in range(8):
        step = weigh([Group([found for found in rows if found])], Oreal(), step_random(seed, 0))
        assert [found.trained_tokens for found in step.rows] == [4, 3]
        # 1 correct of 7: 1 - (-6) / 6 = 2 and -1 - (1 - 5) / 6 = -1/3, over all 7.
        assert [found.advantage for found in step.rows] == pytest.approx([2, -1 / 3])


def test_a_length_without_a_soft_penalty_is_refused():
    with pytest.raises(WrongOption, match="--penalty-tokens is 4"):
        Truncation(penalty_tokens=4)
