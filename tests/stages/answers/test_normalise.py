import pytest

from whet.stages.answers.normalise import letters_and_digits, normalise

SAME = [
    (r"\dfrac{1}{2}", r"\frac12"),
    (r"\tfrac 1 2", r"\frac{1}{2}"),
    (r"\frac1{2}", r"\frac{1}2"),
    (r"$x + 1$", "x+1"),
    (r"\(x+1\)", "x+1"),
    (r"\left( 1, 2 \right)", "(1, 2)"),
    (r"10{,}000", "10,000"),
    (r"10\,000", "10,000"),
    (r"x \leq 3", r"x\le 3"),
    (r"x ≤ 3", r"x \leqslant 3"),
    ("−5", "-5"),
    ("５", "5"),
    (r"5\text{ cm}", r"5 \mathrm{cm}"),
    (r"5\;\text{cm}", r"5~\textrm{ cm}"),
    (r"\mathrm{e}", "e"),
    (r"\mathrm e", "e"),
    (r"90^{\circ}", "90°"),
    (r"90^\circ", r"90\degree"),
    (r"\sqrt2", r"\sqrt{2}"),
    ("x²", "x^2"),
    ("x_{1}", "x_1"),
    (r"\boxed{7}", "7"),
    ("**7**", "7"),
    ("7.", "7"),
    (r"25\%", "25%"),
    (r"2 \cdot 3", r"2\cdot 3"),
    (r"2·3", r"2\cdot 3"),
    (r"\pi r", r"\pi  r"),
    (r"1 \frac{1}{2}", r"1\frac{1}{2}"),
]

DIFFERENT = [
    ("3, 250", "3,250"),
    ("1 2", "12"),
    ("x_1", "x1"),
    ("x^{2}3", "x^23"),
    (r"\sin x", r"\sinx"),
    ("a b", "b a"),
    ("-5", "5"),
    ("x^2", "x2"),
    ("(1,2)", "[1,2]"),
    ("<", ">"),
    ("A", "a"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_ways_of_writing_one_thing_become_one(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_means_something_else_stays_different(one, other):
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize("text", [text for pair in SAME + DIFFERENT for text in pair] + ["", "$", "\\", "{,}", "\x00"])
def test_the_normal_form_of_a_normal_form_is_itself(text):
    assert normalise(normalise(text)) == normalise(text)


def test_words_are_compared_without_case_quotes_and_wrappers():
    assert letters_and_digits(r"\text{ Tuesday.}") == letters_and_digits('"tuesday"') == "tuesday"
    assert letters_and_digits(r"4:30 \text{ p.m.}") == letters_and_digits("4:30 PM") == "4:30pm"
    assert letters_and_digits("4:30p..") == "4:30p"
