import pytest

from whet.stages.answers.comparison import Comparison, Rules
from whet.stages.answers.math import compare, understood
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
    (r"\emptyset", r"\text{no solution}"),
    ("no real solutions", r"\varnothing"),
    (r"\mathbb{R}", r"(-\infty,\infty)"),
    (r"\{x \mid 1<x<2\}", "(1,2)"),
    (r"\{x\in\mathbb{R} : x>3\}", r"(3,\infty)"),
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


LOGS = [
    # both write log: either base will do, the same on both sides
    (r"\log 8", r"3\log 2", True),
    (r"x\log x-x", r"x(\log x-1)", True),
    (r"\frac{\log 8}{\log 2}", "3", True),
    (r"\log 8", r"2\log 2", False),
    # one writes ln: log is natural
    (r"\ln 8", r"\log 8", True),
    (r"\ln x", "log(x)", True),
    (r"\ln 8", r"\log 9", False),
    # against anything else: base 10
    (r"\log 100", "2", True),
    (r"\log 100", "4.60517", False),
    (r"\log_{10} x", r"\log x", True),
    (r"\lg x", r"\log x", True),
    (r"\lg x", r"\ln x", False),
    (r"\log_{10} x", r"\ln x", False),
    (r"\log_2 8", r"\log 8", False),
    # beside a ln of its own, too
    (r"\log 10+\ln e", "2", True),
    (r"\log 2+\ln 3", r"\log 3+\ln 2", False),
]


@pytest.mark.parametrize(("expected", "answer", "equal"), LOGS)
def test_a_log_without_a_base_is_read_by_what_stands_beside_it(expected, answer, equal):
    assert compare(expected, answer, Rules()).equal is equal
    assert compare(answer, expected, Rules()).equal is equal


@pytest.mark.parametrize(
    ("expected", "answer", "reason"),
    [
        ("1,2,3", "1,2", "2 values, 3 expected"),
        (r"\{1,2\}", "1", "1 value, 2 expected"),
        ("1", "1,2", "2 values, 1 expected"),
        ("(1,2)", "(1,2,3)", "3 values, 2 expected"),
        ("[1,2)", "(1,2)", "an open or closed end differs"),
        (r"\{1,2\}", "(1,2)", "other brackets"),
        ("x>3", "x=3", "another relation"),
        ("x>3", r"x\ge 3", "an open or closed end differs"),
        ("5", "7", "another number"),
        (r"\sqrt{2}", r"\sqrt{3}", "another value"),
        ("x+y<2", "x+y>2", "another value"),
    ],
)
def test_the_reason_says_what_tells_two_answers_apart(expected, answer, reason):
    assert compare(expected, answer, Rules()).reason == reason


def test_order_matters_where_it_is_asked_for():
    ordered = Rules(Asked(ordered=True))
    assert compare("1, 2, 3", "1, 2, 3", ordered).equal is True
    assert compare("1, 2, 3", "3, 2, 1", ordered) == Comparison(False, "structure", "not in the order asked for")
    assert compare("1, 2, 3", "3, 2, 1", Rules()).equal is True
    assert compare("1, 2, 3", "1, 2", ordered).reason == "2 values, 3 expected"


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        (r"2\sqrt{2}", r"\sqrt{8}"),
        (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}"),
        (r"\frac{3}{4}x", r"\frac{6}{8}x"),
        ("3x", "x+2x"),
        ("x^2", r"x\cdot x"),
        ("x+1", r"\frac{x^2-1}{x-1}"),
        (r"\frac{x}{2}", r"\frac{2x}{4}"),
        (r"\sqrt{6}", r"\sqrt{2}\sqrt{3}"),
        ("8", "2^3"),
        ("5", "2+3"),
        ("(1,3/4)", "(1,6/8)"),
        ("y=3x", "y=x+2x"),
    ],
)
def test_simplest_form_counts_where_it_is_asked_for(expected, answer):
    outcome = compare(expected, answer, Rules(Asked(simplified=True)))
    assert outcome.equal is False
    assert (outcome.reason or "").startswith("not simplified although asked")
    assert compare(expected, answer, Rules()).equal is True
    # Where the reference itself is not simple the question means something else.
    assert compare(answer, expected, Rules(Asked(simplified=True))).equal is True


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("2x+2", "2(x+1)"),
        ("2(x+1)", "2x+2"),
        ("x+1", "1+x"),
        (r"2\sqrt{2}", r"\sqrt{2}\cdot 2"),
        (r"\frac{x+1}{2}", r"\frac{x}{2}+\frac{1}{2}"),
        ("-x+1", "1-x"),
        (r"\frac{1}{x+1}", r"\frac{1}{1+x}"),
    ],
)
def test_factoring_and_swapping_leave_an_answer_simple(expected, answer):
    assert compare(expected, answer, Rules(Asked(simplified=True))).equal is True


@pytest.mark.parametrize(
    ("expected", "answer", "places", "equal"),
    [
        ("3.14", r"\pi", None, True),
        ("3.14", r"\pi", 2, False),
        ("3.15", r"\pi", None, False),
        ("3.1", r"\pi", None, False),
        (r"\pi", "3.14", 2, True),
        (r"\pi", "3.15", 2, False),
        (r"\pi", "3.1416", 2, False),
        (r"\pi", "3.14159", None, True),
        (r"\pi", "3.14", None, False),
        (r"7\pi", "22.0", 1, True),  # 21.991 is 22.0
    ],
)
def test_the_decimal_of_an_expression_is_rounded_as_asked(expected, answer, places, equal):
    assert compare(expected, answer, Rules(Asked(places=places))).equal is equal


def test_a_finer_expression_is_marked_and_refused_when_strict():
    assert compare("3.14", r"\pi", Rules()).marks == ("rounds to the reference",)
    assert compare("3.14", r"\pi", Rules(strict=True)).equal is False


def test_a_reference_is_understood_when_every_part_of_it_is():
    assert understood(r"x=3, \frac{1}{2}, [1, \sqrt{2})") is None
    assert understood("3 + banana") == "the word 'banana'"
    assert understood("x^{2") is not None
