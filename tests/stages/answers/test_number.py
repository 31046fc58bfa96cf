from fractions import Fraction

import pytest

from whet.stages.answers.comparison import Comparison, Rules
from whet.stages.answers.number import compare_cheaply
from whet.stages.answers.question import Asked

CASES = [
    # expected, answer, equal, the question asks for percent
    ("18", "18", True, False),
    ("18", "18.0", True, False),
    ("18", "$18.00", True, False),
    ("18", "18 dollars", True, False),
    ("10{,}000", "10000", True, False),
    ("50,625", "50625", True, False),
    ("37.50", "37.5", True, False),
    ("1/2", "0.5", True, False),
    (r"1\frac{1}{4}", "1.25", True, False),
    ("-4", "−4", True, False),
    ("5 cm", "5", True, False),
    ("5 hours", "5 h", True, False),
    ("18", "-18", False, False),
    ("18", "180", False, False),
    ("10000", "10001", False, False),
    ("10000", "9999.857142857143", False, False),
    ("10000", "10000.0001", False, False),
    ("4", "3.9999", False, False),
    ("50,625", "50.625", False, False),
    ("3,250", "3.25", False, False),
    ("5 hours", "5 minutes", False, False),
    ("5 cm", "5 cm^2", False, False),
    # decimals: |13.18 - 13.1799| = .0001 <= 13.18 * 1e-4 = .001318 and <= .005
    ("13.18", "13.1799", True, False),
    # .01 > .001318
    ("13.18", "13.19", False, False),
    # .01 <= 1.23 but > half a cent
    ("12345.67", "12345.68", False, False),
    # |1/3 - .3333| = .0000333 <= .0000333, the bound itself, and <= .00005
    ("1/3", "0.3333", True, False),
    ("1/3", "0.333", False, False),
    ("1/3", "0.33", False, False),
    # two fractions have no tolerance
    ("1/10000", "1/10001", False, False),
    ("1011_2", "1011_{2}", True, False),
    ("1011_2", "1101_2", False, False),
    ("1011_2", "1011_3", False, False),
    ("1011_2", "11", False, False),
    ("1011_2", "1011", False, False),
    ("25", "25%", True, True),
    ("25%", "25", True, True),
    ("25", "25%", False, False),
    ("25%", "25", False, False),
    ("25%", "0.25", True, False),
    ("1/4", "25%", True, False),
    ("25", "0.25", False, True),
    ("0.5", "50", False, False),
    ("0.5", "50", False, True),
    ("33.33%", "33.33", True, True),
    ("25%", "25%", True, False),
]


@pytest.mark.parametrize(("expected", "answer", "equal", "percent"), CASES)
def test_numbers_are_equal_exactly_or_within_the_tolerance(expected, answer, equal, percent):
    outcome = compare_cheaply(expected, answer, Rules(Asked(percent=percent)))
    assert outcome is not None
    assert outcome.equal is equal


# A reference of three digits may be rounded, an answer may not.
ONE_WAY = ("1/3", "0.333")


@pytest.mark.parametrize(
    ("expected", "answer", "equal", "percent"), [case for case in CASES if (case[0], case[1]) != ONE_WAY]
)
def test_swapped_numbers_compare_the_same(expected, answer, equal, percent):
    outcome = compare_cheaply(answer, expected, Rules(Asked(percent=percent)))
    assert outcome is not None
    assert outcome.equal is equal


def test_a_tolerance_of_zero_wants_the_same_value():
    exactly = Rules(tolerance=Fraction(0))
    assert compare_cheaply("13.18", "13.1799", exactly).equal is False  # type: ignore[union-attr]
    assert compare_cheaply("13.18", "13.180", exactly).equal is True  # type: ignore[union-attr]


@pytest.mark.parametrize("answer", ["4t", "4:30", "1331 and 1728", "2^2", "x=4", "4 or more"])
def test_what_is_no_plain_number_is_left_to_mathematics(answer):
    assert compare_cheaply("4", answer, Rules()) is None


def test_equal_texts_are_equal_whatever_they_say():
    outcome = compare_cheaply(r"\frac{x}{2}", r"\dfrac{x}{2}", Rules())
    assert outcome is not None
    assert (outcome.equal, outcome.method) == (True, "same text")


