"""KDRL: the clipped policy gradient of GRPO, and distillation from a teacher on the same rollouts.

(Xu et al. 2025, arXiv 2506.02208.)

    L = L_GRPO + w * mean over trained tokens of 0.5 (ln p_t - ln q_t)^2

w falls linearly over the training from `--distill-weight` to `--distill-weight-end`. The mean counts every trained
token of the step, also those that the mask leaves out.
"""

# B rows, T completion tokens

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..options import expect
from . import Completions, Terms, Totals
from .distill import Divergence, Wanted, distillation
from .grpo import Grpo


@dataclass(frozen=True, kw_only=True)
class Kdrl(Grpo):
    """Clipped policy gradient with the group as the baseline, and a teacher beside it."""

    distill_weight: float = 5e-3
    """Weight of the distillation at the first step (beta)"""

    distill_weight_end: float = 1e-3
    """The same at the last step; in between it goes linearly"""

    distill_on: Wanted = "wrong-only"
    """Rollouts that are distilled on: all, those not correct, or those of groups that are all right or all wrong"""

    divergence: Divergence = "reverse-kl"
    """What the gradient descends on the policy's own rollouts: KL(policy || teacher), or KL(teacher || policy)"""

    needs_teacher: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        weights = (("--distill-weight", self.distill_weight), ("--distill-weight-end", self.distill_weight_end))
        expect((flag, weight, weight >= 0, "0 or a positive number") for flag, weight in weights)

    def weight_at(self, along: float) -> float:
        """The weight of the distillation where `along` (0 to 1) of the training is done."""
        return self.distill_weight + (self.distill_weight_end - self.distill_weight) * min(1.0, along)

    def terms(self, completions: Completions, totals: Totals) -> Terms:
        terms = super().terms(completions, totals)
        mask_BT = completions.mask_BT
        if self.distill_on == "wrong-only":
            mask_BT = mask_BT & ~completions.positives_B[:, None]
        elif self.distill_on == "dead-groups-only":
            # Rollouts that are all worth the same have no advantage.
            mask_BT = mask_BT & (completions.advantages_B == 0)[:, None]
        loss, shown = distillation(completions, mask_BT, totals.tokens, self.divergence)
        terms.losses["distill"] = self.weight_at(totals.along) * loss
        terms.shown |= shown
        return terms
