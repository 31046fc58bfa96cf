import pytest

from whet.stages.answers.embedded import read_embedded
from whet.stages.answers.normalise import normalise


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("the total is 42 apples for Tom", 42, ""),
        ("Tom has 42", 42, ""),
        (r"\text{there are exactly 42 of them}", 42, ""),
        ("Total: 42", 42, ""),
        ("I got 42!", 42, ""),
        ("it takes 42 minutes altogether", 42, "min"),
        ("$42 in total", 42, "dollar"),
        (".5 of the cake", 0.5, ""),
        ("1,234 people came", 1234, ""),
        ("25 percent of the class", 0.25, ""),
        ("a decrease of 25%", -0.25, ""),
        ("25% less", -0.25, ""),
        ("it dropped by 5", -5, ""),
        ("下降25%", -0.25, ""),
        ("an increase of 25%", 0.25, ""),
        ("there are five apples", 5, ""),
        ("twenty-five people in all", 25, ""),
        ("一共有42个苹果", 42, ""),
    ],
)
def test_the_one_number_among_words_is_found(text, amount, unit):
    number = read_embedded(normalise(text))
    assert number is not None
    assert (float(number.amount), number.unit) == (amount, unit)


@pytest.mark.parametrize(
    "text",
    [
        "not 42",
        "it isn't 42",
        "42 or more",
        "less than 42",
        "at least 42",
        "42 squared",
        "half of 42",
        "42 and a half",
        "minus 42 apples",
        "42 million people",
        "forty-two hundred and 42",
        "42nd place",
        "from 40 to 42",
        "3 red and 2 blue ones",
        "x is 42",
        "42x apples",
        "about 4:30 today",
        "42 am today",
        "top-42 list",
        "the one with the hat",
        "one of the five",
        "42",
        "the cat",
        "42 \\cdot apples",
        "a = 42 apples",
        "a decrease or increase of 5%",
        "a rise after a fall of 5%",
        "第42名",
        "42万人口",
        "不是42",
    ],
)
def test_words_that_may_change_the_number_leave_nothing(text):
    assert read_embedded(normalise(text)) is None
