"""What supplies the rows of each step, and which steps a run takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from .batching import Step, TrainingRow
from .groups import Group, Order, step_random, weigh
from .objectives import Objective
from .reward_mapping import Reward
from .step_returns import with_step_advantages

if TYPE_CHECKING:
    from .conditioned import ConditionedPrompts


class Source(Protocol):
    """Rows, step by step."""

    def open(self, step: int) -> None:
        """Start, or go on before a step."""
        ...

    def step(self, step: int, place: int) -> Step[TrainingRow]:
        """The rows of a step.

        Args:
            step: counted over all trainings, from 0.
            place: the step in the order of the data.
        """
        ...


@dataclass(frozen=True)
class Span:
    """The steps of a run.

    Args:
        first: the step at which the data began; earlier trainings may have taken some of it.
        until: the step at which the run ends.
        total: units from `first` to the end; None where steps are counted and not epochs.
    """

    first: int
    until: int
    total: int | None


def span_of(
    start: int, first: int, units: int, per_step: int, steps: int | None, epochs: float | None, updates: int = 1
) -> Span:
    """The steps of a run that starts at `start`, in data that began at `first`.

    Args:
        units: groups, rows or problems of one epoch.
        per_step: units that are taken at a time.
        steps: how many steps; None to go by epochs, whose last step may be short.
        updates: steps that learn from what was taken at a time.
    """
    if steps is not None:
        return Span(first, start + steps, None)
    wanted = max(1, round(units * (epochs or 1.0)))
    return Span(first, start + updates * ceil(wanted / per_step), (start - first) // updates * per_step + wanted)


class FixedRollouts:
    """The groups of rollouts that were made before, in an order fixed by the seed; a `Source`."""

    def __init__(
        self, groups: Sequence[Group], objective: Objective, order: Order, seed: int, reward: Reward | None = None
    ) -> None:
        self._groups, self._objective, self._order, self._seed = groups, objective, order, seed
        self._reward = reward or Reward()

    def open(self, step: int) -> None:
        """Nothing is kept from step to step."""

    def step(self, step: int, place: int) -> Step[TrainingRow]:
        groups = [self._groups[index] for index in self._order.of(place)]
        groups, shown = with_step_advantages(groups, self._reward)
        chosen = weigh(groups, self._objective, step_random(self._seed, step))
        chosen.shown |= {**shown, "epoch": self._order.epochs(place + 1)}
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