UNITS = [
    # expected, answer, equal, the unit that the question asks for
    ("1.5 m", "150 cm", True, None),
    ("1.5 m", "150", False, None),
    ("1.5 m", "1.5", True, None),
    ("1.5 m", "15 cm", False, None),
    ("1.5 m", "1.5 kg", False, None),
    ("2.5 hours", "150 minutes", True, None),
    ("2.5 hours", "2 hours and 30 minutes", True, None),
    ("90 minutes", "1 hour 30 minutes", True, None),
    ("90 minutes", "1 hour 20 minutes", False, None),
    ("36 km/h", "10 m/s", True, None),  # 36000 m / 3600 s
    ("36 km/h", "36 m/s", False, None),
    ("2 m^2", "20000 cm^2", True, None),
    ("2 square meters", r"2\text{ m}^2", True, None),
    ("2 m^2", "200 cm^2", False, None),
    ("1 liter", "1000 cm^3", True, None),
    (r"\$1.50", "150 cents", True, None),
    (r"\$1.50", "€1.50", False, None),
    (r"\$5 million", "5,000,000 dollars", True, None),
    ("5 pounds", "£5", True, None),
    ("20°C", "20 degrees", True, None),
    ("20°C", "20°F", False, None),
    ("5 apples", "5", True, None),
    ("5 apples", "5 pears", True, None),
    # 3.107 mi = 3.107 * 1.609344 km = 5.00023 km, relative difference 4.6e-5
    ("5 km", "3.107 miles", True, None),
    ("5 km", "3.12 miles", False, None),
    ("150", "1.5 m", True, "cm"),
    ("150", "150 cm", True, "cm"),
    ("150", "150 m", False, "cm"),
    ("150", "150 kg", False, "cm"),
    ("150", "150 steps", True, "cm"),
    ("1.5 m", "150", True, "cm"),
    ("3 dozen", "36", True, None),
    ("3 dozen", "3", False, None),
    ("30元", "30 yuan", True, None),
    ("3.5万元", "35000元", True, None),
    ("5公里", "5 km", True, None),
    ("3千克", "3000 g", True, None),
]


@pytest.mark.parametrize(("expected", "answer", "equal", "unit"), UNITS)
def test_units_of_one_dimension_are_converted(expected, answer, equal, unit):
    assert compare_cheaply(expected, answer, Rules(Asked(unit=unit))).equal is equal  # type: ignore[union-attr]


@pytest.mark.parametrize(("expected", "answer", "equal", "unit"), [case for case in UNITS if case[3] is None])
def test_swapped_units_compare_the_same(expected, answer, equal, unit):
    assert compare_cheaply(answer, expected, Rules(Asked(unit=unit))).equal is equal  # type: ignore[union-attr]


GROUPED = [
    ("1234567", "1.234.567", True),
    ("1234567", "1'234'567", True),
    ("1234567", "12,34,567", True),
    ("123456789", "1,2345,6789", True),
    ("1234.56", "1.234,56", True),
    ("1234567", "1.234,567", False),
    ("1234.567", "1.234,567", True),
    ("1234567", "12,34,576", False),
    ("1234", "1,23,4", False),
    # ambiguous: a decimal point here
    ("1234", "1.234", False),
    ("5000000", "5 million", True),
    ("1200000", "1.2 million", True),
    ("1200000", "1.2 billion", False),
    ("4", "four", True),
    ("25", "twenty-five", True),
    ("206", "two hundred and six", True),
    ("206", "two hundred and sixty", False),
    ("-5", "negative five", True),
    ("-5", "minus 5", True),
    ("300000000", "3×10⁸", True),
    ("30000", "3×10⁸", False),
    ("4/3", "1⅓", True),
]


@pytest.mark.parametrize(("expected", "answer", "equal"), GROUPED)
def test_numbers_are_read_in_the_groupings_of_the_world_and_in_words(expected, answer, equal):
    for one, other in ((expected, answer), (answer, expected)):
        outcome = compare_cheaply(one, other, Rules())
        assert (outcome is not None and outcome.equal) is equal


