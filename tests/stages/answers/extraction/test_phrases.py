import pytest

from whet.stages.answers.extraction import extract


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer to part (a) is 5.", "5"),
        ("The answer for this is 5.", "5"),
        ("The answer will be 5.", "5"),
        ("The answers are: 3; yes", "3; yes"),
        ("Answer (in cm): 5", "5"),
        ("answer = 5", "5"),
        ("Ans: 5", "5"),
        ("Answer\n5", "5"),
        ("**Answer**\n\n$x=5$", "$x=5$"),
        ("### The correct answer\n\n**5**", "5"),
        ("**Answer: 5**", "5"),
        ("The final result is 5.", "5"),
        ("Therefore, the solution is $x=5$.", "$x=5$"),
        ("The solution set is {3, 5}.", "{3, 5}"),
        ("The answer is as follows: 5", "5"),
        ("The answer is given by 5", "5"),
        ("The answer is therefore\n\n$$5$$\n\nwhich was asked for", "5"),
        ("The answer is\n```\n5\n```", "5"),
        ("The answer is:\n```text\n1, 2\n```", "1, 2"),
        ("The answer is\n> 5", "5"),
        ("Answer: The value of $x$ is 5.", "5"),
        ("The answer is `5`.", "5"),
        ("#### 5\n\nI hope this helps.", "5"),
        ("#### 5\n#### Explanation\nWe count.", "5"),
        ("答案:  5个", "5个"),
        ("最终结果为：5。", "5"),
        ("結果等於5。", "5"),
        ("【答案】C", "C"),
        ("答案应为 5，因为 2+3=5。", "5"),
        ("3×14=42\n答：一共有42支。", "一共有42支"),
        # How far an answer reaches.
        ("The answer is > 5.", "> 5"),
        ("The answer is 3.14 meters. Note 5.", "3.14 meters"),
        ("The answer is $x = 3$; $y = 4$.", "$x = 3$; $y = 4$"),
        ("The answer is 5; this was to be shown.", "5"),
        ("The answer is 5, not 6.", "5"),
        ("The answer is 5 if we round it.", "5"),
        ("The answer is 5 if it is whole and 6 if not.", "5 if it is whole and 6"),
        ("The answer is 5 when it rains, otherwise 6.", "5 when it rains, otherwise 6"),
        ("The answer is 5 or so.", "5 or so"),
        ("The answer is 5 (because 2+3=5).", "5"),
        ("The answer is red, green, and blue.", "red, green, and blue"),
        ("The answer is Paris, and it lies in France.", "Paris"),
        ("The answer is Dr. Smith. He came late.", "Dr. Smith"),
        ("The answer is St. Petersburg.", "St. Petersburg"),
        ('The answer is "to be, or not to be".', "to be, or not to be"),
        ("The answer is 12,\nwhich is even", "12"),
        ("The answer is 5<|im_end|>", "5"),
        ("The answer is 5.</s>", "5"),
        ("The answer is 5 < 6.", "5 < 6"),
    ],
)
def test_an_answer_stands_behind_its_phrase(text, answer):
    found = extract(text)
    assert found is not None
    assert found.text == answer
    assert text[found.start : found.end] == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 42. This answer is correct.", "42"),
        ("The answer is 42. I hope the answer is clear.", "42"),
        ("The answer is 42. The answer is not 41.", "42"),
        ("The answer is 42. The answer should be an integer.", "42"),
        ("The answer is 42. Is the answer reasonable? The answer is above.", "42"),
        ("Answer: Let's count them.\n\nThe total is **42**", "42"),
        ("Answer: First we count.\n\nIt cannot be determined.", "cannot be determined"),
        # Where nothing else is stated it is what was stated.
        ("The answer is correct.", "correct"),
        ("The answer is not Tuesday.", "not Tuesday"),
    ],
)
def test_what_is_said_about_an_answer_is_none_as_long_as_there_is_another(text, answer):
    found = extract(text)
    assert found is not None
    assert found.text == answer


def test_the_items_of_a_list_under_a_phrase_are_one_answer():
    text = "The answer is:\n\n1. x = 3\n2. y = 4.\n\nDone."
    found = extract(text)
    assert found is not None
    assert (found.text, found.rule) == ("x = 3, y = 4", "answer list")
    assert text[found.start : found.end] == "x = 3\n2. y = 4"
    for bullet in "-*•+":
        found = extract(f"The answers are:\n{bullet} 3\n{bullet} 4")
        assert found is not None
        assert (found.text, found.rule) == ("3, 4", "answer list")
    found = extract("The answer is:\n- 3\n")
    assert found is not None
    assert (found.text, found.rule) == ("3", "answer phrase")


@pytest.mark.parametrize(
    "text",
    [
        "#### Step 3\nWe count.",
        "##### 5",
        "The answer of which is what?",
        "To find the answer to what is 3 + 4 we add.",
        "The answer is \\(",
        "The answer is $$",
        "The answers differ.",
        "Nobody could answer: silence.",
        "We answer 5 questions.",
    ],
)
def test_no_answer_behind_what_is_no_phrase(text):
    found = extract(text)
    assert found is None or found.text == "silence"
