"""Inverse-Q*: the policy under a principle, taken for the optimal one, gives every token a reward. A reconstruction.

(After Xia et al. 2024, "Inverse-Q*", arXiv 2408.14874, of which no equation could be had: the names of its parts are
the paper's, the formulas are reconstructed from them and from "From r to Q*", Rafailov et al. 2024, arXiv 2404.12358.)

In the token MDP with the reference policy pi_ref and temperature beta, the optimal policy pi* has the advantage
A*(s, a) = beta ln(pi*(a|s) / pi_ref(a|s)). An estimate of pi* is so a reward for every token, without a critic:

1. Estimate pi*. conditioned: pi_ref under a principle, pi_ref(a | p+, s). contrast: ln pi_ref(a|s)
   + w (ln pi_ref(a | p+, s) - ln pi_ref(a | p-, s)) - ln Z(s), p- the principle's opposite, Z over the vocabulary.
2. Reward (auto reward assignment): r_t = beta (ln pi*(y_t|s_t) - ln pi_ref(y_t|s_t)), clipped to +-c; optionally
   whitened over the step.
3. Imitate it (reward imitation), on rollouts of the policy:

    L = mean over trained tokens of (beta ln(pi(y_t|s_t) / pi_ref(y_t|s_t)) - r_t)^2

   or, with `--form clip`, take r_t for the advantage of a clipped policy gradient with a reverse KL to pi_ref:

    L = mean over trained tokens of -min(ratio r_t, clip(ratio) r_t) + beta 0.5 (ln pi - ln pi_ref)^2
"""

# B rows, T completion tokens

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ..options import expect
from . import Completions, Objective, Terms, Totals
from .clipped import clipped_surrogate
from .kl import kl_penalty
from .ratios import log_ratio

if TYPE_CHECKING:
    from torch import Tensor


def auto_rewards(target_BT: Tensor, reference_BT: Tensor, beta: float, limit: float) -> Tensor:
    """r_t = beta (ln pi* - ln pi_ref), held within +-limit; [B, T]. A contrast explodes on rare tokens."""
    return (beta * (target_BT - reference_BT)).clamp(-limit, limit)


def imitation_loss(logprobs_BT: Tensor, reference_BT: Tensor, rewards_BT: Tensor, beta: float) -> Tensor:
    """(beta ln(pi / pi_ref) - r)^2 per token; [B, T]. Its slope on ln pi is 2 beta (beta ln(pi / pi_ref) - r)."""
    return (beta * (logprobs_BT - reference_BT) - rewards_BT).square()


def clipped_rewards(log_ratio_BT: Tensor, rewards_BT: Tensor, clip: float) -> Tensor:
    """-min(ratio r, clip(ratio, 1 - clip, 1 + clip) r) per token; [B, T], ratio = exp(ln pi - ln pi_old)."""
    ratio_BT = log_ratio_BT.exp()
    return -(ratio_BT * rewards_BT).minimum(ratio_BT.clamp(1 - clip, 1 + clip) * rewards_BT)


@dataclass(frozen=True, kw_only=True)
class InverseQ(Objective):
    """Imitate token rewards that the reference gives itself under a principle (a reconstruction of Inverse-Q*)."""

    principle: str = (
        "You are an ideal assistant: your answers are correct, clear, honest and harmless, and as long as they need be."
    )
    """What the good policy is told (p+): a text, or the path of a file that holds it"""

    anti_principle: str = "You are a careless assistant: your answers are wrong, unclear and unhelpful."
    """What the bad policy is told (p-), for --target contrast: a text, or the path of a file that holds it"""

    principle_place: Literal["system", "question"] = "system"
    """Where a principle stands: in the system message, or before the first question, for templates without one"""

    target: Literal["conditioned", "contrast"] = "conditioned"
    """The estimate of the optimal policy: the reference under the principle, or what principle and anti-principle
    differ in"""

    contrast_weight: float = 1.0
    """Weight of that difference (w)"""

    partition: bool = True
    """Normalise the contrast over the vocabulary (ln Z); without it rewards are off by a number that depends on the
    text before the token alone"""

    beta: float = 0.1
    """Temperature: scale of rewards and log-ratios"""

    reward_limit: float = 3.0
    """Rewards are held within plus and minus this (c)"""

    whiten: bool = False
    """Bring the rewards of a step to mean 0 and standard deviation 1"""

    form: Literal["regression", "clip"] = "regression"
    """Squared distance of log-ratio and reward, or a clipped policy gradient with a KL penalty"""

    clip: float = 0.2
    """With --form clip: ratios are held within 1 plus and minus this"""

    at_sampling_temperature: ClassVar[bool] = True
    learning_rate: ClassVar[float | None] = 5e-7
    learns_alone: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checks = (
            ("--beta", self.beta, self.beta > 0, "a positive number"),
            ("--reward-limit", self.reward_limit, self.reward_limit > 0, "a positive number"),
            ("--contrast-weight", self.contrast_weight, self.contrast_weight > 0, "a positive number"),
            ("--clip", self.clip, 0 < self.clip < 1, "a share between 0 and 1"),
            ("--principle", repr(self.principle), bool(self.principle.strip()), "a text, or a file with one"),
        )
        expect(checks)
        object.__setattr__(self, "uses_ratios", self.form == "clip")

    @property
    def needs_reference(self) -> bool:
        return True

    def terms(self, completions: Completions, totals: Totals) -> Terms:
        logprobs_BT, mask_BT = completions.logprobs_BT, completions.mask_BT
        reference_BT, rewards_BT = completions.reference_logprobs_BT, completions.token_rewards_BT
        if reference_BT is None or rewards_BT is None:
            raise ValueError("there are no log-probabilities of the reference, or no token rewards")
        share_BT = mask_BT / max(totals.tokens, 1)
        shown = {
            "rewards/mean": (rewards_BT * mask_BT).sum(),
            "rewards/limited": ((rewards_BT.abs() >= self.reward_limit) & mask_BT).sum(),
        }
        if self.form == "regression":
            losses_BT = imitation_loss(logprobs_BT, reference_BT, rewards_BT, self.beta)
            return Terms({"imitation": (losses_BT * share_BT).sum()}, shown)
        old_BT = completions.old_logprobs_BT
        ratio_BT = log_ratio(logprobs_BT, logprobs_BT.detach() if old_BT is None else old_BT, mask_BT)
        surrogate_BT, acted = clipped_surrogate(ratio_BT, rewards_BT, self.clip, self.clip)
        penalty_BT = self.beta * kl_penalty(logprobs_BT, reference_BT, "reverse")
        shown |= {name: (held_BT & mask_BT).sum() for name, held_BT in acted.items()}
        return Terms({"policy": (surrogate_BT * share_BT).sum(), "kl": (penalty_BT * share_BT).sum()}, shown)
