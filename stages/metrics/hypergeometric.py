"""How many of k drawn rollouts are correct: the exact hypergeometric counts under pass@k and G-Pass@k."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import comb

import numpy as np


@lru_cache(maxsize=1024)
def ways_at_least(n: int, c: int, k: int) -> tuple[int, ...]:
    """Count the k-subsets of n rollouts, c of them correct, that hold at least m correct ones, for m = 0..k.

    ways[m] = sum over j >= m of C(c, j) C(n-c, k-j), in integers; divide by C(n, k) for a probability.
    Terms follow from each other: term(j+1) = term(j) (c-j) (k-j) / ((j+1) (n-c-k+j+1)), without remainder.
    (Liu et al. 2024, arXiv 2412.13147, eq. 2 to 4.)

    Raises:
        ValueError: k is not in 1..n or c is not in 0..n.
    """
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} of n = {n} rollouts, expected k in 1..n")
    if not 0 <= c <= n:
        raise ValueError(f"c = {c} correct of n = {n} rollouts, expected c in 0..n")
    fewest, most = max(0, k - (n - c)), min(c, k)
    terms = [0] * (k + 1)
    term = comb(c, fewest) * comb(n - c, k - fewest)
    for j in range(fewest, most + 1):
        terms[j] = term
        if j < most:
            term = term * (c - j) * (k - j) // ((j + 1) * (n - c - k + j + 1))
    ways = terms
    for m in range(k - 1, -1, -1):
        ways[m] += ways[m + 1]
    return tuple(ways)


def at_least(n: int, c: int, k: int, m: int) -> Fraction:
    """Probability that k rollouts drawn without replacement from n, c of them correct, hold at least m correct."""
    ways = ways_at_least(n, c, k)
    return Fraction(ways[m], comb(n, k)) if m <= k else Fraction(0)


def over_problems(metric: Callable[[int], Fraction], correct_P: np.ndarray) -> np.ndarray:
    """Apply an exact metric of the correct count to P problems, computing each distinct count once; [P] floats."""
    counts, position_P = np.unique(correct_P, return_inverse=True)
    return np.array([float(metric(int(count))) for count in counts], dtype=np.float64)[position_P]
