"""What supplies the rows of each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .batching import Step, TrainingRow
from .groups import Group, Order, step_random, weigh
from .objectives import Objective
from .reward_mapping import Reward
from .spans import Span
from .step_returns import with_step_advantages

if TYPE_CHECKING:
    from .conditioned import ConditionedPrompts


class Source(Protocol):
    """Rows, step by step."""

    def open(self, step: int) -> None:
        """Start, or go on before a step."""
        ...

    def step(self, step: int, draw: int) -> Step[TrainingRow]:
        """The rows of a step.

        Args:
            step: counted over all trainings, from 0.
            draw: the draw of the data that it learns from.
        """
        ...


class FixedRollouts:
    """The groups of rollouts that were made before, in an order fixed by the seed; a `Source`."""

    def __init__(
        self, groups: Sequence[Group], objective: Objective, order: Order, seed: int, reward: Reward | None = None
    ) -> None:
        self._groups, self._objective, self._order, self._seed = groups, objective, order, seed
        self._reward = reward or Reward()

    def open(self, step: int) -> None:
        """Nothing is kept from step to step."""

    def step(self, step: int, draw: int) -> Step[TrainingRow]:
        groups = [self._groups[index] for index in self._order.of(draw)]
        groups, shown = with_step_advantages(groups, self._reward)
        chosen = weigh(groups, self._objective, step_random(self._seed, step))
        chosen.shown |= {**shown, "epoch": self._order.epochs(draw + 1)}
        return chosen


@dataclass(kw_only=True)
class Supply:
    """A source with what the training must know about it.

    Args:
        identity: digests of the data: a training that goes on with the same data goes on at its place in it.
        temperature: what the policy's logits are divided by.
        drawn_now: whether the policy being trained draws the rollouts itself.
        prompts: under principles, where the objective asks for them.
        facts: for the policy's manifest.
    """

    source: Source
    span: Span
    identity: list[str]
    temperature: float = 1.0
    drawn_now: bool = False
    prompts: ConditionedPrompts | None = None
    facts: dict[str, Any] = field(default_factory=dict)
