import pytest

from whet.stages.answers.comparison import Comparison, Rules
from whet.stages.answers.math import compare
from whet.stages.answers.question import Asked

EQUAL = [
    (r"\sqrt{8}", r"2\sqrt2"),
    (r"\frac{\sqrt{3}}{2}", r"\sin 60^\circ"),
    (r"\frac{1}{\sqrt 2}", "sqrt(2)/2"),
    ("1024", "2^{10}"),
    ("120", "5!"),
    ("10", r"\binom{5}{2}"),
    ("3", r"\log_2 8"),
    (r"2\ln 2", r"\ln 4"),
    (r"\ln 8", r"\log 8"),
    (r"7\pi", "21.9911"),  # 7 pi = 21.99115, relative difference 2.6e-6
    ("e", "2.71828"),
    ("4a-2", "2(2a-1)"),
    ("4a-2", "-2+4a"),
    ("4t", "t*4"),
    ("(x+1)^2", "x^2+2x+1"),
    (r"\frac{x^2-1}{x-1}", "x+1"),
    (r"\frac{ad}{bc}", r"\frac{da}{cb}"),
    ("0.5x", r"\frac{x}{2}"),
    ("x**2", "x^2"),
    ("1", r"\sin^2 x+\cos^2 x"),
    ("2+3i", "3i+2"),
    (r"\frac{1}{1+i}", r"\frac{1-i}{2}"),
    ("-1", "i^2"),
    (r"\sqrt{ab}", r"\sqrt{a}\sqrt{b}"),
    (r"2\ln x", r"\ln x^2"),
    (r"\frac{1}{x-1}-\frac{1}{x+1}", r"\frac{2}{x^2-1}"),
    (r"\sqrt[3]{8}", "2"),
    (r"1/2004!", r"\frac{1}{2004!}"),
    (r"1-1/\mathrm e", r"1-\frac{1}{e}"),
    ("55", r"\sum_{i=1}^{10} i"),
    (r"5\sqrt{2}", r"5\sqrt{2}\text{ cm}"),
    ("4", "x=4"),
    ("x=4", "4"),
    ("8", "3+5=8"),
    ("2x+3", "y=2x+3"),
    ("f(x)=x+1", "f(x)=1+x"),
    (r"\angle A=30^\circ", "30"),
    ("3x-y+13=0", "6x-2y+26=0"),
    ("3x-y+13=0", "y=3x+13"),
    ("x^2+y^2=25", "y^2+x^2-25=0"),
    ("x>3", "3<x"),
    ("x+y<2", "2>y+x"),
    ("x+y<2", "2x+2y<4"),
    (r"(3,\infty)", "x>3"),
    ("1<x<2", "(1,2)"),
    (r"1<x\le 2", "(1,2]"),
    (r"x\in[1,2)", "[1,2)"),
    (r"(-\infty,3]\cup[4,\infty)", r"[4,\infty)\cup(-\infty,3]"),
    (r"x<1 \text{ or } x>3", r"(-\infty,1)\cup(3,\infty)"),
    ("(1,2)", "( 1, 2 )"),
    (r"(\frac12,3)", "(0.5,3)"),
    (r"\{1,2\}", "2,1"),
    (r"\{100,200,300\}", r"\{300, 100, 200\}"),
    ("1, 2, 3", r"3, 1 \text{ and } 2"),
    (r"\{5\}", "5"),
    (r"\pm 3", "3,-3"),
    (r"2\pm\sqrt3", r"2-\sqrt{3}, 2+\sqrt{3}"),
    ("a=1,b=2", "b=2, a=1"),
    ("3:4", "3 : 4"),
    (r"\emptyset", r"\{ \}"),
    ("x^{2}", "x^2"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1 & 2\\ 3 & \frac{8}{2}\end{bmatrix}"),
]

DIFFERENT = [
    # what math-verify 0.9.0 takes as equal
    ("1728", "1331 and 1728"),
    ("1331 and 1728", "1728"),
    (r"1+1/\mathrm e", r"1-1/\mathrm e"),
    ("1/2006!", "1/2004!"),
    ("3x+4y+14=0", "3*x-y+13=0"),
    ("4", "4t"),
    ("4t", "4"),
    ("4", "4:30"),
    ("4:30", "4"),
    ("4:30", r"\frac{2}{15}"),
    # a part missing, added or changed
    ("1,2,3", "1,2"),
    ("1,2", "1,2,3"),
    ("1,2", "1,1"),
    ("(1,2)", "(2,1)"),
    ("(1,2)", "[1,2]"),
    ("[1,2)", "(1,2]"),
    ("(1,2)", "1,2"),
    (r"(3,\infty)", r"x\ge 3"),
    ("x>3", "x<3"),
    ("x+y<2", "x+y>2"),
    ("x=4", "y=4"),
    ("x=4", "2x=8"),
    ("a=1,b=2", "a=2,b=1"),
    ("x^2+y^2=25", "x^2+y^2=5"),
    ("3:4", "4:3"),
    ("3:4", "0.75"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\4&3\end{pmatrix}"),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    (r"(-\infty,3]\cup[4,\infty)", r"[4,\infty)"),
    # near misses of values
    (r"\sqrt{8}", r"\sqrt{7}"),
    (r"7\pi", "22"),
    (r"7\pi", "21.98"),
    ("1024", "2^{11}"),
    ("(x+1)^2", "x^2+2x+2"),
    ("4a-2", "4a+2"),
    ("4t", "4a"),
    ("x_1", "x_2"),
    ("x^{10}", "10x"),
    (r"\sqrt{x^2}", "x"),
    ("|x|", "x"),
    (r"\sqrt{a+b}", r"\sqrt{a}+\sqrt{b}"),
    ("x+10^{100}", "x+10^{100}+1"),
    ("x/2", "1/2x"),
    (r"\sin x", r"\cos x"),
    (r"\pi r^2", r"\pi r^2 h"),
    (r"\frac{\pi}{6}", r"30^\circ"),
    ("E", "e"),
    ("I", "i"),
    ("A", "a"),
    ("9", "3+5=9"),
    ("0", "3x+4y+14=0"),
    ("2+3i", "2-3i"),
    ("10^{100}", "10^{100}+1"),
    # not wholly understood
    ("3", "the cat"),
    ("3", "3 foxes or 4"),
    ("5", "2 3"),
    ("x^2", "x^{2"),
    ("10", "10_2"),
    ("2", "x2"),
    ("7", "7 = seven dwarfs"),
    (r"\frac13", r"\frac13 \dots"),
]


@pytest.mark.parametrize(("expected", "answer"), EQUAL)
def test_equal_answers_are_equal(expected, answer):
    assert compare(expected, answer, Rules()).equal is True


@pytest.mark.parametrize(("expected", "answer"), [pair for pair in EQUAL if "=" not in pair[0] + pair[1]])
def test_equality_is_symmetric(expected, answer):
    assert compare(answer, expected, Rules()).equal is True


@pytest.mark.parametrize(("expected", "answer"), DIFFERENT)
def test_different_answers_are_not_equal(expected, answer):
    assert compare(expected, answer, Rules()).equal is False


# A solved equation answers an unsolved one, but not the other way round.
ONE_WAY = ("x=4", "2x=8")


@pytest.mark.parametrize(("expected", "answer"), [pair for pair in DIFFERENT if pair != ONE_WAY])
def test_swapped_they_are_not_equal_either(expected, answer):
    assert compare(answer, expected, Rules()).equal is not True


@pytest.mark.parametrize("reference", ["the cat sat", "x^{2", r"\frac{1", "(10_2)_3", r"\foo", "3 apples or so"])
def test_a_reference_that_nobody_understands_makes_it_unknown(reference):
    outcome = compare(reference, "3", Rules())
    assert outcome.equal is None
    assert outcome.reason is not None
    assert outcome.reason.startswith("reference not understood")


def test_the_reason_says_what_was_not_understood():
    outcome = compare("3", "3 + banana", Rules())
    assert outcome == Comparison(False, "math", "answer not understood: the word 'banana'")


def test_percent_in_a_list_follows_the_question():
    assert compare("25,75", r"25\%, 75\%", Rules(Asked(percent=True))).equal is True
    assert compare("25,75", r"25\%, 75\%", Rules()).equal is False
