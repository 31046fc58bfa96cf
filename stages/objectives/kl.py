"""Per-token penalties that hold a policy near a reference, named as the official OREAL code names them.

With d = logp_reference - logp_policy, both [B, T] in nats. What a penalty does is decided by its gradient, not by the
divergence that its mean estimates: on rollouts of the policy itself `mse` descends the reverse KL, `k3` the forward
KL, `kl` neither (its gradient has mean zero).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

KlKind = Literal["k3", "kl", "mse"]


def kl_penalty(logprobs_BT: Tensor, reference_logprobs_BT: Tensor, kind: KlKind = "k3") -> Tensor:
    """k3: exp(d) - d - 1; kl: d; mse: d^2 / 2. [B, T], the gradient flows through the policy's log-probabilities.

    (Schulman 2020, "Approximating KL divergence": k3 and, as k2, mse. Lyu et al. 2025, official code: kl; minimising
    d raises the policy's log-probability above the reference's, it is not +k1.)
    """
    difference_BT = reference_logprobs_BT - logprobs_BT
    if kind == "k3":
        return difference_BT.expm1() - difference_BT
    return difference_BT if kind == "kl" else difference_BT.square() / 2
