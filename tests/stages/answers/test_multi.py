import pytest

from whet.stages.answers.comparison import Comparison
from whet.stages.answers.multi import compare, has_labels, read_parts


def same(one, other):
    """A comparison of parts that leaves "?" open."""
    if "?" in (one, other):
        return None
    equal = one.replace(" ", "") == other.replace(" ", "")
    return Comparison(equal, "part", None if equal else "another part")


LABELLED = [("a", "3"), ("b", "4")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("(a) 3; (b) 4", LABELLED),
        ("(a) 3, (b) 4", LABELLED),
        ("(a) 3 (b) 4", LABELLED),
        ("a) 3; b) 4", LABELLED),
        ("a: 3; b: 4", LABELLED),
        ("a. 3\nb. 4", LABELLED),
        ("Part (a): 3\nPart (b): 4", LABELLED),
        ("Part A: 3; Part B: 4", LABELLED),
        ("**(a)** 3\n**(b)** 4", LABELLED),
        ("(b) 4; (a) 3", LABELLED[::-1]),
        ("(1) 3; (2) 4", [("1", "3"), ("2", "4")]),
        ("（1）3；（2）4", [("1", "3"), ("2", "4")]),
        ("(i) 3; (ii) 4; (iii) 5", [("i", "3"), ("ii", "4"), ("iii", "5")]),
        ("3; 4", [("", "3"), ("", "4")]),
        ("3\n4", [("", "3"), ("", "4")]),
        ("(1, 2); f(a; b)", [("", "(1, 2)"), ("", "f(a; b)")]),
        ("(a) 3; (c) 4", [("", "(a) 3"), ("", "(c) 4")]),
        ("3", [("", "3")]),
        ("", []),
    ],
)
def test_parts_stand_behind_labels_or_between_semicolons(text, parts):
    assert read_parts(text) == parts


def test_commas_part_an_answer_only_into_as_many_parts_as_there_should_be():
    assert read_parts("3, 4") == [("", "3, 4")]
    assert read_parts("3, 4", count=2) == [("", "3"), ("", "4")]
    assert read_parts("3 and 4", count=2) == [("", "3"), ("", "4")]
    assert read_parts("3, 4, 5", count=2) == [("", "3, 4, 5")]


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("(a) 3; (b) 4", "(b) 4; (a) 3"),
        ("(a) 3; (b) 4", "a: 3, b: 4"),
        ("(a) 3; (b) 4", "3; 4"),
        ("3; 4", "(a) 3; (b) 4"),
        ("(1) 3; (2) 4", "3 and 4"),
        ("x = 3; y = 4", "y = 4; x = 3"),
    ],
)
def test_parts_are_matched_by_label_by_name_or_by_position(expected, answer):
    assert compare(expected, answer, same) == Comparison(True, "multi")
    if " and " not in answer:
        assert compare(answer, expected, same) == Comparison(True, "multi")


@pytest.mark.parametrize(
    ("expected", "answer", "reason"),
    [
        ("(a) 3; (b) 4", "(a) 3; (b) 5", "part b differs: another part"),
        ("(a) 3; (b) 4", "(a) 4; (b) 3", "part a differs: another part"),
        ("(a) 3; (b) 4", "4; 3", "part a differs: another part"),
        ("(a) 3; (b) 4; (c) 5", "(a) 3; (b) 4", "part c is missing"),
        ("(a) 3; (b) 4", "(a) 3; (b) 4; (c) 5", "3 parts, 2 expected"),
        ("(a) 3; (b) 4", "3", "1 part, 2 expected"),
        ("3; 4", "3; 5", "part 2 differs: another part"),
        ("x = 3; y = 4", "x = 4; y = 3", "part x differs: another part"),
        ("3; 4", "", "0 parts, 2 expected"),
        ("3; 4; 5", "?; 4; 6", "part 3 differs: another part"),
    ],
)
def test_all_parts_are_needed_and_the_first_wrong_one_is_named(expected, answer, reason):
    assert compare(expected, answer, same) == Comparison(False, "multi", reason)


def test_an_open_part_leaves_the_whole_open():
    assert compare("3; 4", "3; ?", same) is None
    assert compare("(a) ; (b) 4", "3; 4", same) == Comparison(
        None, "multi", "reference not understood: it has no parts, or an empty one"
    )


def test_labels_of_options_are_no_labels_of_parts():
    assert has_labels("(a) 3; (b) 4")
    assert has_labels("(1) 3 (2) 4")
    assert not has_labels("(A) red (B) blue")
    assert not has_labels("3; 4")
    assert not has_labels("f(a) + g(b)")
