"""What one draw of an on-policy training gives: groups, cut into the mini-batches of its updates.

Every update learns from whole groups, so that advantages and totals are those of groups that are all there. In a
further pass the groups come in another order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..artifacts import Failed
from ..artifacts.files import temporary_name
from .batching import Step, TrainingRow
from .groups import Group, step_random, weigh
from .objectives import Objective
from .options import expect

if TYPE_CHECKING:
    import numpy as np

    from .learner import Learner

OldLogprobs = Callable[[Sequence[TrainingRow]], "list[np.ndarray]"]
"""ln p of the tokens of rows under the policy as it is; one array a row, as long as its completion."""


def logprobs_of(learner: Learner, temperature: float, batch_tokens: int) -> OldLogprobs:
    """Log-probabilities of rows under a learner as it is.

    Args:
        batch_tokens: tokens of one forward pass at most.
    """
    import torch

    from .batching import micro_batches, pad
    from .models import without_dropout

    def compute(rows: Sequence[TrainingRow]) -> list[np.ndarray]:
        found: list[np.ndarray] = [row.token_ids for row in rows]
        for indices in micro_batches([row.length for row in rows], batch_tokens):
            with torch.no_grad(), without_dropout(learner.model):
                batch = pad([rows[index] for index in indices], learner.device)
                values_BT = learner.logprobs(batch, temperature).float().cpu().numpy()
            for place, index in enumerate(indices):
                found[index] = values_BT[place, : len(rows[index].token_ids)].copy()
        return found

    return compute


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """How often drawn rollouts are learned from, with --problems."""

    updates_per_draw: int = 1
    """Optimiser steps from the rollouts of one draw; every step learns from --groups-per-step of its groups"""

    passes_per_draw: int = 1
    """How often each group of a draw is learned from; a draw takes --groups-per-step * updates / passes problems"""

    def __post_init__(self) -> None:
        updates, passes = self.updates_per_draw, self.passes_per_draw
        expect(
            (
                ("--updates-per-draw", updates, updates >= 1, "at least 1"),
                (
                    "--passes-per-draw",
                    passes,
                    passes >= 1 and updates % passes == 0,
                    f"a divisor of --updates-per-draw ({updates})",
                ),
            )
        )

    def groups_per_draw(self, groups_per_step: int) -> int:
        return groups_per_step * (self.updates_per_draw // self.passes_per_draw)


def teaches(group: Group, objective: Objective) -> bool:
    """Whether the objective finds something in the group: a row with an advantage and a token that carries loss."""
    step = weigh([group], objective, step_random(0, 0))
    return any(row.advantage for row in step.rows)


def refilled(groups: Sequence[Group], objective: Objective, wanted: int) -> list[Group]:
    """As many groups as wanted, in the order drawn: those that teach something first of all, then others."""
    ranked = sorted(range(len(groups)), key=lambda index: (not teaches(groups[index], objective), index))
    return [groups[index] for index in sorted(ranked[:wanted])]


@dataclass
class DrawnGroups:
    """The groups of a draw, and what the log says of it.

    Args:
        step: the optimiser step that drew them.
    """

    groups: list[Group]
    step: int
    shown: dict[str, float] = field(default_factory=dict)

    def update(self, number: int, reuse: Reuse, objective: Objective, seed: int) -> Step[TrainingRow]:
        """What the update of this number, from 0, learns from.

        `staleness` is how many updates the policy is away from the one that drew; `left_out`, how many rollouts have
        no reward: their verdict is unknown, or one that the objective gives none.
        """
        import numpy as np

        each = reuse.updates_per_draw // reuse.passes_per_draw
        pass_, part = divmod(number, each)
        order = np.arange(len(self.groups))
        if pass_:
            order = np.random.default_rng([seed, 4, self.step, pass_]).permutation(order)
        chosen = [self.groups[index] for index in np.array_split(order, each)[part]]
        step = weigh(chosen, objective, step_random(seed, self.step + number))
        step.shown["staleness"] = number
        if objective.needs_verdicts and not objective.in_groups:
            step.shown["left_out"] = sum(group.unknown for group in chosen)
        return step

    def compute_old(self, logprobs: OldLogprobs) -> None:
        """Give every row that carries loss the log-probabilities of the policy as it is, before the first update."""
        rows = [row for group in self.groups for row in group.rows if row.trained_tokens]
        self._give_old({row.rollout_id: values for row, values in zip(rows, logprobs(rows), strict=True)})

    def save_old(self, file: Path) -> None:
        """Keep them for a run that goes on in the middle of the draw."""
        from safetensors.numpy import save_file

        rows = [row for group in self.groups for row in group.rows]
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = temporary_name(file)
        save_file({row.rollout_id: row.old_logprobs for row in rows if row.old_logprobs is not None}, unfinished)
        os.replace(unfinished, file)

    def load_old(self, file: Path) -> None:
        """Give the rows what was kept.

        Raises:
            Failed: it is gone.
        """
        from safetensors.numpy import load_file

        if not file.exists():
            raise Failed(
                f"{file} is gone, which holds the log-probabilities that the updates of step {self.step + 1} need: "
                "remove the draft of the policy and train again"
            )
        self._give_old(load_file(file))

    def _give_old(self, found: dict[str, np.ndarray]) -> None:
        for group in self.groups:
            group.rows = [replace(row, old_logprobs=found.get(row.rollout_id)) for row in group.rows]
