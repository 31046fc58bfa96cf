from fractions import Fraction

import pytest

from whet.stages.answers.symbolic import (
    NotUnderstood,
    constant,
    equal_expressions,
    proportion,
    read_expression,
    spelled_out,
)


def test_decimals_become_exact_fractions():
    assert spelled_out("2.5x") == (r"(\frac{5}{2})x", True)
    assert spelled_out("x^.5") == (r"x^{\frac{1}{2}}", True)
    assert spelled_out("2x") == ("2x", False)


def test_letters_are_factors_and_those_the_parser_misreads_are_renamed():
    assert spelled_out("abc") == ("a*b*c", False)
    assert spelled_out("ad") == ("a*K_{100}", False)  # ord("d") = 100
    assert spelled_out("sin(x)") == ("\\sin (x)", False)


@pytest.mark.parametrize("text", ["and", "banana", "2 3", "x2", "10_2", "(x)_2", r"\foo", "5 # 3", "a;b", "a'"])
def test_a_token_without_clear_meaning_is_refused(text):
    with pytest.raises(NotUnderstood):
        spelled_out(text)


@pytest.mark.parametrize("text", ["x^{2", "(x", "x)", "+", r"\frac{1}", "1,2", "x=2", r"\frac{1}{0}", "a" * 3000])
def test_the_parser_must_accept_all_of_it_as_one_value(text):
    with pytest.raises(NotUnderstood):
        read_expression(text)


def test_values_too_small_for_double_precision_stay_apart():
    tiny, tinier = read_expression("1/2004!"), read_expression("1/2006!")
    assert not equal_expressions(tiny, tinier, Fraction(1, 10_000))
    assert equal_expressions(tiny, read_expression(r"\frac{2005}{2005!}"), Fraction(1, 10_000))


def test_rounding_noise_around_zero_is_zero():
    zero = read_expression(r"\sqrt{2}\sqrt{3}-\sqrt{6}")
    assert equal_expressions(zero, constant(Fraction(0), False), Fraction(0))
    assert not equal_expressions(zero, read_expression("10^{-40}"), Fraction(0))


def test_the_factor_between_two_equations():
    one, two = read_expression("x+y-2"), read_expression("2x+2y-4")
    assert float(proportion(two, one)) == 2
    assert proportion(one, read_expression("x-y-2")) is None
    assert proportion(one, read_expression("x-2")) is None
    assert proportion(read_expression("2"), read_expression("4")) is None
