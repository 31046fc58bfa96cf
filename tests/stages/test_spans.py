"""Where a training that continues another goes on in the data, by hand."""

from typing import Any

import pytest

from whet.stages.checkpoints import Progress
from whet.stages.groups import Order
from whet.stages.spans import Place, Span, span_before, span_of

DATA = ["digest"]


def goes_on(span: Span, step: int, per_draw: int, *, of: int = 10, data: list[str] = DATA, **changed: Any) -> Span:
    """The steps of a training that continues one at a step."""
    before = span_before(Progress(step=step, data=span.recorded(DATA)), data, of)
    return span_of(step, of, per_draw, **{"steps": 2, "epochs": None, **changed}, before=before)


def taken(span: Span, start: int) -> list[list[int]]:
    order = Order(span.of, span.per_draw, 0, span.total, span.place)
    return [list(order.of(span.draw_of(step))) for step in range(start, span.until)]


def test_it_goes_on_after_the_units_and_draws_that_were_taken():
    one = span_of(0, 10, 4, steps=2, epochs=None)
    assert one.place_at(2) == Place(step=2, draws=2, units=8)
    two = goes_on(one, 2, 3)
    assert (two.until, two.place) == (4, Place(step=2, draws=2, units=8))
    assert [two.draw_of(step) for step in (2, 3)] == [2, 3]
    # A run that was stopped early, or whose policy of an earlier step is continued.
    assert goes_on(two, 3, 1).place == Place(step=3, draws=3, units=11)


def test_two_runs_with_the_same_settings_record_what_one_does():
    whole = span_of(0, 10, 4, steps=5, epochs=None)
    assert goes_on(span_of(0, 10, 4, steps=2, epochs=None), 2, 4, steps=3) == whole
    assert goes_on(whole, 5, 4) == span_of(0, 10, 4, steps=7, epochs=None)


@pytest.mark.parametrize("sizes", [(4, 4, 4), (4, 3, 1), (1, 7, 2)])
def test_runs_of_other_sizes_take_every_unit_once_an_epoch(sizes: tuple[int, ...]):
    whole = [unit for draw in taken(span_of(0, 10, 1, steps=40, epochs=None), 0) for unit in draw]
    assert sorted(whole[:10]) == list(range(10)) == sorted(whole[10:20])
    span = span_of(0, 10, sizes[0], steps=3, epochs=None)
    found = taken(span, 0)
    for run, size in enumerate(sizes[1:], 1):
        span = goes_on(span, 3 * run, size, steps=3)
        found += taken(span, 3 * run)
    assert [unit for draw in found for unit in draw] == whole[: 3 * sum(sizes)]


def test_an_epoch_after_an_epoch_takes_every_unit_again():
    one = span_of(0, 10, 4, steps=None, epochs=1.0)
    assert (one.until, one.total) == (3, 10)
    two = goes_on(one, 3, 4, steps=None, epochs=1.0)
    # Draws of 4, 4 and 2: the short one does not count as 4.
    assert two.place == Place(step=3, draws=3, units=10)
    assert (two.until, two.total) == (6, 20)
    assert [len(draw) for draw in taken(two, 3)] == [4, 4, 2]
    assert sorted(unit for draw in taken(two, 3) for unit in draw) == list(range(10))
    assert Order(10, 4, 0, two.total, two.place).epochs(two.draw_of(5) + 1) == 2.0


def test_a_draw_that_some_updates_learnt_from_counts_as_taken():
    one = span_of(0, 10, 3, steps=7, epochs=None, updates=4)
    assert [one.draw_of(step) for step in range(7)] == [0, 0, 0, 0, 1, 1, 1]
    assert goes_on(one, 4, 3, updates=4) == span_of(0, 10, 3, steps=6, epochs=None, updates=4)
    for step in (5, 7):
        assert goes_on(one, step, 3, updates=4).place == Place(step=step, draws=2, units=6)
    assert [goes_on(one, 7, 3).draw_of(step) for step in (7, 8)] == [2, 3]


def test_other_data_begins_at_its_beginning():
    one = span_of(0, 10, 4, steps=2, epochs=None)
    assert goes_on(one, 2, 4, data=["other"]).place == Place(step=2)
    # The same inputs, of which another objective keeps other rows.
    assert goes_on(one, 2, 4, of=9).place == Place(step=2)
    assert span_before(Progress(step=5), DATA, 10) is None
