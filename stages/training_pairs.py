"""Pairs as the rows of optimiser steps."""

from __future__ import annotations

from collections.abc import Sequence

from .batching import Step, TrainingRow
from .groups import Order, totals_of
from .pairs import Pair


class FixedPairs:
    """Pairs that were made before, in an order fixed by the seed; a `Source`. A pair is two rows of one unit."""

    def __init__(self, pairs: Sequence[Pair], order: Order) -> None:
        self._pairs, self._order = pairs, order

    def open(self, step: int) -> None:
        """Nothing is kept from step to step."""

    def step(self, step: int, draw: int) -> Step[TrainingRow]:
        chosen = [self._pairs[index] for index in self._order.of(draw)]
        rows = [row for unit, pair in enumerate(chosen) for row in pair.rows(unit)]
        lengths = [len(row.token_ids) for row in rows]
        shown: dict[str, float] = {"pairs": len(chosen), "epoch": self._order.epochs(draw + 1)}
        if rows:
            shown["completions/mean_length"] = sum(lengths) / len(lengths)
            shown["completions/clipped_ratio"] = sum(row.truncated for row in rows) / len(rows)
        return Step(rows=rows, totals=totals_of(rows), shown=shown)
