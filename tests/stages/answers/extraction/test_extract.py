import random

import pytest

from whet.stages.answers.extraction import LONGEST_ENDING, extract
from whet.stages.answers.question import read_question
from whet.stages.answers.types import ANSWER_TYPES
from whet.stages.answers.validity import validity

FOUND = [
    # text, answer, rule
    (r"so \boxed{4}.", "4", "box"),
    (r"first \boxed{3}, no: \boxed{\frac{1}{2}} it is", r"\frac{1}{2}", "box"),
    (r"\boxed{\{1, 2\}}", r"\{1, 2\}", "box"),
    (r"\boxed{ 4:30 \text{ p.m.}}", r"4:30 \text{ p.m.}", "box"),
    (r"\boxed{\begin{pmatrix} 1 \\ 2 \end{pmatrix}}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "box"),
    (r"\fbox{7}", "7", "box"),
    (r"\boxed{\fbox{7}}", "7", "box"),
    (r"\boxed{$\boxed{7}$}", "7", "box"),
    (r"\boxed{\boxed{3} + 1}", r"\boxed{3} + 1", "box"),
    (r"\boxed {5}", "5", "box"),
    (r"\boxed{5} and then \boxed{}", "5", "box"),
    (r"\boxed{a \boxed{b} c} end", r"a \boxed{b} c", "box"),
    (r"} stray \boxed{8}", "8", "box"),
    (r"{ stray \boxed{8}", "8", "box"),
    (r"The answer is 3. No, \boxed{4}", "4", "box"),
    (r"\boxed{4} and the answer is 5", "4", "box"),
    (r"as \[\boxed{12\]", "12", "open box"),
    (r"so $x = \boxed{42$ holds", "42", "open box"),
    (r"\boxed{\frac{1}{2", r"\frac{1}{2", "open box"),
    (r"\boxed{never closed. Later \boxed{9}", "9", "box"),
    (r"gives $\boxed 42$ now", "42", "box without braces"),
    (r"<think>maybe \boxed{1}</think> \boxed{2}", "2", "box"),
    (r"a <think>\boxed{1}</think> b <THINK>\boxed{2}</THINK> the answer is 3", "3", "answer phrase"),
    (r"<reasoning>\boxed{1}</reasoning>#### 3", "3", "####"),
    (r"\boxed{1} <think> and now \boxed{2}", "1", "box"),
    ("<answer> 12 </answer>", "12", "answer tag"),
    ("5 - 2 = 3\n#### 1,234", "1,234", "####"),
    ("#### 3\n#### 4\n", "4", "####"),
    ("The answer is 42.", "42", "answer phrase"),
    ("The answer is $42$ dollars. Good.", "$42$ dollars", "answer phrase"),
    ("the final answer is **B**.", "B", "answer phrase"),
    ("**Answer:** 12", "12", "answer phrase"),
    ("Answer:**12**", "12", "answer phrase"),
    ("**Final Answer**\n\n17", "17", "answer phrase"),
    ("## Final Answer\n- 17\n", "17", "answer phrase"),
    ("The answer is:\n\n\\[\n x = 5 \n\\]", "x = 5", "answer phrase"),
    ("The answer is\n$$\n5\n$$\n", "5", "answer phrase"),
    ("The correct answer is: $x=3$ and $y=4$.", "$x=3$ and $y=4$", "answer phrase"),
    ("The answers are 3 and 4.", "3 and 4", "answer phrase"),
    ("So the answer is 42 because 6*7 = 42.", "42", "answer phrase"),
    ("The answer is therefore 7, which is prime.", "7", "answer phrase"),
    ("The answer is approximately 3.14.", "3.14", "answer phrase"),
    ("The answer is .5", ".5", "answer phrase"),
    ("The answer is -5.", "-5", "answer phrase"),
    ("The answer is - 5.", "- 5", "answer phrase"),
    ("The answer to this question is 5", "5", "answer phrase"),
    ("The answer would be 10", "10", "answer phrase"),
    ("The answer is B. a dog. Not a cat.", "B. a dog", "answer phrase"),
    ("The answer is B.\nA dog barks.", "B", "answer phrase"),
    ("Answer: (C) blue", "(C) blue", "answer phrase"),
    ("The answer is $3.50.", "$3.50", "answer phrase"),
    ("The answer is 3. Wait, the answer is 4.", "4", "answer phrase"),
    ("The answer is 4. Is the answer clear? The answer is:", "4", "answer phrase"),
    ("答案是 42。", "42", "chinese phrase"),
    ("所以最终答案：$\\frac12$", r"$\frac12$", "chinese phrase"),
    ("故答案为：3，因为 1+2=3", "3", "chinese phrase"),
]

NOTHING = [
    "",
    "   ",
    "I counted 3 apples and 4 pears, 7 in all.",
    "x = 7",
    r"\boxed{}",
    r"\boxed{   }",
    "<think>\\boxed{3} so the answer is 3",
    "<think>the answer is 3</think>",
    "The answer is",
    "####",
    "There are 12 of them",
    "The boxed value is 5",
    "An answering machine costs 5 dollars",
]


@pytest.mark.parametrize(("text", "answer", "rule"), FOUND)
def test_the_final_answer_is_found_with_its_rule(text, answer, rule):
    found = extract(text)
    assert found is not None
    assert (found.text, found.rule) == (answer, rule)


@pytest.mark.parametrize("text", [text for text, _, _ in FOUND])
def test_the_span_cuts_the_answer_out_of_the_text(text):
    found = extract(text)
    assert found is not None
    assert text[found.start : found.end] == found.text


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_is_picked_out_of_running_text(text):
    assert extract(text) is None


def test_text_around_does_not_move_the_answer():
    # 40 characters before shift the span by 40 and change nothing else.
    for text, answer, rule in FOUND:
        found = extract("We look at this carefully, step by step.\n" + text)
        assert found is not None
        if not text.startswith(("<", "\\boxed{1} <")):
            assert (found.text, found.rule) == (answer, rule)


def test_only_the_ending_of_a_runaway_is_looked_at():
    far = r"\boxed{1}" + "x" * LONGEST_ENDING
    assert extract(far) is None
    near = "x" * LONGEST_ENDING + r"\boxed{1}"
    found = extract(near)
    assert found is not None
    assert found.start == LONGEST_ENDING + len(r"\boxed{")


PIECES = r"""
\boxed{ } { \fbox{ \boxed $ \( \) \[ \] $$ ``` # #### ** __ * - 1. 2. (a) (b) (A) A B, C. <think> </think> <conclude>
<answer> </answer> <answer answer is are : ： 答案 是 选 。 ， \text{ yes No, true. statement false 3 42 -1/2 x = -> [ ]
"a": "b \" , ; . ? ! and or so because wait cannot be determined Final Answer order list ① 第一问 \\ Step mistake **4**
"""
LONG = [
    "\n",
    "\n\n",
    " ",
    "**Final Answer**\n",
    '{"a": 1}',
    "The answer is ",
    "\x00",
    "\ud800",
    "\ufffd",
    "\u2028",
    "é",
]


def test_no_text_of_pieces_breaks_a_rule_and_every_single_span_holds_its_answer():
    draws = random.Random(3)
    asked = [read_question(""), read_question("(a) x? (b) y?"), read_question("Pick (A) 1 (B) 2")]
    several = {"boxes", "parts", "answer list"}
    found_any = 0
    for _ in range(3000):
        pieces = draws.choices(PIECES.split() + LONG, k=draws.randint(1, 30))
        text = draws.choice(["", " "]).join(pieces)
        found = extract(text, draws.choice(ANSWER_TYPES), draws.choice(asked))
        validity(text, draws.choice(["stop", "length", None]), found)
        if found:
            found_any += 1
            assert 0 <= found.start <= found.end <= len(text)
            assert found.text.strip()
            assert found.rule in several or text[found.start : found.end] == found.text
    assert found_any > 1000
