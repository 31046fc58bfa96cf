import pytest

from whet.stages.answers.choice import compare, read_choice, understood
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
    ("B", "选项B", True, False),
    ("B", "B选项", True, False),
    ("B", "B项", True, False),
    ("A, C", "a, c", True, False),
    ("A, C", "both A and C", True, False),
    ("A, C", "options A and C", True, False),
    ("A, C", "A、C", True, False),
    ("A, C", "选AC", True, False),
    ("A, C", "A; C", True, False),
    ("A, C", "a, d", False, False),
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


def test_the_value_of_one_option_is_that_option():
    halves = read_question("What is half of one?\nA. 0.25\nB. $\\frac{1}{2}$\nC. 2")
    assert read_choice("0.5", halves) == {"B"}
    assert read_choice("B. 0.5", halves) == {"B"}
    assert read_choice("B. 0.25", halves) is None
    assert read_choice("0.75", halves) is None


def test_a_reference_is_understood_when_the_question_offers_it():
    assert understood("B", ANIMALS) is None
    assert understood("a dog", ANIMALS) is None
    assert understood("E", ANIMALS) == "no option E in the question"
    assert understood("a cow", ANIMALS) == "it names none of the options"
    assert understood("a cow", NO_OPTIONS) is None


def test_a_letter_against_a_text_that_no_option_has_says_nothing():
    assert compare("a cow", "a cow", ANIMALS).equal is True
    assert compare("a cow", "a horse", NO_OPTIONS).equal is False
    assert compare("a cow", "B", NO_OPTIONS).equal is None
