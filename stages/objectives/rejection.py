"""Rejection sampling: supervised training on the correct rollouts.

(RFT, Yuan et al. 2023, arXiv 2308.01825; as an iterated form STaR, Zelikman et al. 2022.)
*Deviations:* all correct rollouts of a problem are kept; `whet select --per-problem` chooses among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import AllDraws
from .supervised import Supervised

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Rejection(Supervised):
    """Imitate the correct rollouts."""

    needs_verdicts: ClassVar[bool] = True

    def weigh(
        self, rewards_G: list[float], rng: np.random.Generator, drawn: AllDraws | None = None
    ) -> list[tuple[int, float]]:
        return [(index, 1.0) for index, reward in enumerate(rewards_G) if reward > 0]
