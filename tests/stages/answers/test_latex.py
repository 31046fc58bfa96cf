import pytest

from whet.stages.answers import latex
from whet.stages.answers.latex import read_latex

READ = [
    "x^2+11x-312",
    r"\frac{x+1}{x-1}",
    r"2\sin ^2 x+2\cos ^2 x",
    "10e^{2x}+(e^x)^2",
    r"\alpha ^2\beta +\pi ^7",
    r"\sqrt[3]{x^2}\log_2 x",
    r"\sum_{k=1}^{n} k^2",
    r"\binom{n}{2}n!",
    "x^{y^2}^2",
    "|x-y|^3",
    "007",
    "a*b*c^2",
]


ONLY_IN_FULL_MODE = ["K_{100}*x+4", "4t_1", "x_{12}", r"\int_0^1 x^2 dx"]


def in_full_mode(text):
    config, _, full = latex._parsers()
    return full(config=config).parse(text)


def in_quick_mode(text):
    config, quick, _ = latex._parsers()
    return quick(config=config).parse(latex._RAISED_LETTER.sub(r"{\1}^", text))


def by_the_library(text):
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig, latex2sympy

    config = ConversionConfig(lowercase_symbols=False)
    return latex2sympy(text, is_real=None, normalization_config=None, conversion_config=config)


@pytest.mark.parametrize("text", READ)
def test_both_modes_read_what_the_library_does(text):
    assert in_quick_mode(text) == in_full_mode(text) == read_latex(text) == by_the_library(text)


@pytest.mark.parametrize("text", ONLY_IN_FULL_MODE)
def test_what_the_quick_mode_does_not_accept_is_left_to_the_full_one(text):
    with pytest.raises(Exception) as refused:
        in_quick_mode(text)
    assert type(refused.value) is Exception
    assert read_latex(text) == by_the_library(text)


@pytest.mark.parametrize("text", ["x^", r"\frac{1}", "(x", "1+*2", "x+"])
def test_what_neither_mode_accepts_is_refused(text):
    with pytest.raises(Exception) as refused:
        read_latex(text)
    assert type(refused.value) is Exception


def test_one_expression_leaves_nothing_behind_for_the_next():
    read_latex("x=3")
    assert str(read_latex("x+1")) == "x + 1"
