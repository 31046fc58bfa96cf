import pytest

from whet.stages.answers.dates import Moment, compare, read_moment

FIRST_OF_MAY = [
    "May 1, 2024",
    "May 1 2024",
    "May 1st, 2024",
    "1 May 2024",
    "1st of May, 2024",
    "the 1st of May 2024",
    "Wednesday, May 1, 2024",
    "Wednesday 1 May 2024",
    "2024-05-01",
    "2024/5/1",
    "2024.05.01",
    "2024年5月1日",
    "2024年05月01号",
    r"\text{May 1, 2024}",
    "MAY 1, 2024",
]


@pytest.mark.parametrize("text", FIRST_OF_MAY)
def test_one_date_is_written_in_many_ways(text):
    assert read_moment(text) == Moment(2024, 5, 1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("May 2024", Moment(2024, 5)),
        ("2024年5月", Moment(2024, 5)),
        ("Sept. 3", Moment(None, 9, 3)),
        ("5月1日", Moment(None, 5, 1)),
        ("5/13/2024", Moment(2024, 5, 13)),
        ("13.5.2024", Moment(2024, 5, 13)),
        ("5/5/2024", Moment(2024, 5, 5)),
        ("4:30 p.m.", Moment(seconds=59_400)),  # 16.5 h * 3600 s
        (r"4:30 \text{ PM}", Moment(seconds=59_400)),
        ("16:30", Moment(seconds=59_400)),
        ("4 pm", Moment(seconds=57_600)),
        ("12:00 am", Moment(seconds=0)),
        ("12 pm", Moment(seconds=43_200)),
        ("13:00:05", Moment(seconds=46_805)),
    ],
)
def test_a_part_of_a_date_and_a_time_of_day_are_read(text, moment):
    assert read_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    ["5/1/2024", "4:30", "16", "3.14", "March", "may", "1/2/3", "2024", "32 May 2024", "2024-13-01", "13 pm", "4:75 pm",
     "May 0", "2024-05/01", "4:30p..", "", "5/0/2024"],
)  # fmt: skip
def test_what_may_be_something_else_is_no_date(text):
    assert read_moment(text) is None


def test_dates_are_compared_as_dates():
    for one in FIRST_OF_MAY:
        assert compare("May 1, 2024", one).equal is True  # type: ignore[union-attr]
        assert compare(one, "May 2, 2024").equal is False  # type: ignore[union-attr]
    assert compare("May 1, 2024", "May 1").equal is False  # type: ignore[union-attr]
    assert compare("4:30 p.m.", "4:30 a.m.").equal is False  # type: ignore[union-attr]
    assert compare("4:30 p.m.", "16:30").equal is True  # type: ignore[union-attr]


def test_without_two_dates_nothing_is_said():
    assert compare("May 1, 2024", "tomorrow") is None
    assert compare("tomorrow", "May 1, 2024") is None
