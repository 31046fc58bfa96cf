import json

import pytest

from whet.artifacts import Failed, SourceFile, WrongArtifact, WrongOption, problem_id
from whet.stages.import_ import ImportOptions, plan, resolve

EGGS = {"question": "How many eggs?", "answer": "16 - 3 = 13\nso 1,250 of them\n#### 1,250"}


def test_usual_names_are_guessed_and_other_columns_go_into_meta(lines, load):
    made = load(lines("a.jsonl", {"problem": "1+1", "gt": 2, "level": 3}, {"problem": "2+2", "gt": 4, "level": 5}))
    first, second = made.rows()
    assert first["messages"] == [{"role": "user", "content": "1+1"}]
    assert (first["answer"], second["answer"]) == ("2", "4")
    assert json.loads(first["meta"]) == {"level": 3}
    assert first["problem_id"] == problem_id(first["messages"], "2", None)
    assert made.kind == "problems"


def test_a_map_wins_over_guesses_and_reaches_into_objects(lines, load):
    path = lines("a.jsonl", {"prompt": "not this", "task": {"text": "1+1"}, "gt": "no", "key": "2"})
    (row,) = load(path, map=["question=task.text", "answer=key"], answer_type="number", source="mine").rows()
    assert (row["messages"][0]["content"], row["answer"]) == ("1+1", "2")
    assert (row["answer_type"], row["source"]) == ("number", "mine")


def test_the_gsm8k_form_is_recognised_and_taken_apart(lines, load):
    (row,) = load(lines("a.jsonl", EGGS)).rows()
    assert (row["answer"], row["answer_type"], row["source"]) == ("1250", "number", "gsm8k")
    assert json.loads(row["meta"]) == {"reasoning": "16 - 3 = 13\nso 1,250 of them"}


def test_thousands_separators_go_and_other_commas_stay(lines, load):
    answers = ["1,234,567", "-1,000", "1,5", "12,34"]
    path = lines("a.jsonl", *({"question": f"q{a}", "answer": f"x\n#### {a}"} for a in answers))
    assert [row["answer"] for row in load(path, preset="gsm8k").rows()] == ["1234567", "-1000", "1,5", "12,34"]


def test_messages_keep_their_turns_and_a_final_assistant_turn_is_no_question(lines, load):
    asked = [{"role": "system", "content": "be brief"}, {"role": "user", "content": [{"type": "text", "text": "1+1"}]}]
    path = lines("a.jsonl", {"messages": [*asked, {"role": "assistant", "content": "2"}], "answer": "2"})
    (row,) = load(path, preset="openai").rows()
    assert row["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "1+1"}]
    assert json.loads(row["meta"]) == {"assistant": "2"}


def test_the_verl_form_has_its_answer_inside_an_object(lines, load):
    record = {
        "data_source": "openai/gsm8k",
        "prompt": [{"role": "user", "content": "1+1"}],
        "reward_model": {"style": "rule", "ground_truth": "2"},
        "extra_info": {"split": "train", "index": 0},
    }
    (row,) = load(lines("a.jsonl", record), preset="verl").rows()
    assert (row["answer"], row["source"], row["split"]) == ("2", "openai/gsm8k", "train")


def test_a_worked_solution_gives_what_stands_in_its_box(lines, load):
    (row,) = load(lines("a.jsonl", {"problem": "1/2+1/2", "solution": "Add: $\\boxed{1}$."})).rows()
    assert row["answer"] == "1"
    assert json.loads(row["meta"]) == {"solution": "Add: $\\boxed{1}$."}


def test_every_bad_row_is_named_with_its_line_and_nothing_is_published(lines, load, tmp_path):
    path = lines("a.jsonl", {"question": "1", "answer": "1"}, "", "{oops", {"question": "3"}, "[1]", EGGS)
    with pytest.raises(Failed) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith("a.jsonl has 3 bad rows, --max-bad allows 0")
    assert "line 3 is not JSON: Expecting property name" in message
    assert "line 4 has no answer" in message
    assert "line 5 is a JSON list, expected an object" in message
    assert not list((tmp_path / "out").glob("v*"))


def test_allowed_bad_rows_are_left_out_and_counted(lines, load):
    made = load(lines("a.jsonl", EGGS, "{oops", {"question": "2", "answer": "#### 2"}), preset="gsm8k", max_bad=1)
    assert [row["answer"] for row in made.rows()] == ["1250", "2"]
    assert (made.manifest.facts["bad_rows"], made.manifest.facts["records"]) == (1, 3)


def test_bytes_that_are_no_text_are_a_bad_row(tmp_path, load):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"question": "1", "answer": "1"}\n{"question": "\xff", "answer": "1"}\n')
    with pytest.raises(Failed, match="line 2 is not UTF-8 at byte 14"):
        load(path)


