import pytest

from whet.stages.markdown import comparisons, fill, table
from whet.stages.metrics.estimate import Comparison
from whet.stages.metrics.intervals import Interval


def test_what_a_cell_holds_never_ends_it():
    assert table(["name", "n"], [["a|b", "1"]]) == "| name | n |\n|---|---|\n| a\\|b | 1 |\n"


def test_numbers_that_are_not_known_are_dashes():
    gap = Interval(0.25, float("nan"), float("nan"))
    assert comparisons([Comparison("f1", 0.75, 0.5, gap)]).splitlines()[-1] == (
        "| f1 | 0.7500 | 0.5000 | 0.2500 | - | - |"
    )


def test_a_name_that_a_page_lacks_is_an_error():
    from jinja2 import UndefinedError

    assert fill("{{ number(x) }}\n", x=0.5) == "0.5000\n"
    with pytest.raises(UndefinedError):
        fill("{{ missing }}")
