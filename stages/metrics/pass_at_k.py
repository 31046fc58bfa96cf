"""pass@k: is at least one of k rollouts correct?"""

from __future__ import annotations

from fractions import Fraction

from .hypergeometric import at_least


def pass_at_k(n: int, c: int, k: int) -> Fraction:
    """Unbiased pass@k of one problem with c correct of n rollouts.

    1 - C(n-c, k) / C(n, k). (Chen et al. 2021, arXiv 2107.03374, eq. 1.)
    A data set's score is the mean over problems, never the value of pooled counts.

    Raises:
        ValueError: k is not in 1..n or c is not in 0..n.
    """
    return at_least(n, c, k, 1)
