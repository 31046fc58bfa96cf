"""What objectives share that push log-probabilities along advantages.

    loss = sum over trained tokens of share * mismatch weight * surrogate(ratio, advantage)
           + kl_weight * share * penalty - entropy_weight * entropy / tokens

A new objective of this family says how a ratio and an advantage make a loss (`surrogate`), and which advantages the
rollouts of a group get (`weigh`). An advantage is `Completions.token_advantages`: of a rollout, or of each token where
steps have rewards.
"""

# B rows, T completion tokens

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ...artifacts import WrongOption
from ..options import expect
from . import Completions, Objective, Terms, Totals
from .kl import KlKind, kl_penalty
from .normalisers import Normaliser, token_shares
from .ratios import Level, Mismatch, log_ratio, mismatch_weights

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class PolicyGradient(Objective):
    """Ratio, normaliser, penalty and bonus of a policy gradient."""

    old: Literal["recorded", "recomputed"] = "recorded"
    """Where the ratio's denominator is from: the sampler's own record, or the policy given to this command (with
    --problems: the policy as it drew)"""

    mismatch: Mismatch = "none"
    """Weigh tokens by the ratio of --old recomputed to the sampler's record, truncated or masked at --mismatch-cap"""

    mismatch_cap: float = 2.0
    """Where that weight is cut"""

    normaliser: Normaliser = "tokens"
    """Every token alike, every rollout alike, or a constant length"""

    constant_tokens: int = 1024
    """The length that --normaliser constant divides by"""

    kl_weight: float = 0.0
    """Weight of the penalty towards the reference (beta)"""

    kl: KlKind = "forward"
    """The penalty by what its gradient descends: reverse (k2), forward (k3), imitation (ln reference - ln policy)"""

    kl_by_ratio: bool = False
    """Weigh the penalty by the ratio of the policy to the sampler: off-policy it descends what it is called only so"""

    entropy_weight: float = 0.0
    """Weight of a bonus for the entropy of the policy at each trained token"""

    uses_ratios: ClassVar[bool] = True
    at_sampling_temperature: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checks = (
            ("--mismatch-cap", self.mismatch_cap, self.mismatch_cap > 0, "a positive number"),
            ("--constant-tokens", self.constant_tokens, self.constant_tokens >= 1, "at least 1"),
        )
        expect(checks)
        if self.mismatch != "none" and self.old == "recorded":
            raise WrongOption(
                f"--mismatch {self.mismatch} weighs by the trainer's probability over the sampler's, and with --old "
                "recorded the clipped ratio is taken to the sampler already: give --old recomputed, or leave it out"
            )

    @property
    def needs_reference(self) -> bool:
        return self.kl_weight != 0

    @property
    def needs_entropies(self) -> bool:
        return self.entropy_weight != 0

    @property
    def needs_record(self) -> bool:
        return self.old == "recorded" or self.mismatch != "none" or (self.kl_by_ratio and self.needs_reference)

    @property
    def level(self) -> Level:
        """What one ratio is of."""
        return "token"

    @property
    def takes_step_rewards(self) -> bool:
        """A ratio of each token is there to be weighed by an advantage of its own."""
        return self.level == "token"

    @abstractmethod
    def surrogate(self, log_ratio_BT: Tensor, completions: Completions) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of each token, or of each rollout [B, 1]; and, as bool, where what is logged acted."""

    def terms(self, completions: Completions, totals: Totals) -> Terms:
        logprobs_BT, mask_BT = completions.logprobs_BT, completions.mask_BT
        old_BT = completions.old_logprobs_BT
        if old_BT is None:
            old_BT = logprobs_BT.detach()
        share_BT = token_shares(mask_BT, totals, self.normaliser, self.constant_tokens)
        ratio_BT = log_ratio(logprobs_BT, old_BT, mask_BT, self.level)
        losses_BT, acted = self.surrogate(ratio_BT, completions)
        acted["ratio"] = ratio_BT.detach().exp()
        if self.mismatch != "none":
            sampled_BT = _known(completions.sampled_logprobs_BT, "--mismatch needs the sampler's log-probabilities")
            between_BT = log_ratio(old_BT, sampled_BT, mask_BT, "token" if self.level == "token" else "rollout")
            weights_BT, cut_BT = mismatch_weights(between_BT, self.mismatch, self.mismatch_cap)
            losses_BT = losses_BT * weights_BT
            acted |= {"mismatch_ratio": between_BT.detach().exp(), "mismatch_cut": cut_BT}
        terms = Terms({"policy": (losses_BT * share_BT).sum()})
        # What holds of a rollout is shown for each of its tokens.
        terms.shown |= {name: (value_BT * mask_BT).sum() for name, value_BT in acted.items()}
        if self.kl_weight:
            reference_BT = _known(completions.reference_logprobs_BT, "--kl-weight needs those of the reference")
            penalty_BT = kl_penalty(logprobs_BT, reference_BT, self.kl, self._drawn_ratio(completions, old_BT))
            terms.losses["kl"] = self.kl_weight * (penalty_BT * share_BT).sum()
        if self.entropy_weight:
            entropies_BT = _known(completions.entropies_BT, "--entropy-weight needs the entropies")
            terms.losses["entropy"] = -self.entropy_weight * (entropies_BT * mask_BT).sum() / max(totals.tokens, 1)
        return terms

    def _drawn_ratio(self, completions: Completions, old_BT: Tensor) -> Tensor | None:
        """Policy now over the policy that drew each token."""
        if not self.kl_by_ratio:
            return None
        drawn_BT = old_BT if completions.sampled_logprobs_BT is None else completions.sampled_logprobs_BT
        return log_ratio(completions.logprobs_BT.detach(), drawn_BT, completions.mask_BT).exp()


def _known(values: Tensor | None, need: str) -> Tensor:
    """What the caller computes for this objective.

    Raises:
        ValueError: it did not.
    """
    if values is None:
        raise ValueError(f"{need}, found none")
    return values
