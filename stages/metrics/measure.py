"""Every metric that the rollouts of a run permit, one value a problem.

Metrics are named as in the papers: `pass@4`, `g-pass@4_0.5`, `mg-pass@4`, `maj@4`. For k = 1 there is pass@1 alone:
the others are the same number there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .g_pass_at_k import g_pass_at_k, mg_pass_at_k, mg_pass_at_k_exact
from .groups import Groups
from .hypergeometric import over_problems
from .majority import first_majority_at_k, majority_at_k
from .pass_at_k import pass_at_k


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric's value for each problem, [P].

    `best_P` are the values if every unknown verdict were correct, None when that changes nothing; `bounds` the least
    and the greatest value possible, None without a limit.
    """

    name: str
    values_P: np.ndarray
    best_P: np.ndarray | None = None
    bounds: tuple[float, float] | None = (0.0, 1.0)


def default_draws(n: int) -> list[int]:
    """The k of a run with n rollouts a problem: powers of two up to n, and n."""
    return sorted({2**power for power in range(n.bit_length()) if 2**power <= n} | {n})


def tau_name(tau: Fraction) -> str:
    """A share as its shortest decimal (0.25, 1), or as a fraction where decimals do not end (1/3)."""
    for digits in range(10):
        if (tau * 10**digits).denominator == 1:
            return f"{float(tau):.{digits}f}"
    return str(tau)


def measure(groups: Groups, draws: Sequence[int], taus: Sequence[Fraction]) -> list[Measured]:
    """All metrics at each number of draws k and each tau.

    Raises:
        ValueError: a k that is not in 1..n, or a tau outside [0, 1].
    """
    measured: list[Measured] = []
    if groups.correct_P is not None:
        for k in draws:
            measured += _correctness_at(groups, k, taus)
    if groups.length_P is not None:
        measured.append(Measured(f"mean-length_{groups.length_unit}", groups.length_P, bounds=None))
    if groups.truncated_P is not None:
        measured.append(Measured("truncated", groups.truncated_P))
    return measured


def _correctness_at(groups: Groups, k: int, taus: Sequence[Fraction]) -> list[Measured]:
    """pass@k, G-Pass@k at each tau, mG-Pass@k and maj@k."""
    n, correct_P, unknown_P = groups.n, groups.correct_P, groups.unknown_P
    assert correct_P is not None
    assert unknown_P is not None
    some_unknown = bool(unknown_P.any())
    metrics = {f"pass@{k}": lambda c: pass_at_k(n, c, k)}
    if k > 1:
        for tau in taus:
            metrics[f"g-pass@{k}_{tau_name(tau)}"] = lambda c, tau=tau: g_pass_at_k(n, c, k, tau)
        metrics[f"mg-pass@{k}"] = lambda c: mg_pass_at_k(n, c, k)
        if k % 2:
            metrics[f"mg-pass@{k}_exact"] = lambda c: mg_pass_at_k_exact(n, c, k)
    measured = [
        Measured(
            name,
            over_problems(metric, correct_P),
            over_problems(metric, correct_P + unknown_P) if some_unknown else None,
        )
        for name, metric in metrics.items()
    ]
    return measured + (_votes_at(groups, k, some_unknown) if k > 1 else [])


def _votes_at(groups: Groups, k: int, some_unknown: bool) -> list[Measured]:
    """maj@k as an expectation, and as the vote of the first k rollouts."""
    ballots = groups.ballots

    def expected(best: bool) -> np.ndarray:
        return np.array([majority_at_k(*ballot.counts(best), k) for ballot in ballots])

    def first(best: bool) -> np.ndarray:
        values = [(ballot.answers, ballot.best_value_of if best else ballot.value_of) for ballot in ballots]
        return np.array([first_majority_at_k(answers, value_of, k) for answers, value_of in values])

    return [
        Measured(name, vote(False), vote(True) if some_unknown else None)
        for name, vote in ((f"maj@{k}", expected), (f"maj@{k}_first", first))
    ]
