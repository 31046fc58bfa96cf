import pytest

from whet.stages.answers.choice import compare, read_choice
from whet.stages.answers.question import Asked, read_question

ANIMALS = read_question("Which animal barks?\nA. a cat\nB. a dog\nC. an eel\nD. none of them")
NO_OPTIONS = Asked()

CASES = [
    # expected, answer, equal, with the options known
    ("B", "B", True, False),
    ("B", "b", True, False),
    ("B", "(B)", True, False),
    ("(B)", "B", True, False),
    ("B", "B.", True, False),
    ("B", "**B**", True, False),
    ("B", r"\text{B}", True, False),
    ("B", r"\textbf{(B) }2", True, False),
    ("B", "[B]", True, False),
    ("B", "option B", True, False),
    ("B", "选B", True, False),
    ("B", "B is correct", True, False),
    ("B", "B) a dog", True, False),
    ("B", "A", False, False),
    ("B", "(A)", False, False),
    ("B", "C. the bee", False, False),
    ("B", "B dog and a cat", False, False),
    ("B", "AB", False, False),
    ("B", "A or B", False, False),
    ("B", "8", False, False),
    ("B", "be", False, False),
    ("B", "B'", False, False),
    ("A", "A dog", False, False),
    ("A, C", "C and A", True, False),
    ("AC", "A, C", True, False),
    ("A, C", "A", False, False),
    ("A, C", "A, B, C", False, False),
    ("B", "B. a dog", True, True),
    ("B", "a dog", True, True),
    ("B", "A dog", True, True),
    ("a dog", "B", True, True),
    ("B", "B. a cat", False, True),
    ("B", "A. a dog", False, True),
    ("B", "a cat", False, True),
    ("B", "a cow", False, True),
    ("D", "None of them", True, True),
]


@pytest.mark.parametrize(("expected", "answer", "equal", "known"), CASES)
def test_choices_are_equal_by_letter_or_text(expected, answer, equal, known):
    asked = ANIMALS if known else NO_OPTIONS
    assert compare(expected, answer, asked).equal is equal


@pytest.mark.parametrize("expected", ["A", "(C)", "A, C", "D", "a dog"])
def test_every_choice_equals_itself(expected):
    assert compare(expected, expected, ANIMALS).equal is True


def test_two_options_with_the_same_text_name_no_letter():
    asked = read_question("Pick.\nA. one\nB. one\nC. two")
    assert read_choice("one", asked) is None
    assert read_choice("two", asked) == {"C"}
