from fractions import Fraction

import pytest

from whet.stages.answers.comparison import Comparison
from whet.stages.answers.question import Asked
from whet.stages.answers.types import LONGEST_ANSWER, compare_cheaply, compare_fully, infer_type, reference_of

TOLERANCE = Fraction(1, 10_000)


@pytest.mark.parametrize(
    ("reference", "answer_type"),
    [
        ("420", "number"),
        ("10{,}000", "number"),
        (r"\frac{1}{9}", "number"),
        (r"12\frac{3}{5}", "number"),
        ("$37.50", "number"),
        ("25%", "number"),
        ("18 dollars", "number"),
        ("A", "choice"),
        ("(C)", "choice"),
        ("A, C", "choice"),
        ("Tuesday", "text"),
        (r"\text{east}", "text"),
        ("yes", "boolean"),
        ("False", "boolean"),
        ("是", "boolean"),
        ("right", "text"),
        ("four", "number"),
        ("5 million", "number"),
        ("5 or 6 accepted", "number"),
        ("May 1, 2024", "text"),
        ("2024年5月1日", "text"),
        ("16:30", "math"),
        ("autumn / fall", "text"),
        ("B; C", "choice"),
        ('{"a": 1}', "json"),
        ('["a", "b"]', "json"),
        ("[1, 2]", "math"),
        (r"\{1, 2\}", "math"),
        ("(a) 3; (b) 4", "multi"),
        ("1) yes 2) no", "multi"),
        ("Paris; 42", "multi"),
        ("3; 4", "math"),
        ("A -> B -> C", "sequence"),
        (r"1 \to 2 \to 3", "sequence"),
        ("3 1 2", "sequence"),
        ("C A B", "sequence"),
        ("1 2", "math"),
        ("4:30 p.m.", "text"),
        ("4:30p..", "text"),
        ("2 pm", "text"),
        ("2024-05-01", "text"),
        ("4t", "math"),
        (r"7\pi", "math"),
        ("4a-2", "math"),
        ("x", "math"),
        ("ab", "math"),
        ("(1,2)", "math"),
        ("x = 4", "math"),
        ("1, 2", "math"),
        ("3:4", "math"),
        (r"\sqrt{2}", "math"),
    ],
)
def test_a_reference_shows_its_type(reference, answer_type):
    assert infer_type(reference) == answer_type


def test_the_reference_stands_behind_its_mark():
    assert reference_of("5 - 2 = <<5-2=3>>3\n#### 1,234") == "1,234"
    assert reference_of(r"We get \boxed{\frac{1}{2}}.") == r"\frac{1}{2}"
    assert reference_of(" 42 ") == "42"
    assert reference_of(None) == ""


def test_what_math_data_calls_math_is_compared_as_what_it_shows():
    assert compare_cheaply("math", "Tuesday", r"\text{tuesday}", Asked(), TOLERANCE).equal is True  # type: ignore[union-attr]
    assert compare_cheaply("math", "Tuesday", "Monday", Asked(), TOLERANCE).equal is False  # type: ignore[union-attr]
    assert compare_cheaply("math", "A", r"\textbf{(A) } 12", Asked(), TOLERANCE).equal is True  # type: ignore[union-attr]
    assert compare_cheaply("math", "4:30 p.m.", "4:30 a.m.", Asked(), TOLERANCE).equal is False  # type: ignore[union-attr]


def test_only_expressions_are_left_for_a_worker():
    assert compare_cheaply("math", "420", "421", Asked(), TOLERANCE) is not None
    assert compare_cheaply("number", "4", "2+2", Asked(), TOLERANCE) is None
    assert compare_fully("number", "4", "2+2", Asked(), TOLERANCE).equal is True


def test_an_answer_beyond_all_length_is_compared_as_text():
    long = "1" * (LONGEST_ANSWER + 1)
    outcome = compare_cheaply("math", "1", long, Asked(), TOLERANCE)
    assert outcome == Comparison(False, "length", f"{len(long)} characters long")
    assert compare_cheaply("math", long, long, Asked(), TOLERANCE) == Comparison(True, "same text")
