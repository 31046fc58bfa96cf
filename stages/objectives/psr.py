"""PSR, NSR and W-REINFORCE: what right and what wrong rollouts teach, apart. (Zhu et al. 2025, arXiv 2506.01347.)

    A = lambda where the rollout is right, -1 where it is wrong, 0 where its side is left out; no baseline

then the clipped surrogate without penalty. PSR learns from the right ones alone (1, 0), NSR from the wrong ones alone
(0, -1), W-REINFORCE from both with the right ones at lambda = .1. Pushing a wrong token down moves its probability to
all others, those not drawn included: that keeps exploration alive.

*Deviations:* sums are divided by the rollouts that are left (`count`), as in the authors' code, or by all. Invalid
rollouts (truncated, looping ...) are left out, not wrong: in NSR they would be the training signal.
"""

# G rollouts of a group

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ..options import expect
from .clipped import Clipped

if TYPE_CHECKING:
    import numpy as np

    from . import AllDraws


@dataclass(frozen=True, kw_only=True)
class Psr(Clipped):
    """Learn from correct rollouts alone, all alike."""

    count: Literal["kept", "all"] = "kept"
    """What sums are divided by: the rollouts that are learnt from, or all with a verdict"""

    needs_verdicts: ClassVar[bool] = True
    rewards: ClassVar[tuple[float, float, float | None]] = (1.0, -1.0, None)
    learning_rate: ClassVar[float | None] = 1e-6

    @property
    def advantages(self) -> tuple[float, float]:
        """Of right and of wrong rollouts."""
        return 1.0, 0.0

    def weigh(
        self, rewards_G: list[float], rng: np.random.Generator, drawn: AllDraws | None = None
    ) -> list[tuple[int, float]]:
        """The rollouts that are learnt from; with --count all the others too, at advantage 0."""
        right, wrong = self.advantages
        weighed = [(index, right if reward > 0 else wrong) for index, reward in enumerate(rewards_G)]
        return weighed if self.count == "all" else [(index, advantage) for index, advantage in weighed if advantage]


@dataclass(frozen=True, kw_only=True)
class Nsr(Psr):
    """Learn from incorrect rollouts alone: push them down, all alike."""

    @property
    def advantages(self) -> tuple[float, float]:
        return 0.0, -1.0


@dataclass(frozen=True, kw_only=True)
class WReinforce(Psr):
    """Push incorrect rollouts down and pull correct ones up a little."""

    positive_weight: float = 0.1
    """Advantage of correct rollouts, where that of incorrect ones is -1 (lambda)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        expect([("--positive-weight", self.positive_weight, self.positive_weight >= 0, "0 or a positive number")])

    @property
    def advantages(self) -> tuple[float, float]:
        return self.positive_weight, -1.0
