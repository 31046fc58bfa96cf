import pytest

from whet.stages.answers.inference import LONGEST_INFERRED, infer_type


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
        ("(1) yes (2) no", "multi"),
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
        ("sin x", "math"),
        ("a-b", "math"),
        ("x-ray", "text"),
        ("well-known", "text"),
        ("log in", "text"),
        ("no solution", "math"),
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


def test_a_reference_without_end_is_text():
    assert infer_type("1" * (LONGEST_INFERRED + 1)) == "text"
