"""Which models a policy's training holds beside the trained one, told from options and inputs alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from .objectives.inverse_q import InverseQ

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions
    from .training_inputs import TrainingInputs

Held = Literal["none", "base", "copy"]
"""base: the trained model with its adapters turned off, which takes no memory; copy: a whole model."""


class FrozenModels(NamedTuple):
    """How each is held."""

    reference: Held
    old: Held
    teacher: Held

    @property
    def copies(self) -> int:
        """Whole models."""
        return sum(held == "copy" for held in self)


def frozen_models(options: TrainPolicyOptions, inputs: TrainingInputs) -> FrozenModels:
    """What the loss needs.

    The old policy is held where ratios of given rollouts are taken to what the trainer computes itself.
    """
    objective, adapted = options.objective, bool(options.lora.rank)
    reference = old = teacher = "none"
    if objective.needs_reference:
        own = adapted and inputs.reference is None and not isinstance(objective, InverseQ)
        reference = "base" if own else "copy"
    if objective.uses_ratios and getattr(objective, "old", "recorded") != "recorded" and not inputs.on_policy:
        old = "base" if adapted else "copy"
    if inputs.teacher_policy is not None:
        teacher = "copy"
    return FrozenModels(reference, old, teacher)
