import pytest
import torch

from whet.stages.objectives.kl import KlKind, kl_penalty


@pytest.mark.parametrize(("kind", "expected"), [("k3", 0.0051709), ("kl", 0.1), ("mse", 0.005)])
def test_penalties_at_a_difference_of_a_tenth(kind, expected):
    # e^0.1 - 0.1 - 1 = 0.0051709; 0.1; 0.1^2 / 2.
    penalty = kl_penalty(torch.tensor([[-1.1]]), torch.tensor([[-1.0]]), kind)
    torch.testing.assert_close(penalty.item(), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("kind", "slope"), [("k3", -(torch.e**0.1 - 1)), ("kl", -1.0), ("mse", -0.1)])
def test_slopes_at_a_difference_of_a_tenth(kind, slope):
    # d = ref - logp, so the slope by logp is -(e^d - 1), -1 and -d: each raises a policy that is below its reference.
    logprobs = torch.tensor([[-1.1]], requires_grad=True)
    kl_penalty(logprobs, torch.tensor([[-1.0]]), kind).sum().backward()
    assert logprobs.grad is not None
    torch.testing.assert_close(logprobs.grad.item(), float(slope), rtol=1e-4, atol=1e-6)


def expected_gradient(kind: KlKind, theta: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The gradient of a penalty's mean over tokens drawn from the policy itself, the draw not differentiated."""
    logits = theta.clone().requires_grad_()
    logprobs = logits.log_softmax(0)
    (logprobs.exp().detach() * kl_penalty(logprobs[None], reference[None], kind)[0]).sum().backward()
    assert logits.grad is not None
    return logits.grad


def test_each_penalty_descends_another_divergence():
    theta, reference = torch.tensor([0.3, -0.2, 0.9]), torch.tensor([0.1, 0.5, -0.4]).log_softmax(0)
    reverse, forward = theta.clone().requires_grad_(), theta.clone().requires_grad_()
    logprobs = reverse.log_softmax(0)
    (logprobs.exp() * (logprobs - reference)).sum().backward()
    (reference.exp() * (reference - forward.log_softmax(0))).sum().backward()
    torch.testing.assert_close(expected_gradient("mse", theta, reference), reverse.grad)
    torch.testing.assert_close(expected_gradient("k3", theta, reference), forward.grad)
    torch.testing.assert_close(expected_gradient("kl", theta, reference), torch.zeros(3), atol=1e-6, rtol=0)
