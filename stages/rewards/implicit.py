"""Implicit rewards: a policy and the model it was made from are a reward model of tokens.

With l_t = ln pi(y_t) - ln pi_ref(y_t),

    token reward r_t = beta l_t        sequence score s = sum_t r_t        step reward = sum of r_t over the step

    cross-entropy:  L = -[y ln sigmoid(s) + (1 - y) ln (1 - sigmoid(s))]      one completion and its verdict
    DPO:            L = -ln sigmoid(s_chosen - s_rejected)                    a pair

(Yuan et al. 2024, Free Process Rewards without Process Labels, arXiv 2412.01981, prop. 3.1 and eq. 5; the DPO form:
Rafailov et al. 2023, arXiv 2305.18290, eq. 7.) The reference must be the model that training began from: the rewards
are those of a policy trained from it. Steps: `scoring.steps`.
"""

# B rows of a micro-batch, T completion tokens

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def token_rewards(logprobs_BT: Tensor, reference_logprobs_BT: Tensor, beta: float) -> Tensor:
    """beta (ln pi - ln pi_ref) of each token; [B, T], float32, 0 where both are 0."""
    return beta * (logprobs_BT.float() - reference_logprobs_BT.float())


def sequence_scores(token_rewards_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """The sum of the token rewards of each row; [B]."""
    return (token_rewards_BT * mask_BT).sum(1)
