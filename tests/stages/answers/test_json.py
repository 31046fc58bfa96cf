import pytest

from whet.stages.answers.json_ import BadJson, compare, read_json, understood

EQUAL = [
    ('{"a": 1, "b": [1, 2]}', '{"b":[1.0,2],"a":1}'),
    ('{"a": 1}', '{"a": 1e0}'),
    ('{"a": 1}', '```json\n{"a": 1}\n```'),
    ('{"a": 1}', r"\{\"a\": 1\}".replace(r"\"", '"')),
    ('{"a_b": 1}', r'\{"a\_b": 1\}'),
    ('{"a": 1}', '$ {"a": 1} $'),
    ('{"a": null}', '{"a": null}'),
    ("[]", "[ ]"),
    ('{"a": 0.1}', '{"a": 0.10}'),
    ('"x"', '"x"'),
    ('{"ä": "\\u00e4"}', '{"\\u00e4": "ä"}'),
]
DIFFERENT = [
    ('{"a": 1}', '{"a": 2}', "differs at .a"),
    ('{"a": 1}', '{"a": "1"}', "differs at .a"),
    ('{"a": 1}', '{"a": true}', "differs at .a"),
    ('{"a": 0}', '{"a": false}', "differs at .a"),
    ('{"a": 0}', '{"a": null}', "differs at .a"),
    ('{"a": 1}', '{"b": 1}', "differs at .a"),
    ('{"a": 1}', '{"a": 1, "b": 2}', "differs at .b"),
    ('{"a": 1}', "{}", "differs at .a"),
    ('{"a": {"b": [1, 2]}}', '{"a": {"b": [1, 3]}}', "differs at .a.b[1]"),
    ("[1, 2]", "[2, 1]", "differs at [0]"),
    ("[1, 2]", "[1, 2, 3]", "differs at the top"),
    ('{"a": "x"}', '{"a": "X"}', "differs at .a"),
    ("[]", "{}", "differs at the top"),
    ('{"a": 1}', '{"a": 1e999999999}', "differs at .a"),
    ('{"a": 0.1}', '{"a": 0.10000000000000001}', "differs at .a"),
]
INVALID = [
    ('{"a": 1, "a": 1}', "no JSON: the key 'a' twice"),
    ('{"a": {"b": 1, "b": 2}}', "no JSON: the key 'b' twice"),
    ('{"a": NaN}', "no JSON: NaN is no JSON"),
    ("{'a': 1}", "no JSON: Expecting"),
    ('{"a": 1', "no JSON: Expecting"),
    ("the answer", "no JSON: Expecting"),
    ('{"a": ' + "9" * 5000 + "}", "no JSON: Exceeds"),
    ("[" * 5000, "no JSON: nested too deeply"),
    ("", "no JSON: Expecting"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_the_same_json_is_equal(one, other):
    assert compare(one, other).equal is True
    assert compare(other, one).equal is True


@pytest.mark.parametrize(("one", "other", "reason"), DIFFERENT)
def test_the_reason_says_where_two_differ(one, other, reason):
    assert compare(one, other)[:3] == (False, "json", reason)
    assert compare(other, one).equal is False


@pytest.mark.parametrize(("answer", "reason"), INVALID)
def test_what_is_no_json_is_incorrect_and_as_a_reference_unknown(answer, reason):
    outcome = compare('{"a": 1}', answer)
    assert outcome.equal is False
    assert outcome.reason is not None
    assert outcome.reason.startswith(reason)
    assert compare(answer, '{"a": 1}').equal is None
    assert understood(answer) is not None
    assert understood('{"a": 1}') is None


def test_json_that_python_can_just_read_does_not_break_the_comparison():
    deep = "[" * 900 + "]" * 900
    assert compare(deep, deep).equal in (True, None)


def test_bad_json_is_a_value_error():
    with pytest.raises(BadJson):
        read_json("{")