def test_repeated_problems_are_kept_and_counted(lines, load):
    one, two = {"question": "1", "answer": "1"}, {"question": "2", "answer": "2"}
    made = load(lines("a.jsonl", one, two, one, one))
    assert (len(made), made.manifest.counts, made.manifest.facts["repeats"]) == (4, {"repeated": 2}, 2)


def test_the_same_rows_as_csv_and_parquet_give_the_same_problems(lines, load, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"question": 'say "a, b"\nthen c', "answer": "ä"}, {"question": "2", "answer": "2"}]
    (tmp_path / "a.csv").write_bytes('\ufeffquestion,answer\r\n"say ""a, b""\nthen c",ä\r\n2,2\r\n'.encode())
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    wanted = [row["problem_id"] for row in load(lines("a.jsonl", *rows), "jsonl").rows()]
    assert [row["problem_id"] for row in load(tmp_path / "a.csv", "csv").rows()] == wanted
    assert [row["problem_id"] for row in load(tmp_path / "a.parquet", "parquet").rows()] == wanted


def test_a_csv_row_with_too_many_fields_is_named_by_its_line(tmp_path, load):
    (tmp_path / "a.csv").write_text('question,answer\n"two\nlines",1\n3,3,3\n')
    with pytest.raises(Failed, match="line 4 has 3 fields, the header has 2"):
        load(tmp_path / "a.csv")


def test_a_limit_reads_the_first_records(lines, load):
    path = lines("a.jsonl", *({"question": str(n), "answer": str(n)} for n in range(9)), "{broken")
    assert [row["answer"] for row in load(path, limit=3).rows()] == ["0", "1", "2"]


def test_what_cannot_be_read_is_refused_with_what_to_do(lines, load, tmp_path):
    with pytest.raises(WrongOption, match=r"no column for question .* among prose, key: say --map question=COLUMN"):
        load(lines("a.jsonl", {"prose": "1+1", "key": "2"}))
    with pytest.raises(WrongOption, match=r"--map is quest=x, expected FIELD=COLUMN with FIELD one of question"):
        load(lines("b.jsonl", EGGS), map=["quest=x"])
    with pytest.raises(WrongArtifact, match=r"holds one JSON list, expected one object a line: .* jq -c"):
        load(lines("c.json", '[{"question": 1}]'))
    with pytest.raises(WrongOption, match=r"ends in \.gz, expected \.jsonl"):
        load(lines("d.jsonl.gz", EGGS))
    with pytest.raises(WrongArtifact, match="holds no records"):
        load(lines("e.jsonl", ""))
    with pytest.raises(WrongArtifact, match="no parquet file"):
        load(lines("f.parquet", EGGS))


def test_the_plan_shows_the_first_record_as_it_would_be_read(lines):
    file = SourceFile(str(lines("a.jsonl", "", EGGS, {"question": "2"})))
    count, first = plan(resolve(ImportOptions(), file), file)
    assert count == "2 records in 1 chunk"
    assert first.startswith("line 2: {'problem_id': ")
    assert "'answer': '1250'" in first
