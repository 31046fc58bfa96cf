import pytest

from whet.stages.answers.extraction import extract
from whet.stages.answers.question import read_question

SCATTERED = r"""**Part (a).** The volume is $2 \cdot 3 \cdot 4 = \boxed{24}$.

Now for the faces, of which (a) says nothing. There are two of each kind.

**Part (b).** The surface is twice their sum, as in (a): \boxed{52}.

I hope this helps!"""


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        (SCATTERED, "(a) 24; (b) 52", "parts"),
        ("(a) 3 (b) 4", "(a) 3; (b) 4", "parts"),
        ("1. x=2 2. y=3", "(1) x=2; (2) y=3", "parts"),
        ("a) 3\nb) 4", "(a) 3; (b) 4", "parts"),
        ("(i) 3, (ii) 4", "(i) 3; (ii) 4", "parts"),
        ("Part A: 3\nPart B: 4", "(a) 3; (b) 4", "parts"),
        ("（1）3；（2）4", "(1) 3; (2) 4", "parts"),
        ("第一问：3；第二问：4。", "(1) 3; (2) 4", "parts"),
        ("①3②4", "(1) 3; (2) 4", "parts"),
        ("(a) $x=3$.\n(b) $y=4$.\nI hope this helps!", "(a) $x=3$; (b) $y=4$", "parts"),
        ("The answers are (a) 3, (b) 4, and (c) 5.", "(a) 3; (b) 4; (c) 5", "parts"),
        ("(a) 4 times 3 is 12.\n(b) 12 less 5 is 7.\n\nThe answers are (a) 12 and (b) 7.", "(a) 12; (b) 7", "parts"),
        ("(a) We find that the answer is 5.\n\n(b) Then the answer is 6.", "(a) 5; (b) 6", "parts"),
        ("(a) It is **5**.\n\n(b) Here **6** is the last.", "(a) 5; (b) 6", "parts"),
        ("<answer>(a) 3 (b) 4</answer>", "(a) 3; (b) 4", "parts"),
        # Corrected later: the last place of a label counts.
        ("(a) \\boxed{3}\n(b) \\boxed{4}\n(a) was wrong.\n(a) \\boxed{5}", "(a) 5; (b) 4", "parts"),
        ("For (a) we get 12.\nNow the other.\nIn (b) the answer is 13.", "(a) 12; (b) 13", "parts"),
        # A box says more than a mention behind it.
        ("(a) \\boxed{3}\n(b) \\boxed{4}\nIn (a) we saw it.", "(a) 3; (b) 4", "parts"),
        # One box with everything.
        (r"\boxed{(a) 12, (b) 7}", "(a) 12, (b) 7", "box"),
        (r"\boxed{12; 7}", "12; 7", "box"),
        ("(a) \\boxed{3}\n(b) \\boxed{4}\nTogether \\boxed{(a) 3, (b) 4}", "(a) 3, (b) 4", "box"),
        ("(a) \\boxed{3}\n(b) \\boxed{4}\nSo \\boxed{3} and \\boxed{5}.", "(a) 3; (b) 5", "parts"),
        ("(a) \\boxed{3}\n(b) \\boxed{4, 5}", "(a) 3; (b) 4, 5", "parts"),
        # Boxes without labels.
        ("\\boxed{3}\n\n\\boxed{4}", "3; 4", "boxes"),
        (r"\boxed{9}. It is $\boxed{3}$ and $\boxed{4}$.", "3, 4", "boxes"),
        ("\\boxed{9}\n\\boxed{3, 4}", "3, 4", "box"),
        (r"\boxed{3}", "3", "box"),
        # A phrase or a list.
        ("The answers are: 3; yes", "3; yes", "answer phrase"),
        ("The answers are:\n1. 3\n2. yes", "3; yes", "answer list"),
        ("(a) 4 chairs (b) 5 chairs. So the answers are 4 and 5.", "(a) 4; (b) 5", "parts"),
        ("1. First, count to 3.\n2. Then count to 4.\nThe answer is 7.", "7", "answer phrase"),
    ],
)
def test_the_parts_of_an_answer_are_collected(text, answer, rule):
    found = extract(text, "multi")
    assert found is not None
    assert (found.text, found.rule) == (answer, rule)


def test_the_span_reaches_from_the_first_part_to_the_last():
    text = "So (a) and (b):\n(a) 3\n(b) 4 is it."
    found = extract(text, "multi")
    assert found is not None
    assert found.text == "(a) 3; (b) 4 is it"
    # "So (a) and (b):\n" has 16 characters, "(a) " 4 more.
    assert (found.start, found.end) == (20, len(text) - 1)


def test_the_labels_of_the_question_are_looked_for():
    text = "1. We add and get \\boxed{3}.\n2. We multiply and get \\boxed{4}.\n"
    found = extract(text, "multi", read_question("1. What is the sum?\n2. What is the product?"))
    assert found is not None
    assert (found.text, found.rule) == ("(1) 3; (2) 4", "parts")
    # They may come in another order.
    asked = read_question("(a) What is the sum? (b) What is the product?")
    for text in ("(b) 4\n(a) 3", "(b) gives 4.\nWe take the parts one by one.\nFor (a) we get 3."):
        found = extract(text, "multi", asked)
        assert found is not None
        assert found.text == "(a) 3; (b) 4"


def test_the_one_part_that_was_answered_keeps_its_label():
    found = extract("We add twice.\n(a) 73", "multi", read_question("Compute (a) 70+3 and (b) 64+4."))
    assert found is not None
    assert (found.text, found.rule) == ("(a) 73", "parts")


def test_a_second_thought_replaces_a_box_with_all_parts():
    text = r"\boxed{(a) 32 (b) 40}" + "\nHold on, I made a mistake.\nFinal answer: (a) 32 (b) 41"
    found = extract(text, "multi", read_question("(a) 16+16? (b) 32+9?"))
    assert found is not None
    assert found.text == "(a) 32 (b) 41"


@pytest.mark.parametrize(
    "text",
    [
        "Combining (a) and (b), we get 5.",
        "(a) Is it? (b) Why?",
        "From (a) we know a lot.",
        "There are four rows, and in each of them three chairs stand.",
        "(b) 4\n(a) 3",
    ],
)
def test_labels_without_answers_are_none(text):
    assert extract(text, "multi") is None
