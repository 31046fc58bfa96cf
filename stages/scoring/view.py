"""Rows seen under one of their scores: what is known of them, and how numbers over them get intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .judged import Judged, Row

if TYPE_CHECKING:
    import numpy as np

    from ..metrics.estimate import Comparison, Estimate
    from ..metrics.intervals import Interval
    from ..metrics.measure import Measured
    from ..metrics.sums import Sums


def own_score(row: Row) -> float | None:
    return row.score


def other_score(row: Row) -> float | None:
    """That of --against."""
    return row.other


@dataclass(frozen=True)
class View:
    """Rows by group, and which score of theirs is looked at."""

    judged: Judged
    confidence: float
    resamples: int
    score_of: Callable[[Row], float | None] = own_score

    @cached_property
    def groups(self) -> list[list[Row]]:
        return list(self.judged.groups.values())

    @cached_property
    def known_groups(self) -> list[list[Row]]:
        """The rows of each group whose score and verdict are known."""
        return [[row for row in group if self.is_known(row)] for group in self.groups]

    @cached_property
    def known(self) -> list[Row]:
        """All rows whose score and verdict are known."""
        return [row for group in self.known_groups for row in group]

    @cached_property
    def mixed(self) -> list[list[Row]]:
        """Groups with a right and a wrong row, which are known: a ranking shows only there."""
        return [rows for rows in self.known_groups if len({row.right for row in rows}) == 2]

    @cached_property
    def has_lengths(self) -> bool:
        return all(row.length is not None for group in self.groups for row in group)

    def is_known(self, row: Row) -> bool:
        return self.score_of(row) is not None and row.verdict != "unknown"

    def arrays(self, rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
        """Scores, and which rows are right; both [N]."""
        import numpy as np

        return np.array([self.score_of(row) for row in rows], dtype=np.float64), np.array([row.right for row in rows])

    def estimate(self, measured: Sequence[Measured]) -> list[Estimate]:
        from ..metrics.estimate import estimate

        return estimate(measured, self.confidence, self.resamples)

    def compare(self, measured: Sequence[Measured], others: Sequence[Measured]) -> list[Comparison]:
        from ..metrics.estimate import compare

        return compare(measured, others, self.confidence, self.resamples)

    def sums(self, sums_P: np.ndarray) -> Sums:
        from ..metrics.sums import Sums

        return Sums(sums_P, self.confidence, self.resamples)

    def correlation(
        self, rows: Sequence[Row], one: Callable[[Row], float | None], other: Callable[[Row], float | None]
    ) -> Interval | None:
        """The correlation of two numbers of the rows inside problems; None where there is none."""
        import numpy as np

        from ..metrics.intervals import Interval, without_spread
        from ..metrics.reward_bench import correlation, products_of

        if not rows:
            return None
        problems = np.asarray([row.problem_id for row in rows])
        values = (np.asarray([value_of(row) for row in rows], float) for value_of in (one, other))
        sums = self.sums(products_of(problems, *values))
        value = float(correlation(sums.total))
        if value != value:
            return None
        ends = sums.ends(correlation) or without_spread(value, sums.problems, (-1.0, 1.0), self.confidence)
        return Interval(value, *ends)
