"""OREAL: clone what was right, push down what was wrong, stay near a reference.

(Lyu et al. 2025, arXiv 2502.06781, eq. 11, as its official code computes it.) With A the advantage, w a weight per
token (1 without a token reward model; those of one are in `token_weights`), N+, N- and N the tokens of positive,
negative and all rollouts kept in the step:

    L+ = f+ * sum over positive rollouts of A * w+_t * (-ln p_t) / N+
    L- = -f- * sum over negative rollouts of ratio_t * A * w-_t / N-
    L_KL = beta * sum over all of k(ln ref_t - ln p_t) / N

ratio_t = exp(ln p_t - stop(ln p_t)) is 1 in value: there is one update per batch, and no clip.

*Deviations:* the defaults follow the official code, which differs from the paper; options give the paper's form.
Where the paper has the positive weight 1, the code multiplies by A+ (`positive_times_advantage`). Where its
derivation gives negatives the weight (1 - p), and its eq. 11 none, the code has the magnitude of the leave-one-out
advantage, about 2p (`negative_weight`). Where it takes the expectation over rollouts, the code divides sums over
tokens by token counts (`normaliser`). Its reference is the policy before the update, the code's the initial policy
(`--reference`). Its rewards are 0 and 1, the code's -1 and 1 (`--reward.incorrect`). An empty side is 0 and not a
division by zero.
"""

# B rows, T completion tokens, G rollouts of a group

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ...artifacts import WrongOption
from . import AllDraws, Completions, Objective, Terms, Totals
from .advantages import of_all_draws, rloo, z_score
from .kl import KlKind, kl_penalty
from .token_weights import TokenWeighting

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Oreal(TokenWeighting, Objective):
    """Clone correct rollouts, push wrong ones down, each by its advantage."""

    advantage: Literal["rloo", "grpo"] = "rloo"
    """How a reward is compared with its group: leave-one-out, or the z-score (F)"""

    keep: Literal["one-pair", "mixed-groups", "none"] = "one-pair"
    """Rollouts trained on: one right and one wrong of each group that has both, all of such groups, or all"""

    positive_factor: float = 1.0
    """Weight of the loss of correct rollouts (f+)"""

    negative_factor: float = 0.5
    """Weight of the loss of wrong rollouts (f-, eta)"""

    positive_times_advantage: bool = True
    """Weigh correct rollouts by their advantage, as the official code; the paper clones all alike"""

    negative_weight: Literal["advantage", "failure-rate", "none"] = "advantage"
    """What weighs wrong rollouts: their advantage, as the official code, 1 - pass rate, as the paper derives, or
    nothing more, as its eq. 11 is written"""

    normaliser: Literal["tokens", "rollouts"] = "tokens"
    """What each sum is divided by: tokens, as the official code, or rollouts, as the paper"""

    kl_weight: float = 0.01
    """Weight of the penalty towards the reference (beta)"""

    kl: KlKind = "forward"
    """That penalty by what its gradient descends: forward (officially unbias), reverse (mse) or imitation (kl)"""

    in_groups: ClassVar[bool] = True
    needs_verdicts: ClassVar[bool] = True
    chooses: ClassVar[bool] = True
    at_sampling_temperature: ClassVar[bool] = True
    rewards: ClassVar[tuple[float, float, float | None]] = (1.0, -1.0, -1.0)
    graded: ClassVar[bool] = True
    undivided: ClassVar[str] = "--advantage rloo"

    @property
    def needs_reference(self) -> bool:
        return self.kl_weight != 0

    @property
    def needs_all_rows(self) -> bool:
        """A token model in training learns from rollouts that the policy learns nothing from."""
        return super().needs_all_rows or self.token_model == "trained"

    @property
    def standardises(self) -> bool:
        return self.advantage == "grpo"

    def weigh(
        self,
        rewards_G: list[float],
        rng: np.random.Generator,
        drawn: AllDraws | None = None,
        silent_G: Sequence[bool] = (),
    ) -> list[tuple[int, float]]:
        """Advantages over the whole group, then the filter; the other way round they would be the same for all.

        Args:
            silent_G: rollouts that carry no loss (masked ones): they count in the baseline, a pair is drawn of others.
        """
        import torch

        rewards = torch.tensor(rewards_G)
        if drawn is not None:
            advantages = of_all_draws(rewards, drawn, leave_one_out=True).tolist()
        else:
            advantages = (rloo if self.advantage == "rloo" else z_score)(rewards).tolist()
        right = [index for index, reward in enumerate(rewards_G) if reward > 0]
        wrong = [index for index, reward in enumerate(rewards_G) if reward <= 0]
        if not self.positive_times_advantage:
            for index in right:
                advantages[index] = 1.0
        if self.negative_weight == "failure-rate":
            failed = len(wrong) / len(rewards_G) if drawn is None else 1 - drawn.correct / drawn.total
            for index in wrong:
                advantages[index] = -failed
        if self.negative_weight == "none":
            for index in wrong:
                advantages[index] = -1.0
        if self.keep == "none":
            return list(enumerate(advantages))
        if not right or not wrong:
            return []
        kept = [*right, *wrong]
        if self.keep == "one-pair":
            silent = {index for index, carries_none in enumerate(silent_G) if carries_none}
            sides = ([index for index in side if index not in silent] for side in (right, wrong))
            kept = [int(rng.choice(side)) for side in sides if side]
        return [(index, advantages[index]) for index in sorted(kept)]

    def terms(self, completions: Completions, totals: Totals) -> Terms:
        logprobs_BT, mask_BT = completions.logprobs_BT, completions.mask_BT
        per_token = self.normaliser == "tokens"
        positive = positive_loss(
            logprobs_BT,
            mask_BT & completions.positives_B[:, None],
            completions.advantages_B,
            totals.positive_tokens if per_token else totals.positive_rows,
            completions.positive_weights_BT,
        )
        negative = negative_loss(
            logprobs_BT,
            mask_BT & ~completions.positives_B[:, None],
            completions.advantages_B,
            totals.negative_tokens if per_token else totals.negative_rows,
            completions.negative_weights_BT,
        )
        terms = Terms({"positive": self.positive_factor * positive, "negative": self.negative_factor * negative})
        if self.kl_weight and completions.reference_logprobs_BT is not None:
            penalty_BT = kl_penalty(logprobs_BT, completions.reference_logprobs_BT, self.kl) * mask_BT
            terms.losses["kl"] = self.kl_weight * penalty_BT.sum() / max(totals.tokens if per_token else totals.rows, 1)
        return terms