ROUNDED = [
    # expected, answer, places, significant, equal, the reason begins with
    ("3.14", "3.14", 2, None, True, None),
    ("3.14", "3.140", 2, None, True, None),
    ("3.10", "3.1", 2, None, True, None),
    ("3.14", "3.15", 2, None, False, "wrong rounding"),
    ("3.14", "3.141", 2, None, False, "wrong rounding"),
    ("3.14", "3.1", 2, None, False, "another number"),
    ("3.14", "22/7", 2, None, False, "wrong rounding"),
    ("13.18", "13.1799", 2, None, False, "wrong rounding"),
    # the reference was left unrounded: 3.14159 to 2 places is 3.14, 2.345 is 2.35 (halves go up)
    ("3.14159", "3.14", 2, None, True, None),
    ("3.14159", "3.15", 2, None, False, "wrong rounding"),
    ("2.345", "2.35", 2, None, True, None),
    ("-2.345", "-2.35", 2, None, True, None),
    ("1200", "1234", -2, None, False, "wrong rounding"),
    ("1200", "1200", -2, None, True, None),
    ("18", "18.004", 0, None, False, "wrong rounding"),
    ("12.3%", "12.3%", 1, None, True, None),
    ("12.3%", "12.34%", 1, None, False, "wrong rounding"),
    ("1230", "1234", None, 3, False, "wrong rounding"),
    ("0.0123", "0.01234", None, 3, False, "wrong rounding"),
    ("0.01234", "0.0123", None, 3, True, None),
    # not asked for: three digits and more may be a rounded value
    ("3.14", "3.141", None, None, True, None),
    ("3.14", "22/7", None, None, True, None),
    ("3.14", "3.15", None, None, False, "another number"),
    ("3.14", "3.1", None, None, False, "another number"),
    ("0.33", "1/3", None, None, False, "another number"),
    ("314", "314.2", None, None, False, "another number"),
]


@pytest.mark.parametrize(("expected", "answer", "places", "significant", "equal", "reason"), ROUNDED)
def test_rounding_is_exact_where_it_is_asked_for(expected, answer, places, significant, equal, reason):
    outcome = compare_cheaply(expected, answer, Rules(Asked(places=places, significant=significant)))
    assert outcome is not None
    assert outcome.equal is equal
    assert (outcome.reason or "").startswith(reason or "")


def test_a_finer_answer_that_rounds_to_the_reference_is_marked_and_refused_when_strict():
    assert compare_cheaply("3.14", "3.141", Rules()).marks == ("rounds to the reference",)  # type: ignore[union-attr]
    assert compare_cheaply("3.14", "3.141", Rules(strict=True)).equal is False  # type: ignore[union-attr]
    assert compare_cheaply("3.14", "3.1400", Rules()).marks == ()  # type: ignore[union-attr]


SIMPLE = [
    ("3/4", "6/8", False),
    (r"\frac{3}{4}", r"\frac{6}{8}", False),
    (r"1\frac{1}{2}", r"1\frac{2}{4}", False),
    ("3", "6/2", False),
    ("3", "3/1", False),
    ("3/4", "3/4", True),
    ("3/4", "0.75", True),
    ("3/4", "-3/4", False),
    # the reference is not reduced itself: it cannot mean lowest terms
    ("6/8", "3/4", True),
    ("6/8", "9/12", True),
]


@pytest.mark.parametrize(("expected", "answer", "equal"), SIMPLE)
def test_simplest_form_counts_where_it_is_asked_for(expected, answer, equal):
    assert compare_cheaply(expected, answer, Rules(Asked(simplified=True))).equal is equal  # type: ignore[union-attr]


def test_the_same_fraction_is_right_where_nobody_asks_for_simplest_form():
    assert compare_cheaply("3/4", "6/8", Rules()).equal is True  # type: ignore[union-attr]
    outcome = compare_cheaply("3/4", "6/8", Rules(Asked(simplified=True)))
    assert outcome is not None
    assert outcome.reason == "not simplified although asked: 6/8 can be reduced"


def test_a_number_among_words_is_marked_and_refused_when_strict():
    outcome = compare_cheaply("42", "the total is 42 apples for Tom", Rules())
    assert outcome == Comparison(True, "embedded number", marks=("embedded number",))
    refused = compare_cheaply("42", "the total is 42 apples for Tom", Rules(strict=True))
    assert refused == Comparison(False, "embedded number", "the number stands among other words")
    assert compare_cheaply("42", "42 apples", Rules(strict=True)).equal is True  # type: ignore[union-attr]
