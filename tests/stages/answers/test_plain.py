from fractions import Fraction

import pytest

from whet.stages.answers.normalise import normalise
from whet.stages.answers.plain import Plain, read_grouped, read_plain

VALUES = [
    ("42", 42),
    ("-5", -5),
    ("−5", -5),
    ("+7", 7),
    ("007", 7),
    ("1,000", 1000),
    ("10{,}000", 10_000),
    (r"10\,000", 10_000),
    ("10 000", 10_000),
    ("900,000,000", 900_000_000),
    ("(5)", 5),
    ("{5}", 5),
    (r"\text{12}", 12),
    ("37.50", Fraction(75, 2)),
    (".5", Fraction(1, 2)),
    ("5.", 5),
    ("1,234.56", Fraction(123456, 100)),
    (r"\frac{1}{2}", Fraction(1, 2)),
    (r"\dfrac12", Fraction(1, 2)),
    (r"-\frac{40}{153}", Fraction(-40, 153)),
    (r"\frac{-40}{153}", Fraction(-40, 153)),
    ("3/4", Fraction(3, 4)),
    ("1 1/2", Fraction(3, 2)),
    (r"12\frac{3}{5}", Fraction(63, 5)),  # 12 + 3/5 = 63/5
    (r"-1\frac{1}{4}", Fraction(-5, 4)),  # the sign holds for all of it
    ("5½", Fraction(11, 2)),
    (r"0.\overline{3}", Fraction(1, 3)),
    (r"0.1\overline{6}", Fraction(1, 6)),
    (r"3\times 10^5", 300_000),
    (r"1.5 \times 10^{-3}", Fraction(3, 2000)),
    ("1.5e3", 1500),
    ("$18", 18),
    (r"\$18.50", Fraction(37, 2)),
    ("-$5", -5),
    ("€30", 30),
    ("30元", 30),
    ("18 dollars", 18),
    ("5 apples", 5),
    ("7 ways", 7),
    ("5cm", 5),
    ("3 m", 3),
    (r"5\text{ cm}^2", 5),
    (r"90^\circ", 90),
    ("12 square inches", 12),
    ("100 km/h", 100),
    ("5 million", 5_000_000),
    ("$1.5 billion", 1_500_000_000),
    (r"3\text{ million}", 3_000_000),
    ("3 dozen eggs", 36),
    ("2万", 20_000),
    ("five", 5),
    (r"\text{seventeen}", 17),
    ("ninety-nine", 99),
    ("one thousand two hundred thirty-four", 1234),
    ("a dozen", 12),
    ("two hours", 2),
    ("minus three", -3),
    ("5 hours and 30 minutes", Fraction(11, 2)),
    ("5小时30分钟", Fraction(11, 2)),
    ("5 ft 6 in", Fraction(11, 2)),
    ("-$5", -5),
    ("€30", 30),
    ("Rs. 30", 30),
    ("¥30", 30),
]

NO_NUMBERS = [
    "",
    "x",
    "4t",
    "4 t",
    "t4",
    "4:30",
    "4:30 p.m.",
    "2 pm",
    "1331 and 1728",
    "3 or 4",
    "12,34",
    "1, 728",
    "1,2,3",
    "1 2",
    "5 less than 8",
    "5th",
    "5 millionths",
    "5 minutes and 2 hours",
    "5 minutes, 30 seconds",
    "2 m 3 kg",
    "five six",
    "one and",
    "a cat",
    "hundred",
    "fiver",
    "1.234,56",
    "12,34,567",
    "x=5",
    "2^{10}",
    r"\sqrt{4}",
    r"\pm 3",
    "1/0",
    r"\frac{1}{0}",
    "1/2/3",
    "0x10",
    "5!",
    "--5",
    "1.2.3",
    "5E",
    "∞",
    "5 percent dollars",
    "1" * 2000,
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_plain_numbers_are_read_exactly(text, value):
    number = read_plain(text)
    assert number is not None
    assert number.amount == value


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_not_wholly_a_number_is_none(text):
    assert read_plain(text) is None


def test_a_numeral_keeps_its_base():
    # 8 + 2 + 1 = 11; 4*125 + 2*25 + 1*5 + 0 = 555
    assert read_plain("1011_2") == read_plain("1011_{2}") == Plain(Fraction(11), unit="base 2")
    assert read_plain("4210_5") == Plain(Fraction(555), unit="base 5")
    assert read_plain("1012_2") is None
    assert read_plain("x_2") is None


def test_a_percent_sign_is_kept_apart_from_its_number():
    for text in ("25%", r"25\%", "25 percent", "百分之25"):
        assert read_plain(text) == Plain(Fraction(25), percent=True)
    number = read_plain("12.5%")
    assert number is not None
    assert (number.amount, number.places) == (Fraction(1, 8), 1)  # 12.5 / 100 = 1/8


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", Fraction(123456, 100)),
        ("1.234.567", 1_234_567),
        ("12,34,567", 1_234_567),
        ("1,2345,6789", 123_456_789),
        ("1'234'567", 1_234_567),
        ("-1.234,5", Fraction(-12345, 10)),
        ("$12,34,567.50", Fraction(123456750, 100)),
    ],
)
def test_where_a_number_is_wanted_all_groupings_are_read(text, value):
    number = read_grouped(normalise(text))
    assert number is not None
    assert number.amount == value
    assert read_plain(text) is None


@pytest.mark.parametrize("text", ["1.234", "1,23,4", "0.125,5", "3,14", "1,23,45"])
def test_a_grouping_that_may_be_something_else_is_left_alone(text):
    assert read_grouped(normalise(text)) == read_plain(text)


def test_a_scale_in_front_of_a_unit_is_no_scale():
    assert read_plain("3千克") == Plain(Fraction(3), unit="kg")
    assert read_plain("3千米") == Plain(Fraction(3), unit="km")
    assert read_plain("3千") == Plain(Fraction(3000))


def test_units_have_one_spelling():
    assert [read_plain(text).unit for text in ("5 cm", "5 centimeters", r"5\text{ cm}")] == ["cm"] * 3  # type: ignore[union-attr]
    assert read_plain("5 apples").unit == "?"  # type: ignore[union-attr]
    assert read_plain("5").unit == ""  # type: ignore[union-attr]
