from fractions import Fraction

import pytest

from whet.stages.answers.plain import Plain, read_plain

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
    "5 million",
    "3 dozen",
    "5 less than 8",
    "5 hours and 30 minutes",
    "5th",
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
    "five",
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


def test_units_have_one_spelling():
    assert [read_plain(text).unit for text in ("5 cm", "5 centimeters", r"5\text{ cm}")] == ["cm"] * 3  # type: ignore[union-attr]
    assert read_plain("5 apples").unit == "?"  # type: ignore[union-attr]
    assert read_plain("5").unit == ""  # type: ignore[union-attr]
