import math

import pytest
import torch

from whet.stages.rewards.implicit import sequence_scores, token_rewards
from whet.stages.rewards.token_loss import outcome_loss
from whet.stages.scoring.steps import step_scores

RATIOS = torch.tensor([0.4, -0.2, 1.0, 0.8])


def test_the_worked_example():
    # .05 * (.4 - .2 + 1 + .8) = .1; sigmoid(.1) = .52498; -ln of it .64440
    reference = torch.tensor([[-1.0, -2.0, -3.0, -0.5]])
    rewards = token_rewards(reference + RATIOS, reference, 0.05)
    torch.testing.assert_close(rewards[0].cumsum(0), torch.tensor([0.02, 0.01, 0.06, 0.1]))
    score = sequence_scores(rewards, torch.ones(1, 4, dtype=torch.bool))
    assert score.item() == pytest.approx(0.1, abs=1e-6)
    assert score.sigmoid().item() == pytest.approx(0.52498, abs=1e-5)
    assert outcome_loss(score, torch.ones(1), 1).item() == pytest.approx(0.64440, abs=1e-5)
    steps = step_scores(rewards[0].numpy(), [2, 4], kind="sum")
    assert steps == pytest.approx([0.01, 0.09], abs=1e-6)
    assert min(steps) == pytest.approx(0.01, abs=1e-6)


@pytest.mark.parametrize("ends", [[4], [1, 4], [1, 2, 3, 4]])
def test_the_rewards_of_steps_add_up_to_the_score(ends):
    assert sum(step_scores((0.05 * RATIOS).numpy(), ends, kind="sum")) == pytest.approx(0.1, abs=1e-6)


def test_the_model_itself_as_its_reference_costs_ln_2_and_learns_from_the_first_step():
    logprobs = torch.tensor([[-1.0, -2.0]], requires_grad=True)
    rewards = token_rewards(logprobs, logprobs.detach(), 0.05)
    loss = outcome_loss(sequence_scores(rewards, torch.ones(1, 2, dtype=torch.bool)), torch.ones(1), 1)
    assert loss.item() == pytest.approx(math.log(2), abs=1e-7)
    loss.backward()
    # beta (sigmoid(0) - 1)
    assert logprobs.grad is not None
    torch.testing.assert_close(logprobs.grad, torch.full((1, 2), -0.025))
