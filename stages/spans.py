"""Which steps a run takes, and where they stand in the data.

span = span_of(start.step, 1000, 64, steps=None, epochs=2.0, before=span_before(start, identity, 1000))
order = Order(1000, 64, seed, span.total, span.place)

A draw is what is taken from the data at a time: the units of one step, or of the several that learn from one draw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .checkpoints import Progress


class Place(NamedTuple):
    """A step, and what was taken of the data before it."""

    step: int = 0
    draws: int = 0
    units: int = 0


START = Place()


@dataclass(frozen=True)
class Span:
    """The steps of a run, in its data.

    Args:
        until: the step at which the run ends, counted over all trainings.
        of: units of one epoch.
        per_draw: units that are taken at a time.
        updates: steps that learn from a draw.
        place: where it was settled what a draw takes, by this run or by one that it goes on with.
        total: units at which it ends, those before the run included; None where steps are counted and not epochs.
    """

    until: int
    of: int
    per_draw: int
    updates: int = 1
    place: Place = START
    total: int | None = None

    def draw_of(self, step: int) -> int:
        """The draw that a step learns from, counted over all trainings on this data."""
        return self.place.draws + (step - self.place.step) // self.updates

    def place_at(self, step: int) -> Place:
        """What is taken before a step; a draw that was learnt from in part counts as taken."""
        draw = self.place.draws + ceil((step - self.place.step) / self.updates)
        return Place(step, draw, units_before(draw, self.per_draw, self.total, self.place))

    def recorded(self, identity: list[str]) -> dict[str, Any]:
        """What a checkpoint keeps, for `span_before`.

        Args:
            identity: digests of the data.
        """
        return {
            "identity": identity, "of": self.of, "per_draw": self.per_draw, "updates": self.updates,
            "total": self.total, **self.place._asdict(),
        }  # fmt: skip


def units_before(draw: int, per_draw: int, total: int | None, place: Place = START) -> int:
    """Units that are taken before a draw, counted from a place on; the last draw before `total` may be short."""
    taken = place.units + (draw - place.draws) * per_draw
    return taken if total is None else min(taken, total)


def span_of(
    start: int,
    units: int,
    per_draw: int,
    *,
    steps: int | None,
    epochs: float | None,
    updates: int = 1,
    before: Span | None = None,
) -> Span:
    """The steps of a run.

    Args:
        start: steps of the trainings before it.
        units: groups, rows or problems of one epoch.
        per_draw: units that are taken at a time.
        steps: how many steps; None to go by epochs, whose last draw may be short.
        updates: steps that learn from what was taken at a time.
        before: the run that it goes on with, where that had the same data.
    """
    place = before.place_at(start) if before else Place(start)
    total = None
    if steps is None:
        wanted = max(1, round(units * (epochs or 1.0)))
        steps, total = updates * ceil(wanted / per_draw), place.units + wanted
    span = Span(start + steps, units, per_draw, updates, place, total)
    as_one = replace(span, place=before.place) if before else span
    # Where the two are like one run, they leave the same bytes as one.
    return as_one if (as_one.draw_of(start), as_one.place_at(start)) == (place.draws, place) else span


def span_before(start: Progress, identity: list[str], units: int) -> Span | None:
    """The run that a training goes on with; None where that had other data, or other rows of it.

    Args:
        start: the state that the training starts from.
        units: of one epoch.
    """
    data = start.data
    if data.get("identity") != identity or data.get("of") != units:
        return None
    place = Place(data["step"], data["draws"], data["units"])
    return Span(start.step, units, data["per_draw"], data["updates"], place, data["total"])
