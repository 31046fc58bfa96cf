import pytest

from whet.stages.answers.extraction import extract


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("<answer>12</answer>", "12", "answer tag"),
        ("<Answer> 12 </ANSWER> done", "12", "answer tag"),
        ("<final_answer>12</final_answer>", "12", "answer tag"),
        ("<answer>11</answer> no <answer>12</answer>", "12", "answer tag"),
        ("<answer>12</answer> <answer> </answer>", "12", "answer tag"),
        ("<answer>12", "12", "open answer tag"),
        ("<answer>12</answer> <answer>", "12", "answer tag"),
        # What is inside a tag is read like any text.
        (r"<answer>so \boxed{12} km</answer>", "12", "box"),
        ("<answer>The answer is **12**.</answer>", "12", "answer phrase"),
        # The later one of a box and a tag.
        (r"\boxed{11} <answer>12</answer>", "12", "answer tag"),
        (r"<answer>11</answer> \boxed{12}", "12", "box"),
    ],
)
def test_an_answer_tag_holds_the_answer(text, answer, rule):
    found = extract(text)
    assert found is not None
    assert (found.text, found.rule) == (answer, rule)
    assert text[found.start : found.end] == answer


@pytest.mark.parametrize("text", ["<answer></answer>", "<answer>", "</answer>", "12</answer>", "<answers>12</answers>"])
def test_a_tag_without_content_holds_none(text):
    assert extract(text) is None
