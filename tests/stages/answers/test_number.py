from fractions import Fraction

import pytest

from whet.stages.answers.number import compare_cheaply
from whet.stages.answers.question import Asked

TOLERANCE = Fraction(1, 10_000)

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
    outcome = compare_cheaply(expected, answer, Asked(percent=percent), TOLERANCE)
    assert outcome is not None
    assert outcome.equal is equal


@pytest.mark.parametrize(("expected", "answer", "equal", "percent"), CASES)
def test_swapped_numbers_compare_the_same(expected, answer, equal, percent):
    outcome = compare_cheaply(answer, expected, Asked(percent=percent), TOLERANCE)
    assert outcome is not None
    assert outcome.equal is equal


def test_a_tolerance_of_zero_wants_the_same_value():
    assert compare_cheaply("13.18", "13.1799", Asked(), Fraction(0)).equal is False  # type: ignore[union-attr]
    assert compare_cheaply("13.18", "13.180", Asked(), Fraction(0)).equal is True  # type: ignore[union-attr]


@pytest.mark.parametrize("answer", ["4t", "4:30", "1331 and 1728", "2^2", "x=4", "four", "4 million"])
def test_what_is_no_plain_number_is_left_to_mathematics(answer):
    assert compare_cheaply("4", answer, Asked(), TOLERANCE) is None


def test_equal_texts_are_equal_whatever_they_say():
    outcome = compare_cheaply(r"\frac{x}{2}", r"\dfrac{x}{2}", Asked(), TOLERANCE)
    assert outcome is not None
    assert (outcome.equal, outcome.method) == (True, "same text")
