import pytest

from whet.stages.answers.extraction import extract


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("The order is A -> B -> C.", "A -> B -> C", "sequence phrase"),
        ("The sorted list is [1, 2, 3].", "[1, 2, 3]", "sequence phrase"),
        ("The shortest path: A > B > C", "A > B > C", "sequence phrase"),
        ("顺序是：甲、乙、丙。", "甲、乙、丙", "sequence phrase"),
        ("The answer is apple, banana, and cherry.", "apple, banana, and cherry", "answer phrase"),
        ("The answer is:\n```text\n1, 2\n```", "1, 2", "answer phrase"),
        ("So it runs:\n```\n1 2 3\n```", "1 2 3", "code"),
        ("So it runs\nA → B → C", "A → B → C", "last line"),
        ("So it runs\n1, 2, 3", "1, 2, 3", "last line"),
        ("So it runs\n**[1, 2, 3]**", "[1, 2, 3]", "last line"),
        ("So it runs\nthe first step -> the second step", "the first step -> the second step", "last line"),
        (r"\boxed{1, 2, 3}", "1, 2, 3", "box"),
    ],
)
def test_a_list_is_stated(text, answer, rule):
    found = extract(text, "sequence")
    assert found is not None
    assert (found.text, found.rule) == (answer, rule)
    assert text[found.start : found.end] == answer


def test_the_items_of_a_list_under_a_phrase_are_a_sequence():
    found = extract("The answer is:\n\n1. apple\n2. fig\n3. pear", "sequence")
    assert found is not None
    assert (found.text, found.rule) == ("apple, fig, pear", "answer list")


@pytest.mark.parametrize(
    "text",
    [
        "The smallest is 1, then there are 3 and 5, and 9 comes last.",
        "First, do this, then that.",
        "It ends here, yes",
        "A sequence of steps.",
        "a" * 50 + " -> b",
        "?! -> #$",
        "?!,#$,%&",
    ],
)
def test_a_list_in_running_text_is_none(text):
    assert extract(text, "sequence") is None
