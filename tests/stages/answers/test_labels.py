import pytest

from whet.stages.answers.labels import labels_of, place_of, runs_of


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("(a) one (b) two", ["a", "b"]),
        ("a) one\nb. two\nc: three", ["a", "b", "c"]),
        ("**(i)** one\n- **(ii)** two", ["i", "ii"]),
        ("Part A: one\nPart (b). two\n## Question 3\nthree", ["a", "b", "3"]),
        ("1. one 2. two", ["1", "2"]),
        ("（1）一（2）二", ["1", "2"]),
        ("第一问 一 第2题 二", ["1", "2"]),
        ("①一②二", ["1", "2"]),
        ("f(a) and g(b)", []),
        ("a dog and 3.14", []),
        ("part of it", []),
        ("", []),
    ],
)
def test_labels_are_found_in_one_spelling(text, names):
    assert [label.name for label in labels_of(text)] == names


def test_a_label_stands_where_its_span_says():
    text = "So:\n**(a)**: one (b) two"
    first, second = labels_of(text)
    assert text[first.end :] == " one (b) two"
    assert text[second.start : second.end] == "(b)"
    assert labels_of(text, second.start) == [second]
    assert labels_of(text, 0, second.start) == [first]


def test_a_run_starts_with_the_first_label_of_its_family():
    def names(text):
        return [[label.name for label in run] for run in runs_of(labels_of(text))]

    assert names("(a) (b) (c)") == [["a", "b", "c"]]
    assert names("(b) (c)") == []
    assert names("(a) (c)") == []
    assert names("(a) (b) (a) (b) (c)") == [["a", "b"], ["a", "b", "c"]]
    assert names("(a) (1) (b) (2)") == [["a", "b"], ["1", "2"]]
    assert names("(i) (ii) (iii)") == [["i", "ii", "iii"]]


def test_the_place_of_a_label_counts_from_zero():
    assert [place_of(name) for name in ("a", "c", "1", "9", "i", "iv")] == [0, 2, 0, 8, 0, 3]
