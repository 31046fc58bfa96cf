import pytest

from whet.stages.answers.extraction import extract


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        (r"So $x=\boxed{2}$ and $y=\boxed{3}$.", "2, 3", "boxes"),
        (r"$x=\boxed{2}$ or $x=\boxed{3}$.", "2, 3", "boxes"),
        (r"The roots are $\boxed{1}$, $\boxed{2}$ and $\boxed{3}$.", "1, 2, 3", "boxes"),
        (r"\boxed{x = 1}, \boxed{y = 2}", "x = 1, y = 2", "boxes"),
        (r"\[\boxed{2}\quad\text{and}\quad\boxed{3}\]", "2, 3", "boxes"),
        (r"The length is \boxed{3} cm and the width is \boxed{4} cm.", "3, 4", "boxes"),
        (r"\boxed{A} and \boxed{C}", "A, C", "boxes"),
        (r"\boxed{1} \boxed{2} \boxed{3}", "1, 2, 3", "boxes"),
        (r"$\boxed{2}$和$\boxed{3}$", "2, 3", "boxes"),
        (r"We have $\boxed{\fbox{2}}$ and $\boxed{3}$.", "2, 3", "boxes"),
        # The same twice is one answer, said twice.
        (r"$x=\boxed{4}$, so \boxed{4}", "4", "box"),
        (r"\boxed{4} or \boxed{4}", "4", "box"),
        # Another sentence, another line, another step: the last box wins.
        (r"\boxed{2}. It follows that \boxed{3}", "3", "box"),
        (r"Is it \boxed{2}? It is \boxed{3}", "3", "box"),
        ("\\boxed{2},\n\\boxed{3}", "3", "box"),
        (r"得到\boxed{2}。答案\boxed{3}", "3", "box"),
        (r"We get \boxed{3}, then multiply to get \boxed{12}.", "12", "box"),
        (r"\boxed{3}, no: \boxed{4}", "4", "box"),
        (r"Step 1: \boxed{3}, step 2: \boxed{4}", "4", "box"),
        (r"\boxed{3}, 所以 \boxed{4}", "4", "box"),
        (r"$\boxed{3}+\boxed{4}=\boxed{7}$", "7", "box"),
        (r"$\boxed{3} \times \boxed{4}$", "4", "box"),
        (r"$\boxed{x = 3} \Rightarrow \boxed{9}$", "9", "box"),
        (r"$\frac{\boxed{1}}{\boxed{2}}$", "2", "box"),
        (r"\boxed{3} red and \boxed{4} blue, for a total of \boxed{7}", "7", "box"),
        (r"\boxed{3} " + "and on and on " * 20 + r"\boxed{4}", "4", "box"),
    ],
)
def test_boxes_that_one_sentence_lists_are_one_answer(text, answer, rule):
    found = extract(text)
    assert found is not None
    assert (found.text, found.rule) == (answer, rule)


def test_the_span_of_joined_boxes_reaches_from_the_first_to_the_last():
    text = r"So $x=\boxed{2}$ and $y=\boxed{3}$."
    found = extract(text)
    assert found is not None
    # "So $x=\boxed{" has 13 characters, "2}$ and $y=\boxed{3" 19 more.
    assert (found.start, found.end) == (13, 32)
    assert text[found.start : found.end] == r"2}$ and $y=\boxed{3"


@pytest.mark.parametrize(
    "placeholder",
    [
        "",
        "  ",
        "?",
        "...",
        r"\phantom{2}",
        r"\square",
        r"\ldots",
        "answer",
        r"\text{your answer}",
        "the final answer here",
        "$ $",
        "__",
    ],
)
def test_a_box_that_waits_for_an_answer_is_none(placeholder):
    assert extract(rf"\boxed{{{placeholder}}}") is None
    found = extract(rf"Put it into \boxed{{{placeholder}}}. The answer is 5.")
    assert found is not None
    assert (found.text, found.rule) == ("5", "answer phrase")
    found = extract(rf"\boxed{{5}} was asked for as \boxed{{{placeholder}}}.")
    assert found is not None
    assert (found.text, found.rule) == ("5", "box")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{56}. Wait, I made a mistake. The answer is 55.", "55"),
        (r"\boxed{56}. No, that is wrong: the answer is 55.", "55"),
        (r"\boxed{56}。不对，答案是55。", "55"),
        (r"\boxed{56}. Wait, is that right? Yes.", "56"),
        (r"\boxed{56}. Wait, is it? The answer is correct.", "56"),
        (r"\boxed{56} and the answer is 55", "56"),
        (r"The answer is 55. \boxed{56}. Actually, yes.", "56"),
    ],
)
def test_a_phrase_behind_a_second_thought_replaces_a_box(text, answer):
    found = extract(text)
    assert found is not None
    assert found.text == answer
