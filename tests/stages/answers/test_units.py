import pytest

from whet.stages.answers.units import split_unit, split_unit_of_expression


@pytest.mark.parametrize(
    ("text", "rest", "unit"),
    [
        ("5 cm", "5", "cm"),
        ("5cm", "5", "cm"),
        (r"5\text{cm}", "5", "cm"),
        (r"5\text{cm}^2", "5", "cm^2"),
        ("5 meters", "5", "m"),
        ("5 m", "5", "m"),
        ("18 dollars", "18", "dollar"),
        (r"90^\circ", "90", "degree"),
        ("5 apples", "5", "?"),
        ("5 square feet", "5", "ft^2"),
        ("30元", "30", "yuan"),
        ("20^\\circ C", "20", "celsius"),
        ("20 degrees Fahrenheit", "20", "fahrenheit"),
        ("5m/s", "5", "m/s"),
        ("5 km per hour", "5", "km/h"),
        ("5 m/s^2", "5", "m/s^2"),
        ("5平方米", "5", "m^2"),
        ("5米/秒", "5", "m/s"),
        ("5€", "5", "euro"),
        ("5¥", "5", "?"),
        ("3个", "3", "?"),
        ("3个苹果", "3", "?"),
        ("3个半", "3个半", ""),
        ("3个百分点", "3个百分点", ""),
        ("3倍", "3倍", ""),
        ("a 5 degree drop", "a 5 degree drop", ""),
        ("5% decrease", "5% decrease", ""),
        ("5", "5", ""),
        ("4t", "4t", ""),
        ("4 t", "4 t", ""),
        ("4m", "4m", ""),
        ("5 million", "5 million", ""),
        ("3 or 4", "3 or 4", ""),
        ("2 pm", "2 pm", ""),
        (r"2\text{ p.m.}", r"2\text{ p.m.}", ""),
        ("cm", "cm", ""),
    ],
)
def test_units_are_taken_off_and_what_changes_the_number_stays(text, rest, unit):
    assert split_unit(text) == (rest, unit)


def test_a_variable_behind_an_expression_is_no_unit():
    assert split_unit_of_expression(r"\pi r^2 h") == r"\pi r^2 h"
    assert split_unit_of_expression("4 h") == "4 h"
    assert split_unit_of_expression(r"5\sqrt{2}\text{cm}") == r"5\sqrt{2}"
    assert split_unit_of_expression(r"5\sqrt{2} cm") == r"5\sqrt{2}"
    assert split_unit_of_expression(r"\sin 60^\circ") == r"\sin 60^\circ"
