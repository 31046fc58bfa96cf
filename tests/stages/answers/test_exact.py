from fractions import Fraction

import pytest
import sympy

from whet.stages.answers.exact import NotRational, exact_pairs, exact_value

x, y = sympy.symbols("x y")
POINT = {x: Fraction(2, 3), y: Fraction(-1, 2)}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ((x + 1) ** 2, Fraction(25, 9)),  # (5/3)^2
        (x * y / 2 - 3, Fraction(-19, 6)),  # (2/3)(-1/2)/2 - 3 = -1/6 - 18/6
        (1 / (x + y), Fraction(6)),  # 1 / (4/6 - 3/6)
        (sympy.Rational(7, 2), Fraction(7, 2)),
        (sympy.Pow(sympy.Integer(0), sympy.Integer(0), evaluate=False), Fraction(1)),
        (sympy.Add(x, x, evaluate=False), Fraction(4, 3)),
    ],
)
def test_rational_expressions_have_exact_values(expression, value):
    assert exact_value(expression, POINT) == value


@pytest.mark.parametrize(
    "expression", [sympy.sqrt(x), sympy.sin(x), sympy.pi, sympy.I, sympy.oo, 2**x, x**65, (x**64 + 1) ** 64**2]
)
def test_other_expressions_and_huge_powers_are_not_rational(expression):
    with pytest.raises(NotRational):
        exact_value(expression, POINT)


def test_numbers_that_grow_too_long_are_given_up():
    tower = sympy.Pow(sympy.Pow(sympy.Pow(x, 64, evaluate=False), 64, evaluate=False), 64, evaluate=False)
    with pytest.raises(NotRational):
        exact_value(tower, POINT)


def test_pairs_leave_out_points_without_a_value():
    points = [{x: sympy.Rational(1)}, {x: sympy.Rational(1, 2)}, {x: sympy.Rational(2)}]
    # At 1 the fraction has no value; (x^2 - 1)/(x - 1) = x + 1 elsewhere.
    assert exact_pairs((x**2 - 1) / (x - 1), x + 1, points) == [
        (Fraction(3, 2), Fraction(3, 2)),
        (Fraction(3), Fraction(3)),
    ]
    assert exact_pairs(sympy.sin(x), x, points) is None
