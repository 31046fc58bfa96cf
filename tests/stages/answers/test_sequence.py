import pytest

from whet.stages.answers.comparison import Comparison
from whet.stages.answers.sequence import compare, read_items, shows_sequence


def same(one, other):
    """A comparison of items that leaves "?" open and does not know "!"."""
    if "?" in (one, other):
        return None
    return Comparison(None if "!" in (one, other) else one.lower() == other.lower(), "item", "another item")


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("1, 2, 3", ["1", "2", "3"]),
        ("1,2,3", ["1", "2", "3"]),
        ("1 2 3", ["1", "2", "3"]),
        ("1\n2\n\n3", ["1", "2", "3"]),
        ("1; 2; 3", ["1", "2", "3"]),
        ("A -> B -> C", ["A", "B", "C"]),
        ("A → B→C", ["A", "B", "C"]),
        ("A => B", ["A", "B"]),
        (r"$A \to B \rightarrow C$", ["A", "B", "C"]),
        ("[1, 2, 3]", ["1", "2", "3"]),
        ("(1, 2, 3)", ["1", "2", "3"]),
        (r"\{1, 2\}", ["1", "2"]),
        (r"\left( 1, 2 \right)", ["1", "2"]),
        ("New York, Boston and Rome", ["New York", "Boston", "Rome"]),
        ("New York, Boston, and Rome", ["New York", "Boston", "Rome"]),
        ("1. red\n2. blue", ["red", "blue"]),
        ("(1) red\n(2) blue", ["red", "blue"]),
        ("- red\n- blue", ["red", "blue"]),
        ("1.5\n2.5", ["1.5", "2.5"]),
        ("1,000, 2,000", ["1000", "2000"]),
        ("100,200,300", ["100", "200", "300"]),
        ("甲、乙、丙", ["甲", "乙", "丙"]),
        ('"a", "b"', ["a", "b"]),
        ("red", ["red"]),
        ("", []),
        ("  ", []),
    ],
)
def test_items_stand_between_the_strongest_separators(text, items):
    assert read_items(text) == items


@pytest.mark.parametrize(
    ("expected", "answer"),
    [("1 2 3", "1, 2, 3"), ("A -> B -> C", "a, b, c"), ("C, B, A", "CBA"), ("x", "X"), ("1\n2", "(1, 2)")],
)
def test_the_separators_do_not_matter(expected, answer):
    assert compare(expected, answer, same) == Comparison(True, "sequence")
    assert compare(answer, expected, same) == Comparison(True, "sequence")


@pytest.mark.parametrize(
    ("expected", "answer", "reason"),
    [
        ("1, 2, 3", "1, 3, 2", "item 2 differs: another item"),
        ("1, 2, 3", "1, 2", "2 items, 3 expected"),
        ("1, 2, 3", "1, 2, 3, 4", "4 items, 3 expected"),
        ("1, 2, 3, 4, 5, 6, 7, 8", "1, 2, 3, 4, 5, 7, 7, 8", "item 6 differs: another item"),
        ("CBA", "CAB", "item 1 differs: another item"),
        ("1, 2", "", "0 items, 2 expected"),
        # the first wrong one counts, though others are still open
        ("1, 2, 3", "?, 2, 4", "item 3 differs: another item"),
    ],
)
def test_the_reason_says_which_item_differs_or_how_many_there_are(expected, answer, reason):
    assert compare(expected, answer, same) == Comparison(False, "sequence", reason)


def test_an_open_item_leaves_the_whole_open():
    assert compare("1, 2", "1, ?", same) is None
    assert compare("1, 2", "1, !", same) == Comparison(None, "sequence", "another item")
    assert compare("", "1", same) == Comparison(None, "sequence", "reference not understood: it has no items")


def test_what_can_only_be_a_sequence():
    assert all(map(shows_sequence, ["A -> B -> C", r"1 \to 2 \to 3", "3 1 2", "C A B", "-1 0 1.5"]))
    assert not any(map(shows_sequence, ["x -> 3", "1 2", "a b c", "1, 2, 3", "the big cat", "f(x)"]))


def test_ten_thousand_blanks_take_no_time():
    assert read_items("a" + " " * 10_000 + "b") == ["a", "b"]
