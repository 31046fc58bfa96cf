import numpy as np
import torch

from whet.stages.objectives import Completions, Totals
from whet.stages.objectives.rejection import Rejection
from whet.stages.objectives.supervised import Supervised


def test_the_mean_is_over_the_tokens_of_the_whole_step():
    logprobs = torch.tensor([[-0.2, -0.4, -9.0]], requires_grad=True)
    completions = Completions(
        logprobs_BT=logprobs,
        mask_BT=torch.tensor([[True, True, False]]),
        advantages_B=torch.ones(1),
        positives_B=torch.tensor([True]),
    )
    # This micro-batch holds 2 of the step's 8 tokens: (.2 + .4) / 8.
    loss = Supervised().terms(completions, Totals(rows=4, tokens=8)).losses["nll"]
    torch.testing.assert_close(loss.item(), 0.075)
    loss.backward()
    torch.testing.assert_close(logprobs.grad, torch.tensor([[-1 / 8, -1 / 8, 0.0]]))


def test_supervised_keeps_every_rollout_and_rejection_the_correct_ones():
    rng = np.random.default_rng(0)
    assert Supervised().weigh([1.0, 0.0, 0.0], rng) == [(0, 1.0), (1, 1.0), (2, 1.0)]
    assert Rejection().weigh([0.0, 1.0, 1.0], rng) == [(1, 1.0), (2, 1.0)]
    assert Rejection().weigh([0.0, 0.0], rng) == []
