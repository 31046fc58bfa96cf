import pytest

from whet.artifacts import Failed

ASK = {"role": "user", "content": "1+1"}


def say(text):
    return {"role": "assistant", "content": text}


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "1+1", "chosen": "2", "rejected": "3"},
        {"prompt": [ASK], "chosen": [say("2")], "rejected": [say("3")]},
        {"chosen": [ASK, say("2")], "rejected": [ASK, say("3")]},
    ],
)
def test_pairs_are_recognised_in_each_of_their_forms(lines, load, record):
    made = load(lines("a.jsonl", record))
    (row,) = made.rows()
    assert made.kind == "preferences"
    assert (row["messages"], row["chosen"], row["rejected"]) == ([ASK], "2", "3")


def test_pairs_without_a_common_prompt_are_bad_rows(lines, load):
    other = {"role": "user", "content": "2+2"}
    with pytest.raises(
        Failed, match="line 1 has no prompt, and chosen and rejected do not begin with the same messages"
    ):
        load(lines("a.jsonl", {"chosen": [ASK, say("2")], "rejected": [other, say("3")]}))


def test_plain_texts_get_ids_of_their_own_even_when_they_repeat(lines, load):
    made = load(lines("a.jsonl", {"text": "once"}, {"text": "twice"}, {"text": "twice"}), source="book")
    rows = list(made.rows())
    assert made.kind == "texts"
    assert [row["text"] for row in rows] == ["once", "twice", "twice"]
    assert len({row["text_id"] for row in rows}) == 3
    assert {row["source"] for row in rows} == {"book"}
    assert made.manifest.counts == {"repeated": 1}
