"""The options of the optimiser, shared by the stages that train, and the learning rate they give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, pi
from typing import Annotated, Literal

from .options import Runtime, expect

LEARNING_RATE = 1e-6
"""Where neither the user nor what is trained asks for another."""


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """How weights are updated: AdamW on float32 weights and moments, whatever the precision of the computation."""

    learning_rate: float | None = None
    """Highest learning rate, reached after the warm-up (default: that of the objective or method, else 1e-6)"""

    schedule: Literal["constant", "cosine", "linear"] = "constant"
    """How the learning rate goes on after the warm-up"""

    floor_ratio: float = 0.1
    """Where cosine and linear end, as a share of the learning rate"""

    warmup_steps: int = 0
    """Steps of linear warm-up"""

    schedule_steps: int | None = None
    """The step where the schedule ends, for a loop of short trainings (default: the last step of this run)"""

    weight_decay: float = 0.01
    """Decoupled weight decay of matrices; vectors (norms, biases) are not decayed"""

    beta1: float = 0.9
    """Memory of the first moment"""

    beta2: float = 0.999
    """Memory of the second moment"""

    epsilon: float = 1e-8
    """Added to the root of the second moment"""

    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm; 0: never"""

    skip_grad_norm: float = 0.0
    """A step whose gradients have a norm above this is skipped and counted; 0: never"""

    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Precision of the computation; auto: bfloat16 where the machine has it; float16 scales the loss"""

    gradient_checkpointing: Annotated[bool, Runtime] = False
    """Keep few activations and compute the others again in the backward pass: less memory, a third more time"""

    def __post_init__(self) -> None:
        checks = (
            ("--learning-rate", self.learning_rate, (self.learning_rate or 0) >= 0, "0 or a positive number"),
            ("--floor-ratio", self.floor_ratio, 0 <= self.floor_ratio <= 1, "a share from 0 to 1"),
            ("--warmup-steps", self.warmup_steps, self.warmup_steps >= 0, "0 or a positive number"),
            ("--schedule-steps", self.schedule_steps, (self.schedule_steps or 1) >= 1, "at least 1"),
            ("--weight-decay", self.weight_decay, self.weight_decay >= 0, "0 or a positive number"),
            ("--beta1", self.beta1, 0 <= self.beta1 < 1, "a number from 0 up to below 1"),
            ("--beta2", self.beta2, 0 <= self.beta2 < 1, "a number from 0 up to below 1"),
            ("--epsilon", self.epsilon, self.epsilon > 0, "a positive number"),
            ("--skip-grad-norm", self.skip_grad_norm, self.skip_grad_norm >= 0, "0 (never) or a positive number"),
            ("--max-grad-norm", self.max_grad_norm, self.max_grad_norm >= 0, "0 (never) or a positive number"),
        )
        expect(checks)

    @property
    def peak(self) -> float:
        """The learning rate, also where nobody has chosen one."""
        return LEARNING_RATE if self.learning_rate is None else self.learning_rate

    def settled(self, own: float | None = None) -> Optimization:
        """With the learning rate and the precision filled in.

        Args:
            own: the learning rate of what is trained, where the user asks for none.
        """
        from .models import resolve_precision

        rate = self.peak if self.learning_rate is not None or own is None else own
        return replace(self, learning_rate=rate, precision=resolve_precision(self.precision))


def learning_rate_at(step: int, last: int, optimization: Optimization) -> float:
    """The learning rate of a step, both counted from 0.

    Warm-up: peak * (step + 1) / warmup_steps. Then from the peak at the first step after it to floor_ratio * peak at
    `last`: linearly, or along (1 + cos(pi t)) / 2. It stays at the floor beyond.
    """
    peak, warmup = optimization.peak, optimization.warmup_steps
    if step < warmup:
        return peak * (step + 1) / warmup
    if optimization.schedule == "constant":
        return peak
    along = min(1.0, (step - warmup) / max(1, last - warmup))
    share = 1 - along if optimization.schedule == "linear" else (1 + cos(pi * along)) / 2
    return peak * (optimization.floor_ratio + (1 - optimization.floor_ratio) * share)
