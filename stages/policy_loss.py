"""From the rows of a micro-batch to the terms of an objective: forward passes of policy, reference and old policy."""

# B rows, T completion tokens

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .batching import TrainingRow, pad, pad_values
from .learner import Learner
from .objectives import Completions, Objective, Terms, Totals
from .token_logprobs import completion_logprobs


class PolicyLoss:
    """The loss of an objective for the policy that a learner trains.

    Args:
        temperature: logits are divided by it, in every model alike.
        reference: the model that the penalty refers to; None where the objective has none.
        old: the model that ratios are taken to; None takes the sampler's record, else the policy as it is.
        recorded: whether the sampler's record is the denominator of ratios.
    """

    def __init__(
        self,
        learner: Learner,
        objective: Objective,
        *,
        temperature: float = 1.0,
        reference: Any = None,
        old: Any = None,
        recorded: bool = True,
    ) -> None:
        self.learner, self.objective, self.temperature = learner, objective, temperature
        self._reference, self._old, self._recorded = reference, old, recorded

    def __call__(self, rows: Sequence[TrainingRow], totals: Totals) -> Terms:
        device = self.learner.device
        padded = pad(rows, device)
        logprobs_BT = self.learner.logprobs(padded, self.temperature)
        records = [row.sampled_logprobs for row in rows if row.sampled_logprobs is not None]
        sampled_BT = None
        if len(records) == len(rows):
            sampled_BT = pad_values(records, logprobs_BT.shape[1], device) * padded.mask_BT
        old_BT = self._frozen(self._old, padded)
        if old_BT is None and self._recorded:
            old_BT = sampled_BT
        terms = self.objective.terms(
            Completions(
                logprobs_BT=logprobs_BT,
                mask_BT=padded.mask_BT,
                advantages_B=torch.tensor([row.advantage for row in rows], device=device),
                positives_B=torch.tensor([row.reward > 0 for row in rows], device=device),
                old_logprobs_BT=old_BT,
                reference_logprobs_BT=self._frozen(self._reference, padded),
            ),
            totals,
        )
        terms.shown["logprob"] = logprobs_BT.detach().sum()
        if sampled_BT is not None and self.objective.at_sampling_temperature:
            terms.shown["mismatch"] = (logprobs_BT.detach() - sampled_BT).abs().sum()
        return terms

    def _frozen(self, model: Any, padded: Any) -> torch.Tensor | None:
        """Log-probabilities under a model that is not trained."""
        if model is None:
            return None
        with torch.no_grad():
            return completion_logprobs(model, padded, self.temperature, self.learner.precision)
