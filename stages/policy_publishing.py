"""The folders that come out of a policy's training: the policy, those published on the way, the token model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .checkpoints import Progress
from .options import variant_name
from .policy_folder import write_policy
from .policy_models import PolicyModels
from .stepwise_publishing import StepwisePublishing, publish_once
from .token_model import JointLearner, write_token_model
from .training_inputs import TrainingOutputs


class PolicyPublishing:
    """What one training publishes.

    `stepwise` publishes the policy as it is.

    Args:
        until: the step at which it ends.
    """

    def __init__(self, models: PolicyModels, outs: TrainingOutputs, until: int) -> None:
        self._models, self._outs = models, outs
        self._options, self._learner = models.options, models.learner
        policy = models.policy
        self._tokenizer = {"tokenizer_digest": policy.tokenizer_digest}
        self._digests = self._tokenizer | {"chat_template_digest": policy.chat_template_digest}
        self.stepwise = StepwisePublishing(
            outs.out, models.options.saving.save_every, first=models.start.step, until=until, write=self._write
        )

    def _write(self, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
        options = self._options
        dtype = options.saving.save_dtype
        write_policy(folder, self._learner, self._models.folder, dtype, progress, options.lora)
        return self._tokenizer

    def token_model(self, progress: Progress) -> None:
        """Publish the token model that was trained beside the policy, before the policy."""
        if not isinstance(self._learner, JointLearner):
            return
        given = self._outs.reward_model
        draft = given or self._outs.out.sibling("reward-model", "reward-model")
        if draft.leads:
            write_token_model(draft.folder, self._learner, self._models.policy, self._options.saving.save_dtype)
            draft.facts |= self._digests
            draft.facts |= {"method": "token", "steps": progress.step, "trained_tokens": progress.tokens}
            if given is None:
                publish_once(draft)

    def policy(self, progress: Progress, facts: dict[str, Any]) -> None:
        """Write the policy; whoever runs the training publishes it, last."""
        out, options = self._outs.out, self._options
        self._write(out.folder, progress)
        out.facts |= {
            "objective": variant_name(type(options.objective)),
            "steps": progress.step,
            "updates": progress.updates,
            "trained_tokens": progress.tokens,
            **self._digests,
            **facts,
        }
