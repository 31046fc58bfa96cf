from fractions import Fraction

import pytest

from whet.stages.answers.dimensions import conversion, unit_named


@pytest.mark.parametrize(
    ("unit", "other", "factor"),
    [
        ("m", "cm", 100),
        ("cm", "mm", 10),
        ("km", "m", 1000),
        ("ft", "in", 12),
        ("yd", "ft", 3),
        ("mi", "ft", 5280),
        ("acre", "ft^2", 43_560),
        ("ha", "m^2", 10_000),
        ("l", "ml", 1000),
        ("l", "cm^3", 1000),
        ("gal", "in^3", 231),
        ("kg", "g", 1000),
        ("g", "mg", 1000),
        ("tonne", "kg", 1000),
        ("lb", "oz", 16),
        ("pound", "lb", 1),
        ("pound", "sterling", 1),
        ("min", "s", 60),
        ("h", "min", 60),
        ("day", "h", 24),
        ("week", "day", 7),
        ("year", "month", 12),
        ("dollar", "cent", 100),
        ("m^2", "cm^2", 10_000),
        ("m^3", "cm^3", 1_000_000),
        ("km/h", "m/s", Fraction(5, 18)),
        ("mph", "mi/h", 1),
        ("m/s^2", "cm/s^2", 100),
        ("degree", "celsius", 1),
        ("degree", "fahrenheit", 1),
        ("base 2", "base 2", 1),
    ],
)
def test_units_of_one_dimension_have_a_factor(unit, other, factor):
    assert conversion(unit, other) == factor
    assert conversion(other, unit) == 1 / Fraction(factor)


@pytest.mark.parametrize(
    ("unit", "other"),
    [("m", "kg"), ("m", "m^2"), ("m", "s"), ("dollar", "euro"), ("yuan", "yen"), ("rupee", "dollar"), ("degree", "rad"),
     ("celsius", "fahrenheit"), ("day", "month"), ("km/h", "km"), ("base 2", "base 3"), ("lb", "sterling")],
)  # fmt: skip
def test_units_of_two_dimensions_have_none(unit, other):
    assert conversion(unit, other) is None
    assert conversion(other, unit) is None


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        ("meters", "m"),
        ("Kilometres", "km"),
        ("inches", "in"),
        ("feet", "ft"),
        ("mL", "ml"),
        ("lbs", "lb"),
        ("hrs", "h"),
        ("square meters", "m^2"),
        ("sq ft", "ft^2"),
        ("cubic centimeters", "cm^3"),
        ("kilometers per hour", "km/h"),
        ("miles per gallon", "mi/gal"),
        ("m/s", "m/s"),
        ("degrees Celsius", "celsius"),
        ("deg F", "fahrenheit"),
        ("degrees", "degree"),
        ("pennies", "cent"),
        ("bucks", "dollar"),
        ("平方厘米", "cm^2"),
        ("立方米", "m^3"),
        ("公里", "km"),
        ("克", "g"),
        ("公斤", "kg"),
        ("分钟", "min"),
        ("千米每小时", "km/h"),
        ("元", "yuan"),
        ("摄氏度", "celsius"),
    ],
)
def test_a_unit_has_many_names(words, unit):
    assert unit_named(words) == unit


@pytest.mark.parametrize("words", ["apples", "", "M", "meters per apple", "square", "per", "degrees K"])
def test_other_words_are_no_units(words):
    assert unit_named(words) is None