def with_token_model(objective: Any, on_policy: bool, reward_model: Any) -> Any:
    """The objective with `token_model` settled: what "auto" means for what was given.

    Raises:
        WrongOption: a token model for an objective that has none, or one that is not trained and not given.
    """
    if not isinstance(objective, Oreal):
        if reward_model is not None:
            raise WrongOption("--reward-model weighs the tokens of --objective oreal: leave it out, or see --scores")
        return objective
    chosen = objective.token_model
    if chosen == "auto":
        chosen = "none" if reward_model is None else "trained" if on_policy else "fixed"
    if chosen == "none" and reward_model is not None:
        raise WrongOption("--token-model none reads no --reward-model: leave one of them out")
    if chosen == "fixed" and reward_model is None:
        raise WrongOption("--token-model fixed needs --reward-model (whet train-rm --method token)")
    return replace(objective, token_model=chosen)


def positive_loss(
    logprobs_BT: Tensor, mask_BT: Tensor, advantages_B: Tensor, total: int, weights_BT: Tensor | None = None
) -> Tensor:
    """sum over the masked tokens of A * w_t * (-ln p_t) / total. (Official code.)"""
    losses_BT = -logprobs_BT * advantages_B[:, None] * mask_BT
    return _weighted(losses_BT, weights_BT).sum() / max(total, 1)


def negative_loss(
    logprobs_BT: Tensor, mask_BT: Tensor, advantages_B: Tensor, total: int, weights_BT: Tensor | None = None
) -> Tensor:
    """-sum over the masked tokens of ratio_t * A * w_t / total; its slope is -A w_t / total. (Official code.)"""
    ratio_BT = (logprobs_BT - logprobs_BT.detach()).exp()
    return _weighted(-ratio_BT * advantages_B[:, None] * mask_BT, weights_BT).sum() / max(total, 1)


def _weighted(losses_BT: Tensor, weights_BT: Tensor | None) -> Tensor:
    return losses_BT if weights_BT is None else losses_BT * weights_BT
