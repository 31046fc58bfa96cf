"""maj@k: is the answer that most of k rollouts give correct?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import comb

import numpy as np


@lru_cache(maxsize=65536)
def majority_at_k(ballot: tuple[tuple[int, float], ...], blanks: int, k: int) -> float:
    """Expected value of the majority answer over all k-subsets of a problem's rollouts, ties as expected value.

    `ballot` holds one (votes, value) for each distinct answer, value in [0, 1] being how correct it is; `blanks` counts
    rollouts without an answer: they are drawn too but vote for nothing. k drawn rollouts are worth the mean value of
    the answers with the most votes, and 0 when none of them has an answer. At k = n this is the vote of all rollouts.

    Computed exactly, not by drawing. For a highest count of m votes, only answers with at least m votes can lead, the
    others fill the subset without restriction; a table over (rollouts drawn, leaders) collects the probability of the
    subsets and the sum of their leaders' values. Counts are weighted as binomials with p = k/n, so that no number
    overflows, and divided by the binomial of k at the end.

    Raises:
        ValueError: k is not in 1..n.
    """
    votes = sum(count for count, _ in ballot)
    n = votes + blanks
    if not 1 <= k <= n:
        raise ValueError(f"k = {k} of n = {n} rollouts, expected k in 1..n")
    if len(ballot) == 1 and blanks == 0:
        return ballot[0][1]
    expected = 0.0
    for m in range(1, min(k, max((count for count, _ in ballot), default=0)) + 1):
        leaders = [(count, value) for count, value in ballot if count >= m]
        followers = n - sum(count for count, _ in leaders)
        most_leaders = min(len(leaders), k // m)
        ways_KT, sums_KT = np.zeros((k + 1, most_leaders + 1)), np.zeros((k + 1, most_leaders + 1))
        ways_KT[:, 0] = _drawn(followers, k, n)
        for count, value in leaders:
            ways_KT, sums_KT = _add_answer(ways_KT, sums_KT, m, value, _drawn(count, k, n))
        expected += float(np.sum(sums_KT[k, 1:] / np.arange(1, most_leaders + 1)))
    return min(1.0, max(0.0, expected / float(_drawn(n, k, n)[k])))


def _add_answer(
    ways_KT: np.ndarray, sums_KT: np.ndarray, m: int, value: float, drawn_K: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Extend the table by one answer: j < m of its rollouts leave the leaders alone, m of them make it a leader."""
    new_ways_KT, new_sums_KT = np.zeros_like(ways_KT), np.zeros_like(sums_KT)
    size = len(ways_KT)
    for j in range(m):
        new_ways_KT[j:] += drawn_K[j] * ways_KT[: size - j]
        new_sums_KT[j:] += drawn_K[j] * sums_KT[: size - j]
    new_ways_KT[m:, 1:] += drawn_K[m] * ways_KT[: size - m, :-1]
    new_sums_KT[m:, 1:] += drawn_K[m] * (sums_KT[: size - m, :-1] + value * ways_KT[: size - m, :-1])
    return new_ways_KT, new_sums_KT


@lru_cache(maxsize=4096)
def _drawn(count: int, k: int, n: int) -> np.ndarray:
    """Binomial probabilities, p = k/n, of drawing 0..k of `count` rollouts, rounded once from integers; [k + 1]."""
    most, total = min(count, k), n**count
    drawn_K = np.zeros(k + 1)
    drawn_K[: most + 1] = [comb(count, j) * k**j * (n - k) ** (count - j) / total for j in range(most + 1)]
    return drawn_K


def first_majority_at_k(answers: Sequence[str | None], value_of: Mapping[str, float], k: int) -> float:
    """Value of the majority answer of the first k rollouts in draw order, a tie going to the answer seen first.

    This is what published evaluation scripts print as maj@k: one vote, which depends on the order of the rollouts.
    At k = n it is the vote of all rollouts. Its expectation over orders is `majority_at_k`.

    Raises:
        ValueError: k is not in 1..n.
    """
    if not 1 <= k <= len(answers):
        raise ValueError(f"k = {k} of n = {len(answers)} rollouts, expected k in 1..n")
    votes = Counter(answer for answer in answers[:k] if answer is not None)
    # Counter keeps the order in which answers were first seen, and max returns the first of equals
    return value_of[max(votes, key=votes.__getitem__)] if votes else 0.0
