import pytest

from whet.stages.answers.text import compare


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("Tuesday", r"\text{tuesday}"),
        ("east", "East."),
        ("yes", '"Yes"'),
        ("4:30 p.m.", r"4:30 \text{ p.m.}"),
        ("dlrow olleh", "dlrow  olleh"),
        (">", ">"),
        ("=", "="),
        ("3 1 2", "3 1 2"),
        ("北京", "北京。"),
    ],
)
def test_the_same_words_are_equal(expected, answer):
    assert compare(expected, answer).equal is True
    assert compare(answer, expected).equal is True


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("Tuesday", "Thursday"),
        ("Tuesday", "not Tuesday"),
        ("east", "southeast"),
        ("4:30 p.m.", "4:30 a.m."),
        ("4:30p..", r"4:30 \text{ p.m.}"),
        (">", "<"),
        ("3 1 2", "312"),
        ("yes", ""),
        ("", ""),
        ("12", "1 2"),
    ],
)
def test_other_words_are_not(expected, answer):
    assert compare(expected, answer).equal is False
    assert compare(answer, expected).equal is False
