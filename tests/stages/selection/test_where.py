import pytest

from whet.artifacts import WrongOption
from whet.stages.selection.where import parse_where

COLUMNS = [
    "verdict",
    "extracted",
    "expected",
    "score",
    "step",
    "text",
    "answer",
    "meta",
    "token_ids",
    "messages",
    "flag",
]
ROW = {
    "verdict": "incorrect", "extracted": "12", "expected": "12", "score": 0.5, "step": 3, "text": "so it is Twelve",
    "answer": "007", "meta": '{"level": 3, "by": {"name": "x"}}', "token_ids": [4, 5, 6], "flag": None,
    "messages": [{"role": "user", "content": "how many"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("verdict=incorrect", True),
        ("verdict = 'incorrect'", True),
        ("verdict != incorrect", False),
        ("score > 0.4 and score <= .5", True),
        ("score > -1e3", True),
        ("not score > 0.4", False),
        # "and" binds closer than "or": false or (true and true)
        ("step = 1 or step = 3 and score = 0.5", True),
        ("(step = 3 or step = 1) and score = 1", False),
        ("step in (1, 2, 3)", True),
        ("step not in (1, 2, 3)", False),
        ("verdict in (correct, incorrect)", True),
        ("text ~ twelve", True),
        ("text !~ twelve", False),
        ("messages ~ 'HOW MANY'", True),
        # two columns, and a word that is none
        ("extracted = expected", True),
        ("extracted = 'expected'", False),
        # text that looks like a number is compared as it is written
        ("answer = 007", True),
        ("answer = 7", False),
        ("meta.level >= 3 and meta.by.name = x", True),
        ("meta.nothing = null", True),
        ("len(token_ids) = 3", True),
        ("len(text) > len(token_ids)", True),
        ("flag = null", True),
        ("flag != null", False),
        ("flag != a", True),
        ("flag < 1 or flag >= 1", False),
        ("flag ~ a", False),
    ],
)
def test_an_expression_means_what_it_says(text: str, holds: bool):
    assert parse_where(text, COLUMNS).matches(ROW) is holds


def test_an_expression_knows_the_columns_it_reads():
    assert parse_where("verdict=correct or len(text) > step", COLUMNS).columns == {"verdict", "text", "step"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("verdikt=correct", "there is no column 'verdikt': did you mean verdict?"),
        ("verdict=corect", "'corect' is no verdict: did you mean correct?"),
        ("verdict=right", "expected one of correct, incorrect, invalid, unknown"),
        ("qqq=1", "the columns are answer, expected"),
        ("verdict", "found 'the end' after verdict, expected ="),
        ("verdict=", "expected a value for verdict"),
        ("score > 1 score", "found 'score', expected and, or, or the end"),
        ("(score > 1", "expected ')'"),
        ("score > 1)", "found ')'"),
        ("'a' = score", "expected a column"),
        ("score not (1)", "expected 'in'"),
        ("text = 'open", "cannot read"),
        ("", "expected a column"),
        ("score=1" + " or score=1" * 200, "expected at most 400"),
    ],
)
def test_a_wrong_expression_is_refused_with_what_is_wrong(text: str, message: str):
    with pytest.raises(WrongOption) as refused:
        parse_where(text, COLUMNS)
    assert message in str(refused.value)


def test_values_of_different_types_have_no_order():
    with pytest.raises(WrongOption, match="score cannot be compared by <"):
        parse_where("score < abc", COLUMNS).matches(ROW)


def test_nothing_of_python_is_evaluated():
    for text in ("__import__('os').system('true') = 1", "score.__class__ = null", "text[0] = s"):
        try:
            where = parse_where(text, COLUMNS)
        except WrongOption:
            continue
        # `score.__class__` is a key that a number does not have: null, nothing is looked up in Python
        assert where.matches(ROW) is True
