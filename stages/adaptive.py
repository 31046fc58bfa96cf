"""Adaptive sampling: draw in rounds until a problem's group teaches something (Reinforce-Ada, Xiong et al. 2025).

A problem leaves when it is resolved: with half a group of correct and half a group of wrong rollouts ("balanced"), or
with one correct rollout ("positive"). Every row says how many rollouts of its problem were drawn and how many of them
were correct: the rows kept are no fair draw, so no pass@k can be had from them, and a baseline takes the mean over all.

    table = planned(0.25, group=4, round_size=8, rounds=4, until="balanced")
    table.resolved                        # [.6325, .9365, .9910, .9988]: the share resolved after each round
    table.draws                           # 11.52 rollouts expected
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import comb
from typing import Literal, NamedTuple

from ..artifacts import WrongOption
from .options import expect

Until = Literal["balanced", "positive"]


@dataclass(frozen=True, kw_only=True)
class Adaptive:
    """When to stop drawing rollouts of a problem."""

    until: Until | None = None
    """Draw and verify in rounds until a problem has half a group of correct and of wrong rollouts (balanced), or one
    correct one (positive); --rollouts-per-problem is the group that is kept"""

    max_rollouts: int = 32
    """With --until: rollouts of one problem at most"""

    round_rollouts: int = 8
    """With --until: rollouts of a problem drawn in each round"""

    keep: Literal["group", "all"] = "group"
    """With --until: the group alone, as many correct as wrong where there are, or all that was drawn"""

    unresolved: Literal["keep", "drop"] = "keep"
    """With --until: problems that --max-rollouts did not resolve"""

    def __post_init__(self) -> None:
        expect(
            (
                ("--max-rollouts", self.max_rollouts, self.max_rollouts >= 2, "at least 2"),
                ("--round-rollouts", self.round_rollouts, self.round_rollouts >= 1, "at least 1"),
            )
        )
        defaults = {each.name: each.default for each in fields(self)}
        if self.until is None and any(getattr(self, name) != value for name, value in defaults.items()):
            raise WrongOption(
                "--max-rollouts, --round-rollouts, --keep and --unresolved go with --until: give --until balanced"
            )

    @property
    def rounds(self) -> int:
        return -(-self.max_rollouts // self.round_rollouts)


def resolved(correct: int, wrong: int, group: int, until: Until) -> bool:
    """Whether a problem has what was asked for."""
    return correct >= 1 if until == "positive" else min(correct, wrong) >= group // 2


def kept(verdicts: Sequence[str], group: int) -> list[int]:
    """Which draws make the group: the first half correct and the first half wrong ones, each filled from the other.

    Draws of unknown verdict come last. In the order of the draws. (The authors take the first ones too.)
    """
    correct = [draw for draw, verdict in enumerate(verdicts) if verdict == "correct"]
    unknown = [draw for draw, verdict in enumerate(verdicts) if verdict == "unknown"]
    wrong = [draw for draw, verdict in enumerate(verdicts) if verdict not in ("correct", "unknown")]
    half = group // 2
    chosen = [*correct[:half], *wrong[: group - half]]
    spare = [*correct[half:], *wrong[group - half :], *unknown]
    return sorted([*chosen, *spare[: max(0, group - len(chosen))]])


class Plan(NamedTuple):
    """What adaptive sampling will cost for a problem of known pass rate."""

    resolved: list[float]
    """Share of such problems that are resolved after each round"""

    draws: float
    """Rollouts that one of them is expected to take"""


def planned(pass_rate: float, *, group: int, round_size: int, rounds: int, until: Until) -> Plan:
    """Exact numbers from the binomial distribution; rounds are all of one size.

    The share resolved after m draws is P(h <= C <= m - h) with C ~ Bin(m, p) and h = group // 2 ("balanced"), or
    1 - (1-p)^m ("positive"); a round is drawn where the rounds before it did not resolve the problem.
    """
    half = group // 2
    shares = []
    for done in range(1, rounds + 1):
        m = done * round_size
        low, high = (1, m) if until == "positive" else (half, m - half)
        shares.append(sum(comb(m, c) * pass_rate**c * (1 - pass_rate) ** (m - c) for c in range(low, high + 1)))
    drawn = round_size * sum(1 - share for share in [0.0, *shares[:-1]])
    return Plan(shares, drawn)
