import pytest

from whet.stages.answers.extraction import after_reasoning, extract


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing to cut", "nothing to cut"),
        ("<think>a</think>b", "b"),
        ("<think>a</think>b<think>c</think>d", "d"),
        ("a</think>b", "b"),
        ("<think>a", ""),
        ("a<think>b", "a"),
        ("<think>a</think>b<think>c", "b"),
        ("<think>a<think>b</think>c", "c"),
        ("<THINKING>a</Thinking>b", "b"),
        ("<thought>a</thought>b", "b"),
        ("<thoughts>a</thoughts>b", "b"),
        ("<reasoning>a</reasoning>b", "b"),
        ("<reflection>a</reflection>b", "b"),
        ("<scratchpad>a</scratchpad>b", "b"),
        ("<|begin_of_thought|>a<|end_of_thought|>b", "b"),
        ("◁think▷a◁/think▷b", "b"),
        ("a<conclude>b</conclude>c", "b"),
        ("a<conclude>b", "b"),
        ("a<conclude>b</conclude><conclude>c</conclude>", "c"),
        ("<think>a<conclude>b", "b"),
        ("<think>a</think>b<CONCLUDE>c</CONCLUDE>", "c"),
        ("<conclude>a<think>b", "a"),
        ("a rethink> b", "a rethink> b"),
        ("the <thinker> a", "the <thinker> a"),
    ],
)
def test_only_what_is_said_to_the_reader_is_left(text, said):
    start, end = after_reasoning(text)
    assert text[start:end] == said


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("\\boxed{3}\n\n**Final Answer**\n\n4", "4"),
        ("\\boxed{3}\n\n**Final Answer:**\n\n4", "4"),
        ("\\boxed{3}\n\n## Final Answer\n\n4", "4"),
        ("\\boxed{3}\n\n### **The Final Answer**\n\n\\boxed{4} m", "4"),
        ("\\boxed{3} So we are done. **Final Answer**\n4", "4"),
        ("**Final Answer**\n3\n\n**Final Answer**\n4", "4"),
        # Nothing stands under the heading, or it is none.
        ("\\boxed{3}\n\n**Final Answer**", "3"),
        ("\\boxed{3}\n\nThe **final answer** is above", "3"),
        ("\\boxed{3}\n\n**Final Answers of others** were 4", "3"),
    ],
)
def test_what_stands_under_a_final_answer_heading_comes_first(text, answer):
    found = extract(text)
    assert found is not None
    assert found.text == answer


def test_a_conclusion_without_an_answer_has_none():
    assert extract(r"\boxed{3} <conclude>I do not know it.</conclude>") is None
    assert extract(r"<think>\boxed{3}</think>") is None
