"""Groups of rollouts, from their rewards to the rows of an optimiser step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import stdev
from typing import TYPE_CHECKING, Any

from .batching import Step, TrainingRow
from .objectives import AllDraws, Objective, Totals
from .spans import START, Place, units_before

if TYPE_CHECKING:
    import numpy as np


@dataclass(slots=True)
class Group:
    """The rollouts of one problem by one policy, without those whose verdict is unknown."""

    rows: list[TrainingRow] = field(default_factory=list)
    unknown: int = 0
    others: list[TrainingRow] = field(default_factory=list)
    """Rollouts drawn now that have no reward: nothing is learnt from them, they count in what is logged of lengths"""

    drawn: AllDraws | None = None
    """What the rows were chosen from by their verdicts, where they were"""

    @property
    def has_baseline(self) -> bool:
        return len(self.rows) >= 2 or (self.drawn is not None and bool(self.rows))


def weigh(groups: Sequence[Group], objective: Objective, rng: np.random.Generator) -> Step[TrainingRow]:
    """Choose the rows of a step, with their advantages, totals and what is logged about them.

    A group with fewer than two rollouts of known verdict is dead: it has no baseline, unless its rows were chosen from
    more draws. Rows that cannot move anything (no advantage, no penalty, no bonus) are counted in the totals but not
    computed.
    """
    rows: list[TrainingRow] = []
    dead = uniform = 0
    for group in groups:
        rewards = [row.reward for row in group.rows]
        if objective.in_groups and not group.has_baseline:
            dead += 1
            continue
        uniform += len(set(rewards)) == 1
        # An objective that chooses among rollouts is told which carry no loss.
        silent: Any = {"silent_G": [not row.trained_tokens for row in group.rows]} if objective.chooses else {}
        weighed = objective.weigh(rewards, rng, group.drawn, **silent)
        rows += [replace(group.rows[i], advantage=advantage) for i, advantage in weighed]
    known = [row for group in groups for row in group.rows]
    others = [row for group in groups for row in group.others]
    shown: dict[str, float] = {"rollouts": len(known), "kept": len(rows)}
    if known or others:
        shown |= _lengths([*known, *others])
    if objective.needs_verdicts and known:
        shown |= _rewards([row.reward for row in known])
        shown["pass_rate"] = sum(bool(row.correct) for row in known) / len(known)
    if objective.in_groups:
        unknown = sum(group.unknown for group in groups)
        shown |= {"groups": len(groups), "dead_groups": dead, "unknown": unknown}
        shown["frac_reward_zero_std"] = uniform / max(1, len(groups) - dead)
    totals = totals_of(rows)
    shown["effective_rows"] = sum(row.has_advantage and row.trained_tokens > 0 for row in rows)
    if not objective.needs_all_rows:
        rows = [row for row in rows if row.has_advantage]

    return Step(rows=[row for row in rows if row.trained_tokens], totals=totals, shown=shown)


def _lengths(rows: Sequence[TrainingRow]) -> dict[str, float]:
    """Lengths of completions in tokens, and the share that was cut off; the names are those of TRL."""
    lengths = [len(row.token_ids) for row in rows]
    return {
        "completions/mean_length": sum(lengths) / len(lengths),
        "completions/min_length": min(lengths),
        "completions/max_length": max(lengths),
        "completions/clipped_ratio": sum(row.truncated for row in rows) / len(rows),
    }


def _rewards(rewards: Sequence[float]) -> dict[str, float]:
    """Mean and standard deviation (with the n - 1 denominator, 0 for a single one) over all rollouts of the step."""
    return {"reward": sum(rewards) / len(rewards), "reward_std": stdev(rewards) if len(rewards) > 1 else 0.0}


def step_random(seed: int, step: int) -> np.random.Generator:
    """The random numbers of a step's choices: the same after a resume, others than the order's."""
    import numpy as np

    return np.random.default_rng([seed, 1, step])


def totals_of(rows: Iterable[TrainingRow]) -> Totals:
    """What the rows count; the normalisers of every loss."""
    counts = [(row.trained_tokens, row.reward > 0) for row in rows]
    right = [tokens for tokens, positive in counts if positive]
    wrong = [tokens for tokens, positive in counts if not positive]
    return Totals(
        rows=len(counts),
        tokens=sum(right) + sum(wrong),
        positive_rows=len(right),
        negative_rows=len(wrong),
        positive_tokens=sum(right),
        negative_tokens=sum(wrong),
        learnt_negative_rows=sum(tokens > 0 for tokens in wrong),
    )


class Order:
    """Which units a draw takes: every epoch in another order, one epoch after the other, fixed by the seed.

    Args:
        units: how many there are.
        per_draw: how many a draw takes.
        total: where the last epoch ends; the last draw may be short. None goes on for ever.
        place: the draws and units that earlier trainings took.
    """

    def __init__(self, units: int, per_draw: int, seed: int, total: int | None = None, place: Place = START) -> None:
        self.units, self.per_draw, self.seed, self.total, self.place = units, per_draw, seed, total, place
        self._epoch, self._permutation = -1, None

    def of(self, draw: int) -> Iterator[int]:
        """The units of a draw."""
        for unit in range(self._before(draw), self._before(draw + 1)):
            yield int(self._order(unit // self.units)[unit % self.units])

    def epochs(self, draws: int) -> float:
        """How many passes over the units so many draws are, those of earlier trainings included."""
        return round(self._before(draws) / self.units, 6)

    def _before(self, draw: int) -> int:
        return units_before(draw, self.per_draw, self.total, self.place)

    def _order(self, epoch: int) -> np.ndarray:
        import numpy as np

        if epoch != self._epoch or self._permutation is None:
            self._epoch = epoch
            self._permutation = np.random.default_rng([self.seed, 0, epoch]).permutation(self.units)
        return self._permutation
