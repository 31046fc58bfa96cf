"""From the rows of a micro-batch to the terms of an objective: forward passes, and what they are compared to."""

# B rows, T completion tokens

from __future__ import annotations

from collections.abc import Sequence

import torch

from .batching import TrainingRow, pad_values
from .conditioned import ConditionedRewards
from .frozen import FrozenLogprobs
from .learner import Learner
from .mismatch import WITHIN
from .objectives import Completions, Objective, Terms, Totals
from .objectives.kl import kl_penalty
from .token_model import TokenModel


class PolicyLoss:
    """The loss of an objective for the policy that a learner trains.

    Args:
        temperature: logits are divided by it.
        reference: of the model that the penalty refers to; None where the objective has none.
        old: of the model that ratios are taken to; None takes the sampler's record, else the policy as it is.
        teacher: of the model that the policy is to come near; None takes what the rows hold.
        token_rewards: rewards of tokens, for objectives that take them.
        token_model: weighs the tokens, for objectives that take weights.
        recorded: whether the sampler's record is the denominator of ratios.
    """

    def __init__(
        self,
        learner: Learner,
        objective: Objective,
        *,
        temperature: float = 1.0,
        reference: FrozenLogprobs | None = None,
        old: FrozenLogprobs | None = None,
        teacher: FrozenLogprobs | None = None,
        token_rewards: ConditionedRewards | None = None,
        token_model: TokenModel | None = None,
        recorded: bool = True,
    ) -> None:
        self.learner, self.objective, self.temperature = learner, objective, temperature
        self._reference, self._old, self._recorded = reference, old, recorded
        self._teacher, self._token_rewards, self._token_model = teacher, token_rewards, token_model

    def __call__(self, rows: Sequence[TrainingRow], totals: Totals) -> Terms:
        device = self.learner.device
        padded = self.learner.arrange(rows)
        logprobs_BT, entropies_BT = self.learner.measures(padded, self.temperature)
        records = [row.sampled_logprobs for row in rows if row.sampled_logprobs is not None]
        sampled_BT = None
        if len(records) == len(rows):
            sampled_BT = pad_values(records, logprobs_BT.shape[1], device) * padded.mask_BT
        old_BT = self._frozen(self._old, rows, logprobs_BT)
        kept = [row.old_logprobs for row in rows if row.old_logprobs is not None]
        # Where one draw serves several updates, the sampler is held against the policy that drew, not a later one.
        drawing_BT = logprobs_BT.detach()
        if kept and len(kept) == len(rows):
            drawing_BT = old_BT = pad_values(kept, logprobs_BT.shape[1], device) * padded.mask_BT
        if old_BT is None and self._recorded:
            old_BT = sampled_BT
        reference_BT = self._frozen(self._reference, rows, logprobs_BT)
        teacher_BT = self._frozen(self._teacher, rows, logprobs_BT)
        scored = [row.teacher_logprobs for row in rows if row.teacher_logprobs is not None]
        if teacher_BT is None and len(scored) == len(rows):
            teacher_BT = pad_values(scored, logprobs_BT.shape[1], device) * padded.mask_BT
        weighed = None if self._token_model is None else self._token_model.read(rows, totals)
        units = [row.unit for row in rows if row.unit is not None]
        steps = [row.step_advantages for row in rows if row.step_advantages is not None]
        terms = self.objective.terms(
            Completions(
                logprobs_BT=logprobs_BT,
                mask_BT=padded.mask_BT,
                advantages_B=torch.tensor([row.advantage for row in rows], device=device),
                positives_B=torch.tensor([row.reward > 0 for row in rows], device=device),
                step_advantages_BT=pad_values(steps, logprobs_BT.shape[1], device) if len(steps) == len(rows) else None,
                old_logprobs_BT=old_BT,
                sampled_logprobs_BT=sampled_BT,
                reference_logprobs_BT=reference_BT,
                teacher_logprobs_BT=teacher_BT,
                token_rewards_BT=self._frozen(self._token_rewards, rows, logprobs_BT),
                units_B=torch.tensor(units, device=device) if len(units) == len(rows) else None,
                entropies_BT=entropies_BT,
                positive_weights_BT=None if weighed is None else weighed.positive_BT,
                negative_weights_BT=None if weighed is None else weighed.negative_BT,
            ),
            totals,
        )
        if weighed is not None:
            terms.beside = weighed.loss
            terms.shown |= weighed.shown
            terms.means |= weighed.means
        terms.shown["logprob"] = logprobs_BT.detach().sum()
        terms.shown["entropy"] = entropies_BT.detach().sum()
        if sampled_BT is not None and self.objective.at_sampling_temperature:
            terms.shown |= mismatch_sums(drawing_BT, sampled_BT, padded.mask_BT)
        if reference_BT is not None:
            # One measure whatever the form of the objective's own penalty.
            terms.shown["kl"] = kl_penalty(logprobs_BT.detach(), reference_BT, "forward").sum()
        return terms

    def prepare(self, rows: Sequence[TrainingRow]) -> None:
        """Compute what models that are not trained say of a step's rows, before its micro-batches are cut."""
        for frozen in (self._old, self._reference, self._teacher, self._token_rewards):
            if frozen is not None:
                frozen.prepare(rows)

    def _frozen(
        self, frozen: FrozenLogprobs | ConditionedRewards | None, rows: Sequence[TrainingRow], logprobs_BT: torch.Tensor
    ) -> torch.Tensor | None:
        return None if frozen is None else frozen.of(rows, logprobs_BT.shape[1], logprobs_BT.device)


def mismatch_sums(
    logprobs_BT: torch.Tensor, sampled_BT: torch.Tensor, mask_BT: torch.Tensor
) -> dict[str, torch.Tensor]:
    """How far the trainer's log-probabilities are from the sampler's record: sums over the trained tokens, by name.

    With w = exp(trainer - sampler): |ln w|, w, w^2 and whether w is outside [0.9, 1.1]. (mean w)^2 / mean w^2 is the
    effective share of the tokens.
    """
    difference_BT = (logprobs_BT - sampled_BT) * mask_BT
    ratio_BT = difference_BT.exp()
    outside_BT = (ratio_BT < WITHIN[0]) | (ratio_BT > WITHIN[1])
    ratio = "sampling/importance_sampling_ratio"
    return {
        "sampling/sampling_logp_difference/mean": difference_BT.abs().sum(),
        f"{ratio}/mean": (ratio_BT * mask_BT).sum(),
        f"{ratio}/mean_square": (ratio_BT.square() * mask_BT).sum(),
        f"{ratio}/outside": (outside_BT & mask_BT).sum(),
    }
