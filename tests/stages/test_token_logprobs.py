import math

import pytest
import torch

from whet.stages import token_logprobs as module
from whet.stages.token_logprobs import token_logprobs, token_measures


def test_two_logits_by_hand():
    # Logits (0, ln 3): probabilities 1/4 and 3/4; at temperature .5 logits (0, 2 ln 3): 1/10 and 9/10.
    hidden, weight = torch.tensor([[1.0], [1.0]]), torch.tensor([[0.0], [math.log(3)]])
    targets = torch.tensor([0, 1])
    torch.testing.assert_close(token_logprobs(hidden, weight, targets), torch.tensor([0.25, 0.75]).log())
    torch.testing.assert_close(token_logprobs(hidden, weight, targets, 0.5), torch.tensor([0.1, 0.9]).log())


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_chunks_give_the_same_values_and_gradients(monkeypatch, bias, temperature):
    torch.manual_seed(0)
    inputs = [torch.randn(37, 8), torch.randn(50, 8)] + ([torch.randn(50)] if bias else [])
    targets, slopes = torch.randint(0, 50, (37,)), torch.randn(37)
    results = []
    for kept in (1 << 24, 0):  # probabilities kept, and computed again 16 tokens at a time
        monkeypatch.setattr(module, "_ELEMENTS_AT_ONCE", {"cpu": 16 * 50})
        monkeypatch.setattr(module, "_ELEMENTS_KEPT", {"cpu": kept})
        leaves = [tensor.clone().requires_grad_() for tensor in inputs]
        logprobs = token_logprobs(leaves[0], leaves[1], targets, temperature, leaves[2] if bias else None)
        (logprobs * slopes).sum().backward()
        results.append([logprobs.detach(), *(leaf.grad for leaf in leaves)])
    torch.testing.assert_close(results[0], results[1])


def test_log_probabilities_are_float32_below_bfloat16():
    hidden = torch.randn(4, 8, dtype=torch.bfloat16)
    assert token_logprobs(hidden, torch.randn(9, 8), torch.zeros(4, dtype=torch.long)).dtype == torch.float32


def test_entropy_by_hand():
    # Probabilities 1/4 and 3/4: H = ln 4 - 3/4 ln 3 = .5623; at temperature .5 1/10 and 9/10: H = ln 10 - .9 ln 9.
    hidden, weight = torch.tensor([[1.0]]), torch.tensor([[0.0], [math.log(3)]])
    for temperature, expected in ((1.0, math.log(4) - 0.75 * math.log(3)), (0.5, math.log(10) - 0.9 * math.log(9))):
        _, entropies = token_measures(hidden, weight, torch.tensor([0]), temperature)
        assert entropies.tolist() == pytest.approx([expected])


@pytest.mark.parametrize("kept", [1 << 24, 0])
@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_the_gradients_are_those_of_plain_softmax(monkeypatch, kept, slope):
    monkeypatch.setattr(module, "_ELEMENTS_AT_ONCE", {"cpu": 16 * 50})
    monkeypatch.setattr(module, "_ELEMENTS_KEPT", {"cpu": kept})
    torch.manual_seed(0)
    inputs = [torch.randn(37, 8), torch.randn(50, 8), torch.randn(50)]
    targets, slopes, bonuses = torch.randint(0, 50, (37,)), slope * torch.randn(37), torch.randn(37)
    found = []
    for plain in (True, False):
        hidden, weight, bias = leaves = [tensor.clone().requires_grad_() for tensor in inputs]
        if plain:
            logprobs_NV = ((hidden @ weight.T + bias) / 0.7).log_softmax(-1)
            logprobs = logprobs_NV.gather(1, targets[:, None])[:, 0]
            entropies = -(logprobs_NV.exp() * logprobs_NV).sum(1)
        else:
            logprobs, entropies = token_measures(hidden, weight, targets, 0.7, bias)
        (logprobs * slopes + entropies * bonuses).sum().backward()
        found.append([logprobs.detach(), entropies.detach(), *(leaf.grad for leaf in leaves)])
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_in_bfloat16_values_stay_exact_and_slopes_are_rounded():
    # Peaked logits, up to about 30: rounded to 8 bits they would be off by up to .06.
    torch.manual_seed(0)
    hidden, weight = 3 * torch.randn(256, 32), torch.randn(500, 32) / 2
    logits = hidden @ weight.T
    targets = torch.where(torch.rand(256) < 0.5, logits.argmax(-1), torch.randint(0, 500, (256,)))
    gradients = {}
    for dtype in (torch.float32, torch.bfloat16):
        leaves = [hidden.clone().requires_grad_(), weight.clone().requires_grad_()]
        logprobs, entropies = token_measures(leaves[0], leaves[1], targets, dtype=dtype)
        torch.testing.assert_close(logprobs.detach(), logits.log_softmax(-1).gather(1, targets[:, None])[:, 0])
        assert entropies.dtype == torch.float32
        logprobs.sum().backward()
        gradients[dtype] = [leaf.grad for leaf in leaves]
    for exact, rounded in zip(*gradients.values(), strict=True):
        assert (exact - rounded).norm() < 0.01 * exact.norm()


def test_where_the_head_is_not_trained_it_gets_no_gradient():
    hidden, weight = torch.randn(4, 8, requires_grad=True), torch.randn(9, 8)
    token_logprobs(hidden, weight, torch.zeros(4, dtype=torch.long)).sum().backward()
    assert hidden.grad is not None
    assert weight.grad is None
