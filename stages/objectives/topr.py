"""TOPR: REINFORCE on rollouts of another policy, tapered where they are wrong.

(Le Roux et al. 2025, arXiv 2503.14286.) With rho = p(rollout) / mu(rollout), mu the policy that drew it, R the reward
minus a baseline, and [low, high] the bounds of its sign:

    L = -mean over rollouts of stop(clip(rho, low, high)) * R * ln p(rollout)

The bounds are [1, 1] where R >= 0 (right rollouts are cloned however unlikely they were) and [0, 1] where R < 0 (wrong
ones are forgotten about once they are unlikely). No clip of tokens, no penalty. The baseline c is no variance
reduction: with rewards 1 and -1 and a share p right, it acts as a share p (1 - c) / (1 + (1 - 2p) c).

*Deviations:* invalid rollouts (truncated, looping ...) are left out, not wrong: wrong ones are half of the signal.

The ratio is of the whole rollout: over 2,000 tokens a mean of -.01 nats makes e^-20, and wrong rollouts teach nothing
without a word. `neg_weight_mean` is logged, and warned about below .05.
"""

# B rows, T completion tokens, G rollouts of a group

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..options import expect
from . import AllDraws, Completions, Objective, Terms, Totals

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

FADING = 0.05
"""Mean weight of wrong rollouts below which they hardly teach."""


def tapered_weights(
    log_ratio_B: Tensor,
    advantages_B: Tensor,
    positive: tuple[float, float] = (1.0, 1.0),
    negative: tuple[float, float] = (0.0, 1.0),
) -> Tensor:
    """clip(exp(log ratio), low, high) with the bounds of the advantage's sign; [B], without gradient."""
    log_ratio_B = log_ratio_B.detach()
    bounded = [
        log_ratio_B.clamp(-math.inf if low == 0 else math.log(low), math.log(high)).exp()
        for low, high in (positive, negative)
    ]
    return bounded[0].where(advantages_B >= 0, bounded[1])


@dataclass(frozen=True, kw_only=True)
class Topr(Objective):
    """REINFORCE on rollouts of any policy, tapered where they are wrong."""

    baseline: float = 0.0
    """Subtracted from rewards: above 0 the correct rollouts count less, below more (c)"""

    positive_low: float = 1.0
    """Lowest weight of a rollout whose reward is above the baseline"""

    positive_high: float = 1.0
    """Highest weight of such a rollout"""

    negative_low: float = 0.0
    """Lowest weight of a rollout whose reward is below the baseline"""

    negative_high: float = 1.0
    """Highest weight of such a rollout"""

    needs_verdicts: ClassVar[bool] = True
    graded: ClassVar[bool] = True
    uses_ratios: ClassVar[bool] = True
    at_sampling_temperature: ClassVar[bool] = True
    rewards: ClassVar[tuple[float, float, float | None]] = (1.0, -1.0, None)

    def __post_init__(self) -> None:
        for side in ("positive", "negative"):
            low, high = getattr(self, f"{side}_low"), getattr(self, f"{side}_high")
            expect([(f"--{side}-low and --{side}-high", f"{low} and {high}", 0 <= low <= high > 0, "0 <= low <= high")])

    @property
    def needs_record(self) -> bool:
        return True

    def weigh(
        self, rewards_G: list[float], rng: np.random.Generator, drawn: AllDraws | None = None
    ) -> list[tuple[int, float]]:
        return [(index, reward - self.baseline) for index, reward in enumerate(rewards_G)]

    def terms(self, completions: Completions, totals: Totals) -> Terms:
        logprobs_BT, mask_BT, sampled_BT = completions.logprobs_BT, completions.mask_BT, completions.sampled_logprobs_BT
        if sampled_BT is None:
            raise ValueError("topr needs the log-probabilities of the policy that drew the rollouts, found none")
        logprobs_B = (logprobs_BT * mask_BT).sum(1)
        log_ratio_B = (logprobs_BT.detach() - sampled_BT).masked_fill(~mask_BT, 0.0).sum(1)
        weights_B = tapered_weights(
            log_ratio_B,
            completions.advantages_B,
            (self.positive_low, self.positive_high),
            (self.negative_low, self.negative_high),
        )
        rows = max(totals.rows, 1)
        terms = Terms({"policy": -(weights_B * completions.advantages_B * logprobs_B).sum() / rows})
        if totals.learnt_negative_rows:
            wrong_B = ~completions.positives_B
            for name, values_B in (("neg_weight_mean", weights_B), ("neg_log_ratio_mean", log_ratio_B)):
                terms.means[name] = (values_B * wrong_B).sum() / totals.learnt_negative_rows
        return terms

    def remark(self, metrics: Mapping[str, float]) -> str | None:
        weight = metrics.get("neg_weight_mean")
        if weight is None or weight >= FADING:
            return None
        return (
            f"the wrong rollouts of this step weigh {weight:.3g} on average (neg_weight_mean): the policy has gone so "
            "far from the one that drew them that they teach nothing; draw new rollouts"
        )
