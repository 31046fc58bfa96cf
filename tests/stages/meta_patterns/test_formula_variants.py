import random

import pytest
import sympy

from whet.stages.meta_patterns.formula_variants import equal_variants, near_variant

X, Y = sympy.symbols("x y")


@pytest.mark.parametrize(
    ("formula", "variants"),
    [
        ("x^2+5x+6", {r"\left(x + 2\right) \left(x + 3\right)", "6 + 5 x + x^{2}"}),
        ("(x+2)(x+3)", {"x^{2} + 5 x + 6"}),
        (r"\frac{1}{x}+\frac{1}{y}", {r"\frac{x + y}{x y}"}),
        ("y=3x-2", {"y=-2 + 3 x"}),
        (r"\frac{3}{4}", {"0.75"}),
        ("0.75", {r"\frac{3}{4}"}),
        ("-2.5", {r"-\frac{5}{2}"}),
        ("12", {"12.0"}),
        (r"\frac{1}{x^2-1}", {r"\frac{1}{\left(x - 1\right) \left(x + 1\right)}"}),
    ],
)
def test_a_formula_is_rewritten(formula, variants):
    assert variants <= set(equal_variants(formula))
    assert formula not in equal_variants(formula)


def value(text, x):
    """A polynomial as LaTeX at a number, read by other means than the code that is tested."""
    plain = text.replace(r"\left", "").replace(r"\right", "").replace("{", "(").replace("}", ")").replace("^", "**")
    transformations = sympy.parsing.sympy_parser.standard_transformations
    implicit = sympy.parsing.sympy_parser.implicit_multiplication
    return sympy.parse_expr(plain, transformations=(*transformations, implicit)).subs(X, x)


def test_variants_have_the_value_of_the_formula_and_near_ones_another():
    rng = random.Random(0)
    for _ in range(25):
        a, b, c = (rng.randint(2, 30) for _ in range(3))
        formula = f"{a}x^2+{b}x-{c}"
        variants = equal_variants(formula)
        assert len(variants) >= 2
        for variant in variants:
            assert all(value(variant, x) == a * x * x + b * x - c for x in (1, 2, 3))
        near = near_variant(formula, rng)
        assert near is not None
        assert any(value(near, x) != a * x * x + b * x - c for x in (1, 2, 3))
        assert len(near) - len(formula) in (-1, 0, 1)


@pytest.mark.parametrize(
    "text",
    ["north", "5 km", r"5\text{ cm}^2", "5cm", "x^{100}", "9**9**9", "7^{7^7}", "100!", "123456789", "x>2", "1, 2", ""],
)
def test_what_is_no_formula_or_too_costly_is_left_alone(text):
    assert equal_variants(text) == ()
    assert near_variant(text, random.Random(0)) is None


def test_a_near_variant_of_a_number_is_another_number():
    found = {near_variant("12", random.Random(seed)) for seed in range(30)}
    assert "12" not in found
    assert {"11", "13", "21"} <= found
    # A fraction whose parts change need not change its value: 2/4 is no near variant of 1/2.
    halves = {near_variant("1/2", random.Random(seed)) for seed in range(60)}
    assert None not in halves
    assert "2/4" not in halves
