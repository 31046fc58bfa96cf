import pytest

from whet.stages.answers.normalise import normalise
from whet.stages.answers.simplest import left_to_do


@pytest.mark.parametrize(
    "text",
    [r"\frac{6}{8}", "6/8", "-6/8", "3/1", r"x+\frac{10}{5}", r"\sqrt{8}", r"5\sqrt{12}", r"\sqrt[3]{16}", r"\sqrt{4}",
     r"\frac{1}{\sqrt{2}}", r"\frac{3}{2\sqrt{5}}", r"1/\sqrt2"],
)  # fmt: skip
def test_something_is_left_to_do(text):
    assert left_to_do(normalise(text)) is not None


@pytest.mark.parametrize(
    "text",
    ["3/4", r"\frac{3}{4}", r"1\frac{1}{2}", "0.75", r"\sqrt{6}", r"2\sqrt{2}", r"\sqrt[3]{4}", r"\frac{\sqrt{2}}{2}",
     r"1+2\sqrt{3}", "2x+3", "x^2+1", r"3\cdot 10^5", "2(x+1)", r"\frac{x+1}{2}", "5-2i", "-5", r"2\cdot 3!", "10/x"],
)  # fmt: skip
def test_nothing_is_left_to_do(text):
    assert left_to_do(normalise(text)) is None
