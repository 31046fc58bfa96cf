from fractions import Fraction

from whet.stages.answers.expression import constant, read_expression
from whet.stages.answers.symbolic import equal_expressions, proportion


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
