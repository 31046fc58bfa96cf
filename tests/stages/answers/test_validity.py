import json
import os
from pathlib import Path

import pytest

from whet.stages.answers.extraction import extract
from whet.stages.answers.garbled import is_garbled
from whet.stages.answers.looping import counts_for_ever, ends_in_a_loop
from whet.stages.answers.validity import breaks_off, is_refusal, validity


def reason(text, finish_reason="stop", answer_type="math"):
    return validity(text, finish_reason, extract(text, answer_type))


LOOP = "Let me count again. " * 40


@pytest.mark.parametrize(
    ("text", "finish_reason", "expected"),
    [
        ("", "stop", "empty"),
        (" \n\t", "length", "empty"),
        (r"so \boxed{4}", "stop", None),
        ("I think 4", "stop", "no answer"),
        # A loop at the end counts whatever was stated before.
        (LOOP, "length", "looping"),
        (r"\boxed{4} " + LOOP, "stop", "looping"),
        (LOOP + r"\boxed{4}", "stop", None),
        # A counter alone may change, as long as nothing is stated.
        ("".join(f"Step {n}: check it.\n" for n in range(30)), "stop", "looping"),
        ("The answer is 4.\n" + "".join(f"Step {n}: check it.\n" for n in range(30)), "stop", None),
        # Garbled text and refusals count only without an answer.
        ("�� ~~ ]] {{ �� ^^ �� ;;", "stop", "garbled"),
        (r"�� ~~ ]] {{ �� ^^ �� \boxed{4}", "stop", None),
        ("I'm sorry, but I can't help with that.", "stop", "refusal"),
        ("I'm sorry, but I can't answer exactly. The answer is 4.", "stop", None),
        ("I cannot answer that, since I have to", "length", "refusal"),
        # To say that there is no answer is an answer.
        ("So the question cannot be answered.", "stop", None),
        ("The answer is: unanswerable", "stop", None),
        # Cut by length.
        ("so we have", "length", "truncated"),
        ("It is done.", "length", "truncated"),
        (r"so \boxed{4", "length", "truncated"),
        (r"so \boxed{4} as", "length", None),
        (r"so \boxed{4}", "length", None),
        (r"so \boxed 4", "length", "truncated"),
        ("<answer>4", "length", "truncated"),
        ("<answer>4</answer>", "length", None),
        ("the answer is 4", "length", "truncated"),
        ("the answer is 4.", "length", "truncated"),
        ("the answer is **4**", "length", "truncated"),
        ("the answer is 4. We", "length", None),
        ("the answer is 4 because", "length", None),
        # Not cut, but it breaks off.
        (r"so \boxed{4", "stop", None),
        ("3 boxes of 14 pens, that is a product of", "stop", "truncated"),
        ("3 boxes of 14 pens, that is a product of", None, "truncated"),
    ],
)
def test_why_a_rollout_is_invalid(text, finish_reason, expected):
    assert reason(text, finish_reason) == expected


@pytest.mark.parametrize(
    "text",
    [
        "We have to multiply the",
        "We count the boxes, then the pens,",
        "So it is 3 +",
        "There are 3 boxes (",
        "The sum is $3 \\cdot",
        "The sum is $\\frac",
        "It follows: \\[ x = 3",
        "It follows: \\( x",
        "It follows:\n\\begin{align} x = 3",
        "Run it:\n```python\nx = 3",
        "<think>We count the boxes.",
        "We count the boxes of the man who came here",
        "所以我们需要把盒数和每盒的",
        "因此，",
        "Now -",
    ],
)
def test_a_text_breaks_off_mid_sentence(text):
    assert breaks_off(text)


@pytest.mark.parametrize(
    "text",
    [
        "We count the boxes.",
        "We count the boxes!",
        "Is it so?",
        "合起来就是42支了",
        "一共42支。",
        "So it ends",
        "Nobody knows how many boxes there are. Verdict: correct",
        "We count them, then \\[ x = 3 \\]",
        "```python\nx = 3\n```",
        "\\begin{align} x = 3 \\end{align}",
        "Here it comes: \\boxed{}",
        "<think>We count.</think> Done.",
        "",
    ],
)
def test_a_text_that_ends_does_not_break_off(text):
    assert not breaks_off(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that request.",
        "I’m sorry, but I can’t assist.",
        "I cannot answer this.",
        "I am unable to provide this figure.",
        "I'm not able to solve it.",
        "I won't complete this task.",
        "As an AI language model, I only know words.",
        "I need internet access.",
        "I don't have access to the internet.",
        "I have no real-time data.",
        "To answer this I would require the web.",
        "抱歉，我无法回答这个问题。",
        "我不能访问互联网。",
        "作为一个人工智能，我没有看法。",
        "<think>Fine.</think>I can't answer.",
    ],
)
def test_a_text_that_declines_is_a_refusal(text):
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "We cannot solve this by factoring.",
        "I can't see the boxes, but there are three.",
        "The server needs access to the disk.",
        "An AI counts them.",
        "I will answer this.",
        "<think>I can't answer.</think>There are three.",
        "我们无法同时取到两个值。",
        "",
    ],
)
def test_other_texts_are_no_refusal(text):
    assert not is_refusal(text)


def test_no_completion_of_the_real_ones_that_is_right_is_invalid():
    folder = os.environ.get("WHET_DATA")
    if not folder:
        pytest.skip("WHET_DATA names no folder with math_rollouts_100x8.jsonl: real completions not checked")
    rows = [json.loads(line) for line in (Path(folder) / "math_rollouts_100x8.jsonl").read_text().splitlines()]
    texts = [(text, right) for row in rows for text, right in zip(row["response"], row["score"], strict=True)]
    assert sum(right for _, right in texts) == 728
    assert [text[-200:] for text, right in texts if right and reason(text) is not None] == []
    assert [text[-200:] for text, _ in texts if ends_in_a_loop(text) or counts_for_ever(text) or is_refusal(text)] == []
    # Three run away into words of many scripts behind their answers: with their boxes gone they are garbled.
    assert sum(is_garbled(text) for text, _ in texts) == 3
    # Cut in front of their boxes they are truncated, but where the answer was stated in words before it.
    cut = [text[: text.rindex("\\boxed")] for text, _ in texts]
    assert {reason(text) for text in cut} == {"truncated", None}
