"""The models of a policy's training: the one that is trained, and those beside it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..artifacts import WrongOption
from .checkpoints import TRAINER, Progress, read_state
from .conditioned import ConditionedRewards
from .distribution import present
from .distribution.sharding import whole
from .frozen import PASSES, FrozenLogprobs
from .frozen_models import frozen_models
from .learner import Learner
from .lora import add_adapters, without_adapters
from .models import best_device, folder_of, load_policy
from .objectives.inverse_q import InverseQ
from .objectives.oreal import Oreal
from .policy_loss import PolicyLoss
from .rewards.loading import load_headed
from .supply import Supply
from .teachers import check_teacher
from .token_model import JointLearner, TokenModel, check_token_model
from .training_inputs import TrainingInputs

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions


class PolicyModels:
    """The policy in training, and what its loss needs beside it.

    `start` is the progress of the training that this one continues; an empty one where there is none.

    Args:
        options: resolved.
        steps_done: steps that are done; asked for in training alone.
    """

    def __init__(self, inputs: TrainingInputs, options: TrainPolicyOptions, steps_done: Callable[[], int]) -> None:
        self.inputs, self.options = inputs, options
        self.policy, self.folder = inputs.policy, folder_of(inputs.policy)
        if inputs.teacher_policy is not None:
            check_teacher(self.policy, inputs.teacher_policy)
        torch.manual_seed(options.loop.seed)
        model = load_policy(inputs.continue_from or self.policy, dtype="float32")
        if options.lora.rank:
            add_adapters(model, options.lora)
        self._token_model: TokenModel | None = None
        self.learner = self._learner(model, steps_done)
        self.start = Progress()
        torch.manual_seed(options.loop.seed)
        if inputs.continue_from is not None:
            self.start = read_state(folder_of(inputs.continue_from) / TRAINER, self.learner)
            self._refuse_fresh_token_model(folder_of(inputs.continue_from) / TRAINER)
        self._random = torch.get_rng_state()

    def _learner(self, model: Any, steps_done: Callable[[], int]) -> Learner:
        """What trains the policy; with a token model beside it where the objective trains one."""
        objective, optimization, device = self.options.objective, self.options.optimization, best_device()
        if not isinstance(objective, Oreal) or objective.token_model == "none":
            return Learner(model, optimization, device)
        if present().share:
            raise WrongOption("--shard spreads one model over processes, and a token model is a second: leave it out")
        reward_model = self.inputs.reward_model
        if reward_model is not None:
            check_token_model(reward_model, self.policy)
        headed = load_headed(reward_model or self.policy, "token", device=device)
        trained = objective.token_model == "trained"
        if not trained:
            learner = Learner(model, optimization, device)
        else:
            learner = JointLearner(
                model,
                optimization,
                device,
                beside=headed,
                learning_rate=objective.token_model_learning_rate,
                frozen=lambda: steps_done() < objective.freeze_steps,
            )
        self._token_model = TokenModel(objective, headed, trained=trained, precision=learner.precision)
        return learner

    def _refuse_fresh_token_model(self, trainer: Path) -> None:
        """Refuse a token model that begins anew with the moments of one that was trained.

        Raises:
            WrongOption: the one that they belong to is not given, and its weights are not in `trainer`.
        """
        learner = self.learner
        if (
            not isinstance(learner, JointLearner)
            or self.inputs.reward_model is not None
            or any(trainer.glob("weights*"))
        ):
            return
        if learner.beside_has_moments:
            raise WrongOption(
                "--continue-from goes on with the moments of the token model that was trained beside that policy, and "
                "it is not given: --reward-model with what the same run published (OUT-reward-model)"
            )

    @property
    def pass_tokens(self) -> int:
        """Tokens of a micro-batch on this device."""
        return self.options.loop.pass_tokens(self.learner.device.type)

    def refuse_sharded(self, flag: str) -> None:
        """Refuse what draws rollouts where no process has the whole policy."""
        if self.learner.sharded:
            raise WrongOption(
                f"{flag} draws rollouts with the whole policy, and --shard spreads it over processes: leave it out, "
                "or draw with whet sample and train on --rollouts"
            )

    def restore_random(self) -> None:
        """Set the random numbers as they were when the policy was loaded: loading other models may have drawn some."""
        torch.set_rng_state(self._random)

    def loss(self, supply: Supply) -> PolicyLoss:
        """The loss, with the models beside the trained one; they are made before a checkpoint changes that one."""
        objective, reference = self.options.objective, self.inputs.reference
        recorded = getattr(objective, "old", "recorded") == "recorded"
        held = frozen_models(self.options, self.inputs)
        old = None
        if held.old != "none":
            old = self._base(supply) if held.old == "base" else self._frozen(self._copy(), supply)
        other: Any = None
        if held.reference == "copy":
            other = load_policy(reference or self.policy, dtype="float32", device=str(self.learner.device))
        teacher: Any = None
        if self.inputs.teacher_policy is not None:
            teacher = load_policy(self.inputs.teacher_policy, dtype="float32", device=str(self.learner.device))
        return PolicyLoss(
            self.learner,
            objective,
            temperature=supply.temperature,
            reference=self._base(supply) if held.reference == "base" else self._frozen(other, supply),
            old=old,
            teacher=self._frozen(teacher, supply),
            token_rewards=self._conditioned(other, supply),
            token_model=self._token_model,
            recorded=recorded,
        )

    def _copy(self) -> Any:
        """A whole copy of the policy as it is, which no update changes."""
        if not self.learner.sharded:
            return deepcopy(self.learner.model).eval()
        source = self.inputs.continue_from or self.policy
        copy = load_policy(source, dtype="float32", device=str(self.learner.device))
        with torch.no_grad():
            for name, weight in self.learner.model.named_parameters():
                copy.get_parameter(name).copy_(whole(weight))
        return copy

    def _base(self, supply: Supply) -> FrozenLogprobs | None:
        """The policy that an adapter is trained on."""
        return self._frozen(self.learner.model, supply, partial(without_adapters, self.learner.model))

    def _frozen(
        self, model: Any, supply: Supply, inside: Callable[[], AbstractContextManager[Any]] | None = None
    ) -> FrozenLogprobs | None:
        """A model that is not trained; what it says of fixed rollouts is kept over the epochs."""
        if model is None:
            return None
        return FrozenLogprobs(
            model,
            temperature=supply.temperature,
            precision=self.learner.precision,
            batch_tokens=PASSES * self.pass_tokens,
            keep=not supply.drawn_now,
            inside=inside,
        )

    def _conditioned(self, model: Any, supply: Supply) -> ConditionedRewards | None:
        """The reference under principles, where the objective asks for it."""
        objective = self.options.objective
        if supply.prompts is None or not isinstance(objective, InverseQ):
            return None
        return ConditionedRewards(
            model,
            objective,
            supply.prompts,
            temperature=supply.temperature,
            precision=self.learner.precision,
            batch_tokens=self.pass_tokens,
            keep=not supply.drawn_now,
            add_up=self.learner.processes.sum,
        )
