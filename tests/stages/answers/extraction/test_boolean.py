import pytest

from whet.stages.answers.extraction import extract


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("Yes, it is.", "Yes", "opening word"),
        ("No. It is not.", "No", "opening word"),
        ("**False**", "False", "opening word"),
        ("Yes.\n\nBecause 3 divides 9.", "Yes", "opening word"),
        ("Is it? Yes!", "Yes", "opening word"),
        ("No, wait. Yes, it is.", "Yes", "opening word"),
        ("是的，它是质数。", "是的", "opening word"),
        ("不是，因为3整除9。", "不是", "opening word"),
        ("对。", "对", "opening word"),
        ("The statement is false.", "false", "statement"),
        ("So the statement is not true.", "not true", "statement"),
        ("The claim is therefore **true**.", "true", "statement"),
        ("The statement is true. No, the statement is false.", "false", "statement"),
        ("The inequality is true for all x.", "true", "statement"),
        ("Therefore, no.", "no", "statement"),
        ("So it is true.", "true", "statement"),
        ("Since 3 divides 9, yes.", "yes", "statement"),
        ("这个说法是错误的。", "错误", "statement"),
        ("所以该命题成立。", "成立", "statement"),
        ("因此不成立。", "不成立", "statement"),
        ("The answer is no.", "no", "answer phrase"),
        ("The answer is: No, it is not prime.", "No", "answer phrase"),
        ("The answer is yes and no.", "yes and no", "answer phrase"),
        ("The answer is not true.", "not true", "answer phrase"),
        ("答案：正确", "正确", "chinese phrase"),
        ("所以答案是：是的。", "是的", "chinese phrase"),
        ("<answer>True</answer>", "True", "answer tag"),
        (r"\boxed{\text{No}}", r"\text{No}", "box"),
    ],
)
def test_a_truth_value_is_stated(text, answer, rule):
    found = extract(text, "boolean")
    assert found is not None
    assert (found.text, found.rule) == (answer, rule)
    assert text[found.start : found.end] == answer


@pytest.mark.parametrize(
    "text",
    [
        "Right, let me see.",
        "It is true that 3 divides 9, but 5 does not.",
        "No. of apples: three",
        "No apple is left.",
        "The statement is true if x > 3.",
        "91 has the divisors 7 and 13.",
        "有很多种情况。",
    ],
)
def test_no_truth_value_is_stated(text):
    assert extract(text, "boolean") is None
