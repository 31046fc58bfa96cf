"""G-Pass@k and mG-Pass@k: how stable is a policy over k rollouts of one problem?

Every function takes one problem with c correct of n rollouts and returns an exact fraction in [0, 1];
a data set's score is the mean over problems. (Liu et al. 2024, "Are Your LLMs Capable of Stable Reasoning?",
arXiv 2412.13147.)
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, comb

from .hypergeometric import at_least, ways_at_least


def correct_needed(k: int, tau: Fraction) -> int:
    """Correct rollouts that k drawn ones must hold: m = max(1, ceil(tau k)).

    Raises:
        ValueError: tau is outside [0, 1].

    *Deviations:* tau is rational; in floats ceil(.28 * 25) is 8 and not 7.
    """
    if not 0 <= tau <= 1:
        raise ValueError(f"tau = {tau}, expected a share in [0, 1]")
    return max(1, ceil(Fraction(tau) * k))


def g_pass_at_k(n: int, c: int, k: int, tau: Fraction) -> Fraction:
    """G-Pass@k_tau: the probability that at least ceil(tau k) of k drawn rollouts are correct.

    sum over j from m to min(c, k) of C(c, j) C(n-c, k-j) / C(n, k), with m = ceil(tau k) (eq. 4).
    tau = 0 (m = 1) is pass@k; tau = 1 asks for all k.

    Raises:
        ValueError: k is not in 1..n, c is not in 0..n, or tau is outside [0, 1].

    *Deviations:* the official code returns 0 for k > n and only warns for too few rollouts; here both are errors.
    """
    return at_least(n, c, k, correct_needed(k, tau))


def mg_pass_at_k(n: int, c: int, k: int) -> Fraction:
    """mG-Pass@k as the official code computes it: (2/k) times the sum over i = ceil(k/2)+1..k of P(X >= i) (eq. 6).

    Equals (2/k) E[max(X - ceil(k/2), 0)]. For odd k it is at most (k-1)/k, and 0 at k = 1: see mg_pass_at_k_exact.
    """
    ways = ways_at_least(n, c, k)
    return Fraction(2 * sum(ways[ceil(k / 2) + 1 :]), k * comb(n, k))


def mg_pass_at_k_exact(n: int, c: int, k: int) -> Fraction:
    """mG-Pass@k as it is defined: twice the integral of G-Pass@k_tau over tau from 1/2 to 1 (eq. 5).

    The curve is a step function, tau in ((i-1)/k, i/k] needs i correct. For even k the official sum is this integral;
    for odd k it leaves out half a step: exact = official + (1/k) P(X >= (k+1)/2).
    """
    official = mg_pass_at_k(n, c, k)
    return official if k % 2 == 0 else official + at_least(n, c, k, (k + 1) // 2) / k
