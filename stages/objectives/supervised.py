"""Supervised training: rollouts are demonstrations, every one of them.

    L = -sum over trained tokens of ln p_t / tokens

With `weigh_by_probability` each term is multiplied by p_t without gradient (DFT, Wu et al. 2025, arXiv 2508.05629,
eq. 9): the slope on the token's logit is -p (1 - p), so tokens that the policy finds unlikely pull less.

Without --learning-rate it is 2e-5, as in TRL's supervised trainer; at the 1e-6 of policy gradients it learns little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import Completions, Objective, Terms, Totals

if TYPE_CHECKING:
    from torch import Tensor


def negative_log_likelihood(logprobs_BT: Tensor, mask_BT: Tensor, tokens: int) -> Tensor:
    """-sum over trained tokens of ln p / tokens, the tokens of the whole optimiser step; nats per token."""
    return -(logprobs_BT * mask_BT).sum() / max(tokens, 1)


def probability_weighed(logprobs_BT: Tensor, mask_BT: Tensor, tokens: int) -> Tensor:
    """-sum over trained tokens of stop(p_t) ln p_t / tokens. (DFT.)"""
    return negative_log_likelihood(logprobs_BT * logprobs_BT.detach().exp(), mask_BT, tokens)


@dataclass(frozen=True, kw_only=True)
class Supervised(Objective):
    """Imitate every rollout."""

    weigh_by_probability: bool = False
    """Weigh the loss of each token by the policy's own probability of it (DFT)"""

    learning_rate: ClassVar[float | None] = 2e-5

    def terms(self, completions: Completions, totals: Totals) -> Terms:
        loss = probability_weighed if self.weigh_by_probability else negative_log_likelihood
        return Terms({"nll": loss(completions.logprobs_BT, completions.mask_BT, totals.tokens)})
