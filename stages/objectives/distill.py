"""Distillation on the policy's own rollouts: per-token KL to a teacher with the same tokenizer.

(On-policy distillation, Agarwal et al. 2023, arXiv 2306.13649; in this form KDRL, Xu et al. 2025, arXiv 2506.02208.)
With the teacher's ln q_t of the token that the policy drew:

    L = sum over the trained tokens of 0.5 (ln p_t - ln q_t)^2 / their number in the step

On the policy's own rollouts its gradient is that of the reverse KL, KL(policy || teacher); `--divergence forward-kl`
is exp(d) - d - 1 with d = ln q_t - ln p_t, whose gradient there is that of the forward KL (see kl.py). On rollouts of
another policy, or once the policy has moved, both hold again with `--ratio-cap`, which weighs every token by policy
now / policy that drew it.

*Deviations:* policy and teacher are compared at temperature 1, whatever the rollouts were sampled at.
"""

# B rows, T completion tokens, G rollouts of a group

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ..options import expect
from . import AllDraws, Completions, Objective, Terms, Totals
from .kl import KlKind, kl_penalty

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Divergence = Literal["reverse-kl", "forward-kl"]
Wanted = Literal["all", "wrong-only", "dead-groups-only"]

KINDS: dict[Divergence, KlKind] = {"reverse-kl": "reverse", "forward-kl": "forward"}


@dataclass(frozen=True, kw_only=True)
class Distill(Objective):
    """Come near a teacher on the policy's own rollouts."""

    divergence: Divergence = "reverse-kl"
    """What the gradient descends on the policy's own rollouts: KL(policy || teacher), or KL(teacher || policy)"""

    distill_on: Wanted = "all"
    """Rollouts that are trained on: all, those not correct, or those of groups that are all right or all wrong; with
    --rollouts the latter two need --verdicts"""

    ratio_cap: float = 0.0
    """Weigh each token by policy now / policy that drew it, at most this much; 0: no weights"""

    needs_teacher: ClassVar[bool] = True
    learns_alone: ClassVar[bool] = True

    def __post_init__(self) -> None:
        expect([("--ratio-cap", self.ratio_cap, self.ratio_cap >= 0, "0 (no weights) or a positive number")])
        # What is trained on decides these for each instance.
        object.__setattr__(self, "needs_verdicts", self.distill_on != "all")
        object.__setattr__(self, "in_groups", self.distill_on == "dead-groups-only")
        object.__setattr__(self, "uses_ratios", self.ratio_cap > 0)

    @property
    def needs_record(self) -> bool:
        return self.ratio_cap > 0

    def weigh(
        self, rewards_G: list[float], rng: np.random.Generator, drawn: AllDraws | None = None
    ) -> list[tuple[int, float]]:
        if self.distill_on == "dead-groups-only":
            return [(index, 1.0) for index in range(len(rewards_G)) if len(set(rewards_G)) == 1]
        wanted = self.distill_on == "all"
        return [(index, 1.0) for index, reward in enumerate(rewards_G) if wanted or reward <= 0]

    def terms(self, completions: Completions, totals: Totals) -> Terms:
        loss, shown = distillation(completions, completions.mask_BT, totals.tokens, self.divergence, self.ratio_cap)
        return Terms({"distill": loss}, shown)


def distillation(
    completions: Completions, mask_BT: Tensor, tokens: int, divergence: Divergence = "reverse-kl", ratio_cap: float = 0
) -> tuple[Tensor, dict[str, Tensor]]:
    """sum over the masked tokens of w_t k(ln p_t, ln q_t) / tokens; beside it the sum of ln p_t - ln q_t for the log.

    w_t is 1 or, with a cap, min(p_t now / p_t of the sampler, cap) without gradient.

    Raises:
        ValueError: there are no log-probabilities of a teacher, or none of the sampler where weights need them.
    """
    logprobs_BT, teacher_BT = completions.logprobs_BT, completions.teacher_logprobs_BT
    if teacher_BT is None:
        raise ValueError("there are no log-probabilities of a teacher")
    ratios_BT = None
    if ratio_cap:
        if completions.sampled_logprobs_BT is None:
            raise ValueError("there are no log-probabilities of the sampler, which the weights need")
        ratios_BT = (logprobs_BT.detach() - completions.sampled_logprobs_BT).exp().clamp(max=ratio_cap)
    penalty_BT = kl_penalty(logprobs_BT, teacher_BT, KINDS[divergence], ratios_BT)
    # k1 is what estimates the reverse KL on own rollouts; it is shown, not trained.
    shown = {"distill/kl": ((logprobs_BT.detach() - teacher_BT) * mask_BT).sum()}
    return (penalty_BT * mask_BT).sum() / max(tokens, 1), shown
