"""CISPO: every token keeps its gradient, only its weight is clipped. (MiniMax-M1, 2025, arXiv 2506.13585, eq. 4.)

    L = -sum over tokens of share_t * stop(clip(ratio_t, low, high)) * A_i * ln p_t

*Deviations:* the paper names no bounds ("no lower bound", a tuned upper one); 5 is the upper one that TRL's
documentation gives, from ScaleRL. Where A > 0 and the ratio is above its bound, the gradient is that of GRPO with
--keep-clipped-gradient and 1 + --clip-high as the bound.
"""

# B rows, T completion tokens

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..options import expect
from .advantages import GroupRelative
from .policy_gradient import PolicyGradient

if TYPE_CHECKING:
    from torch import Tensor

    from . import Completions


@dataclass(frozen=True, kw_only=True)
class Cispo(GroupRelative, PolicyGradient):
    """Policy gradient with clipped importance weights."""

    weight_low: float = 0.0
    """The importance weight is held above this"""

    weight_high: float = 5.0
    """The importance weight is held below this"""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks = (
            ("--weight-low", self.weight_low, 0 <= self.weight_low <= 1, "a number from 0 to 1"),
            ("--weight-high", self.weight_high, self.weight_high >= 1, "at least 1"),
        )
        expect(checks)

    def surrogate(self, log_ratio_BT: Tensor, completions: Completions) -> tuple[Tensor, dict[str, Tensor]]:
        ratio_BT = log_ratio_BT.detach().exp()
        low_BT, high_BT = ratio_BT < self.weight_low, ratio_BT > self.weight_high
        weights_BT = ratio_BT.clamp(self.weight_low, self.weight_high)
        losses_BT = -weights_BT * completions.token_advantages * completions.logprobs_BT
        acted = {"low_mean": low_BT, "high_mean": high_BT, "region_mean": low_BT | high_BT}
        return losses_BT, {f"clip_ratio/{name}": held_BT for name, held_BT in acted.items()}
