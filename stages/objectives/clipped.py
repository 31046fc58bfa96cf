"""The clipped surrogate: an advantage times a ratio that stops to pay once the policy went far enough."""

# B rows, T completion tokens (1 where a ratio is of a whole rollout)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..options import expect
from .policy_gradient import PolicyGradient

if TYPE_CHECKING:
    from torch import Tensor

    from . import Completions


def clipped_surrogate(
    log_ratio_BT: Tensor,
    advantages_BT: Tensor,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    dual_clip: float | None = None,
    keep_gradient: bool = False,
) -> tuple[Tensor, dict[str, Tensor]]:
    """-min(r A, clip(r, 1 - clip_low, 1 + clip_high) A), r = exp(log ratio). (PPO, Schulman et al. 2017, eq. 7; two
    clips: DAPO, Yu et al. 2025, eq. 10.)

    Advantages are one a rollout, [B, 1], or one a token, [B, T].

    dual_clip: where A < 0 the loss is at most c |A|, without gradient beyond. (Ye et al. 2020, eq. 5; TRL's `delta`.)
    keep_gradient: the value is the same, but a clipped token keeps the gradient of its bound: -(1 + clip_high) A or
    -(1 - clip_low) A by ln p. (GPPO, Su et al. 2025.) The dual clip still takes it away, also in the official code.

    Returns:
        The losses, shaped as the log ratio; and, bool, where the lower and the upper clip hold, and the dual one.
    """
    ratio_BT = log_ratio_BT.exp()
    bound_BT = ratio_BT.clamp(1 - clip_low, 1 + clip_high)
    if keep_gradient:
        bound_BT = bound_BT.detach() * (ratio_BT / ratio_BT.detach())
    losses_BT = -(ratio_BT * advantages_BT).minimum(bound_BT * advantages_BT)
    low_BT = (ratio_BT < 1 - clip_low) & (advantages_BT < 0)
    high_BT = (ratio_BT > 1 + clip_high) & (advantages_BT > 0)
    acted = {
        "clip_ratio/low_mean": low_BT, "clip_ratio/high_mean": high_BT, "clip_ratio/region_mean": low_BT | high_BT
    }  # fmt: skip
    if dual_clip is not None:
        beyond_BT = (ratio_BT > dual_clip) & (advantages_BT < 0)
        losses_BT = losses_BT.where(~beyond_BT, (-dual_clip * advantages_BT).expand_as(losses_BT))
        acted["clip_ratio/dual_mean"] = beyond_BT
    return losses_BT, acted


@dataclass(frozen=True, kw_only=True)
class Clipped(PolicyGradient):
    """A policy gradient with the clipped surrogate."""

    clip_low: float = 0.2
    """The ratio is held above 1 minus this (epsilon_low)"""

    clip_high: float = 0.2
    """The ratio is held below 1 plus this (epsilon_high)"""

    dual_clip: float | None = None
    """The ratio is held below this where the advantage is negative; beyond it nothing is learnt (c; default: off)"""

    keep_clipped_gradient: bool = False
    """A clipped token keeps the gradient of its bound (GPPO); beyond --dual-clip it has none all the same"""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks = (
            ("--clip-low", self.clip_low, 0 <= self.clip_low <= 1, "a share from 0 to 1"),
            ("--clip-high", self.clip_high, self.clip_high >= 0, "0 or a positive number"),
            (
                "--dual-clip",
                self.dual_clip,
                self.dual_clip is None or self.dual_clip > 1 + self.clip_high,
                f"more than 1 + --clip-high ({1 + self.clip_high:g})",
            ),
        )
        expect(checks)

    def surrogate(self, log_ratio_BT: Tensor, completions: Completions) -> tuple[Tensor, dict[str, Tensor]]:
        return clipped_surrogate(
            log_ratio_BT,
            completions.token_advantages,
            self.clip_low,
            self.clip_high,
            self.dual_clip,
            self.keep_clipped_gradient,
        )
