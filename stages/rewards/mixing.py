"""Rewards of a loss from a verdict and a score, and from the scores of steps; pure.

A score is a soft signal: added freely it is what gets optimised. `gated` keeps the verdict in charge.
"""

# K steps of a rollout

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

Mix = Literal["gated", "sum", "product"]


def mixed(verdict_reward: float, score: float, mix: Mix = "gated", scale: float = 0.5) -> float:
    """The reward of a rollout from that of its verdict and its score.

    gated: sigmoid(scale * score) + (verdict_reward - 1): with verdict rewards 1 and 0 every correct rollout is above 0
    and every wrong one below, whatever the score. (Qwen2.5-Math, Yang et al. 2024, arXiv 2409.12122; scale .5.)
    sum: verdict_reward + scale * score: a high score outweighs the verdict.
    product: verdict_reward * sigmoid(scale * score): wrong rollouts of reward 0 are all alike.
    """
    if mix == "sum":
        return verdict_reward + scale * score
    soft = sigmoid(scale * score)
    return verdict_reward * soft if mix == "product" else soft + (verdict_reward - 1)


def clip_steps(scores_K: Sequence[float], bound: float) -> list[float]:
    """min(r_k - bound, 0): a step can only cost, so more steps earn nothing. The bound is a mean score, of the batch.

    (Gao et al. 2024, arXiv 2410.15115, "Clip".)
    """
    return [min(score - bound, 0.0) for score in scores_K]


def delta_steps(scores_K: Sequence[float]) -> list[float]:
    """r_k - r_{k+1}, the last but one step its own score, the last 0: what is earned from a step on is its score alone.

    The outcome's reward belongs on the last step. The sum over all steps is the first score, however many there are.
    Used after `clip_steps`. (Gao et al. 2024, arXiv 2410.15115, "Delta".)
    """
    scores = list(scores_K)
    if len(scores) < 2:
        return [0.0] * len(scores)
    return [*(one - after for one, after in pairwise(scores[:-1])), scores[-2], 0.0]


def sigmoid(value: float) -> float:
    """1 / (1 + exp(-value)), without overflow."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
