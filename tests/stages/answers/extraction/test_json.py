import pytest

from whet.stages.answers.extraction import extract


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('Sure:\n```json\n{"a": 1}\n```\nAs in [1].', '{"a": 1}'),
        ('```\n{"a": 1}\n```\nNo:\n```json\n{"a": 2}\n```', '{"a": 2}'),
        ('```json\n{"a": 1}\n```\nRun it:\n```python\nprint(1)\n```', '{"a": 1}'),
        ('First {"a": 1}, then {"a": 2}.', '{"a": 2}'),
        ('The answer is {"a": {"b": [1, 2]}} here', '{"a": {"b": [1, 2]}}'),
        ('{"a": "}"} and so on', '{"a": "}"}'),
        ('{"a": "say \\"}\\""} and so on', '{"a": "say \\"}\\""}'),
        ('As 5" tall, {"a": 1}\n', '{"a": 1}'),
        ('{\n "a": [1,\n 2]\n}', '{\n "a": [1,\n 2]\n}'),
        ('{"a": 1} {not json}', '{"a": 1}'),
        ("so [1, [2, null]]", "[1, [2, null]]"),
        ('<think>{"a": 1}</think>{"a": 2}', '{"a": 2}'),
    ],
)
def test_the_last_piece_of_json_is_found(text, answer):
    found = extract(text, "json")
    assert found is not None
    assert (found.text, found.rule) == (answer, "json")
    assert text[found.start : found.end] == answer


@pytest.mark.parametrize("text", ["no json", '{"a": [1, 2]', "{'a': 1}", "{x}", "] [", "5", '"text"'])
def test_what_does_not_parse_is_none(text):
    assert extract(text, "json") is None


def test_without_json_what_was_stated_is_the_answer():
    found = extract('The answer is {"a": 1', "json")
    assert found is not None
    assert (found.text, found.rule) == ('{"a": 1', "answer phrase")
    found = extract(r"\boxed{5}", "json")
    assert found is not None
    assert (found.text, found.rule) == ("5", "box")
