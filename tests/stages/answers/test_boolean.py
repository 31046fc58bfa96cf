import pytest

from whet.stages.answers.boolean import compare, read_boolean

TRUE = ["yes", "true", "correct", "right", "valid", "y", "t", "是", "是的", "对", "对的", "正确", "真", "成立"]
FALSE = ["no", "false", "incorrect", "wrong", "invalid", "untrue", "n", "f", "否", "不是", "不对", "错", "错误",
         "不正确", "假", "不成立"]  # fmt: skip


@pytest.mark.parametrize("word", TRUE)
def test_words_that_affirm(word):
    assert read_boolean(word) is True
    assert read_boolean(word.capitalize()) is True


@pytest.mark.parametrize("word", FALSE)
def test_words_that_deny(word):
    assert read_boolean(word) is False
    assert read_boolean(word.upper()) is False


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("not true", False),
        ("not false", True),
        ("It is true.", True),
        ("The statement is false", False),
        ("This claim isn't true", False),
        ("it's not correct", False),
        (r"\text{Yes}", True),
        ("**Yes**", True),
        ("Yes, because 3 < 4", True),
        ("No, it is not true.", False),
        ("Yes. It is correct.", True),
        ("No: 9 is no prime", False),
        ("False, the claim is wrong", False),
        ("true since it holds for 2", True),
        ("是，因为3小于4", True),
    ],
)
def test_statements_are_read_with_their_negation(text, value):
    assert read_boolean(text) is value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "maybe",
        "yes and no",
        "yes or no",
        "unknown",
        "true for some",
        "Yes, it is not true",
        "no, true",
        "1",
        "cannot say",
        "nothing",
        "yesterday",
        "truely",
        "是不是",
    ],
)
def test_anything_else_is_neither(text):
    assert read_boolean(text) is None


def test_truth_values_are_equal_by_meaning():
    for one in TRUE:
        assert compare("yes", one).equal is True
        assert compare(one, "yes").equal is True
        assert compare("no", one) == (False, "boolean", "the opposite", None, ())
    assert compare("yes", "maybe") == (False, "boolean", "neither true nor false", None, ())


def test_a_reference_that_is_neither_makes_it_unknown():
    assert compare("maybe", "yes").reason == "reference not understood: neither true nor false"
    assert compare("maybe", "yes").equal is None
