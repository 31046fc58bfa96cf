import pytest

from whet.stages.answers.extraction import extract


@pytest.mark.parametrize(
    ("text", "answer_type", "answer"),
    [
        ("So Weng earned **$10**.", "number", "$10"),
        ("It is\n\n**18 dollars** a day\n\n", "number", "18 dollars"),
        ("It is __18__.", "number", "18"),
        (r"So it is **\(x+1\)**.", "math", r"\(x+1\)"),
        ("The capital is **Paris**.", "text", "Paris"),
    ],
)
def test_the_one_bold_piece_of_the_last_line_is_an_answer(text, answer_type, answer):
    found = extract(text, answer_type)
    assert found is not None
    assert (found.text, found.rule) == (answer, "bold")
    assert text[found.start : found.end] == answer


@pytest.mark.parametrize(
    ("text", "answer_type"),
    [
        ("There are **12** apples and **3** pears.", "number"),
        ("It is **18** dollars.\nI hope this helps.", "number"),
        ("**Step 1:** multiply 9 by 2.", "number"),
        ("**Step 1**: multiply 9 by 2.", "number"),
        ("This is **important**.", "number"),
        ("**Note:** this is all.", "text"),
    ],
)
def test_other_bold_words_are_no_answer(text, answer_type):
    assert extract(text, answer_type) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So it cannot be determined.", "cannot be determined"),
        ("The question can't be answered.", "can't be answered"),
        ("This problem is unanswerable.", "unanswerable"),
        ("There is not enough information.", "not enough information"),
        ("I conclude that it has no answer.", "has no answer"),
        ("So the equation has no real solutions.", "no real solutions"),
        ("Therefore the limit does not exist.", "does not exist"),
        ("所以无法确定。", "无法确定"),
        ("所以方程无解。", "无解"),
    ],
)
def test_that_there_is_no_answer_is_an_answer(text, answer):
    found = extract(text)
    assert found is not None
    assert (found.text, found.rule) == (answer, "unanswerable")


def test_only_the_last_line_says_that_there_is_no_answer():
    assert extract("It cannot be determined at first.\nLet us look again.") is None
    found = extract("At first it cannot be determined. The answer is 5.")
    assert found is not None
    assert found.text == "5"


def test_a_program_at_the_end_is_an_answer():
    text = "Run this:\n```python\nprint(1)\n```\n"
    found = extract(text, "number")
    assert found is not None
    assert (found.text, found.rule) == ("print(1)", "code")
    assert extract("```python\nprint(1)\n```\nRun it to see.", "number") is None
    assert extract("```python\nprint(1)\n", "number") is None
    found = extract("```python\nprint(1)\n```\nIt prints 1, so the answer is 1.\n```\nend\n```", "number")
    assert found is not None
    assert found.text == "1"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("48", "48"),
        ("<think>24 + 24</think>\n\n48.\n", "48"),
        ("$48$", "$48$"),
        ("$\\frac{1}{2}$", None),
        ("48 apples", "48 apples"),
        (r"5\text{ cm}", r"5\text{ cm}"),
        ("-1,250.50", "-1,250.50"),
        ("She has 48 apples", None),
        ("48 red apples", None),
        ("24 + 24 =", None),
        ("24 + 24", None),
        ("Step 1", None),
        ("24\n48", None),
        ("1" * 300, None),
    ],
)
def test_a_text_that_is_nothing_but_a_number_states_it(text, answer):
    found = extract(text, "number")
    assert (found and (found.text, found.rule)) == (answer and (answer, "bare number"))
    assert found is None or text[found.start : found.end] == answer
    assert extract(text, "math") is None
