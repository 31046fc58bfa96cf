"""Best-of-k: is the rollout correct that a score picks out of k? Exact expectations over all k-subsets.

Legend: n rollouts of a problem, k drawn, A answers, C subsets.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np

MOST_SUBSETS = 5000
"""Subsets that a weighted vote is counted over; where there are more it is not given."""


def best_of_k(scores: Sequence[float | None], values: Sequence[float], k: int) -> float:
    """Expected value of the rollout with the highest score among k drawn, over all k-subsets; ties at random.

    For a score that m rollouts share, with h of n above it, the best of k is among these with probability
    (C(n - h, k) - C(n - h - m, k)) / C(n, k), and is then worth their mean value. A rollout without a score is only
    chosen where no other is drawn.

    Args:
        values: what each rollout is worth, e.g. 1 where it is correct, else 0.

    Raises:
        ValueError: k is not in 1..n.
    """
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} of n = {n} rollouts, expected k in 1..n")
    levels: dict[float, list[float]] = {}
    for score, value in zip(scores, values, strict=True):
        levels.setdefault(-np.inf if score is None else float(score), []).append(value)
    expected, left = 0.0, n
    for level in sorted(levels, reverse=True):
        worth = levels[level]
        ways = comb(left, k) - comb(left - len(worth), k)
        expected += ways / comb(n, k) * sum(worth) / len(worth)
        left -= len(worth)
    return expected


def weighted_majority_at_k(
    answers: Sequence[str | None], weights: Sequence[float], value_of: dict[str, float], k: int
) -> float | None:
    """Expected value of the answer with the greatest weight among k drawn, over all k-subsets; ties as expected value.

    None where there are more than `MOST_SUBSETS` subsets. Rollouts without an answer are drawn and vote for nothing;
    k of them are worth 0.

    Args:
        weights: of each rollout's vote, 0 or more.
        value_of: what each answer is worth.
    """
    n = len(answers)
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} of n = {n} rollouts, expected k in 1..n")
    if comb(n, k) > MOST_SUBSETS:
        return None
    names = [name for name in dict.fromkeys(answers) if name is not None]
    if not names:
        return 0.0
    votes = list(zip(answers, weights, strict=True))
    votes_nA = np.array([[weight * (answer == name) for name in names] for answer, weight in votes])
    voted_nA = np.array([[answer == name for name in names] for answer in answers])
    drawn_Ck = np.array(list(combinations(range(n), k)))
    total_CA, any_CA = votes_nA[drawn_Ck].sum(1), voted_nA[drawn_Ck].any(1)
    total_CA = np.where(any_CA, total_CA, -np.inf)
    best_C1 = total_CA.max(1, keepdims=True)
    # Sums of the same weights in another order differ in their last bits; weights themselves may be tiny.
    leads_CA = any_CA & (total_CA >= best_C1 * (1 - 1e-12))
    worth_C = (leads_CA * np.array([value_of[name] for name in names])).sum(1) / np.maximum(1, leads_CA.sum(1))
    return float(worth_C.mean())
