import json
from typing import Any

import pytest

from whet.artifacts import Draft, SourceFile, WrongArtifact, WrongOption, make_problem
from whet.stages.export import ExportOptions, export
from whet.stages.import_ import ImportOptions, import_

SUM = make_problem([{"role": "user", "content": "1+1"}], "2", "number", "mine", "train", '{"level": 3}')
OPEN = make_problem([{"role": "system", "content": "prove"}, {"role": "user", "content": "ä > b"}], None)


def publish(folder, kind, rows, problems=()):
    draft = Draft.create(folder, kind=kind, stage="test")
    if problems:
        draft.embed_problems(problems)
    for chunk in draft.chunks([0]):
        for order, row in enumerate(rows):
            chunk.write(row, order)
    return draft.publish()


@pytest.fixture
def problems(tmp_path):
    return publish(tmp_path / "problems", "problems", [SUM, OPEN])


@pytest.fixture
def rollouts(tmp_path):
    def row(problem, draw, text, **columns):
        return {
            "rollout_id": f"{draw:032x}",
            "problem_id": problem["problem_id"],
            "draw": draw,
            "text": text,
            **columns,
        }

    rows = [
        row(SUM, 0, "It is 2", prompt_token_ids=[1], token_ids=[5, 6, 2], logprobs=[-0.1, -1e-7, 0.0],
            sampling_logprobs=[-0.2, 0.0, 0.0], seed=2**62 + 1, finish_reason="stop",
            segments=[{"start": 0, "end": 3, "origin": "policy", "policy": None, "turn": None}]),
        row(SUM, 1, "3"),
        row(OPEN, 2, "so \"it\" is\n"),
        row(SUM, 3, None, error="the server did not answer"),
    ]  # fmt: skip
    return publish(tmp_path / "rollouts", "rollouts", rows, [SUM, OPEN])


def written(rows, out, form: Any = "jsonl"):
    export(rows, ExportOptions(form=form), out=out)
    return [json.loads(line) for line in out.read_text().splitlines()]


def back(path, out):
    file = SourceFile(str(path))
    draft = Draft.create(out, kind=None, stage="import", inputs={"file": file})
    import_(file, draft, ImportOptions())
    return draft.publish()


@pytest.mark.parametrize("name", ["problems", "rollouts"])
def test_what_is_exported_is_imported_to_the_same_content(name, tmp_path, request):
    rows = request.getfixturevalue(name)
    written(rows, tmp_path / "x.jsonl")
    again = back(tmp_path / "x.jsonl", tmp_path / "again")
    assert again.kind == rows.kind
    assert list(again.rows()) == list(rows.rows())
    assert again.problems() == rows.problems()
    assert again.digest == rows.digest


def test_verdicts_and_scores_come_back_too(tmp_path):
    ids = {"rollout_id": "a" * 32, "problem_id": "b" * 32}
    for kind, row in [
        ("verdicts", {"verdict": "correct", "span_start": 3}),
        ("scores", {"score": None, "token_scores": [0.5]}),
    ]:
        rows = publish(tmp_path / kind, kind, [{**ids, **row}])
        written(rows, tmp_path / f"{kind}.jsonl")
        assert back(tmp_path / f"{kind}.jsonl", tmp_path / f"{kind}-again").digest == rows.digest


def test_a_changed_problem_is_noticed(tmp_path, problems):
    from whet.artifacts import Failed

    written(problems, tmp_path / "x.jsonl")
    (tmp_path / "x.jsonl").write_text((tmp_path / "x.jsonl").read_text().replace("1+1", "1+2"))
    with pytest.raises(Failed, match=r"line 1 has problem_id .* one of them was changed"):
        back(tmp_path / "x.jsonl", tmp_path / "again")


def test_trl_forms_are_conversations(tmp_path, problems, rollouts):
    first = written(problems, tmp_path / "p.jsonl", "trl")[0]
    assert first == {"prompt": SUM["messages"], "answer": "2", "problem_id": SUM["problem_id"]}
    records = written(rollouts, tmp_path / "r.jsonl", "trl")
    assert len(records) == 3  # the failed one has no text
    assert records[0] == {"prompt": SUM["messages"], "completion": [{"role": "assistant", "content": "It is 2"}]}
    pair = {"messages": SUM["messages"], "chosen": "2", "rejected": "3"}
    (record,) = written(publish(tmp_path / "pairs", "preferences", [pair]), tmp_path / "q.jsonl", "trl")
    assert record["chosen"] == [{"role": "assistant", "content": "2"}]


def test_verl_openai_and_lm_eval_forms_have_their_columns(tmp_path, problems, rollouts):
    verl = written(problems, tmp_path / "v.jsonl", "verl")[0]
    assert verl["reward_model"] == {"style": "rule", "ground_truth": "2"}
    assert (verl["data_source"], verl["ability"], verl["extra_info"]["split"]) == ("mine", "math", "train")
    chat = written(rollouts, tmp_path / "o.jsonl", "openai")[1]
    assert chat == {"messages": [*SUM["messages"], {"role": "assistant", "content": "3"}]}
    assert written(problems, tmp_path / "l.jsonl", "lm-eval")[0] == {
        "id": SUM["problem_id"],
        "question": "1+1",
        "answer": "2",
    }
    samples = written(rollouts, tmp_path / "s.jsonl", "lm-eval")
    assert [record["resps"] for record in samples] == [[["It is 2", "3"]], [['so "it" is\n']]]


@pytest.mark.parametrize(("form", "preset"), [("trl", "trl"), ("verl", "verl"), ("openai", "openai")])
def test_the_forms_of_other_tools_are_read_by_their_presets(form, preset, tmp_path):
    rows = publish(tmp_path / "p", "problems", [SUM])
    written(rows, tmp_path / "x.jsonl", form)
    file = SourceFile(str(tmp_path / "x.jsonl"))
    draft = Draft.create(tmp_path / "again", kind=None, stage="import", inputs={"file": file})
    import_(file, draft, ImportOptions(preset=preset, answer_type="number"))
    (row,) = draft.publish().rows()
    assert row["problem_id"] == SUM["problem_id"]


def test_a_form_that_cannot_hold_a_kind_is_refused(tmp_path, rollouts, problems):
    with pytest.raises(
        WrongArtifact, match=r"holds rollouts, --form verl takes problems: give problems, or --form jsonl"
    ):
        export(rollouts, ExportOptions(form="verl"), out=tmp_path / "x.jsonl")
    with pytest.raises(WrongOption, match=r"--out .* is a folder, expected a file name such as .*problems\.jsonl"):
        export(problems, ExportOptions(), out=tmp_path)
    assert not (tmp_path / "x.jsonl").exists()


def test_an_export_that_breaks_off_leaves_the_older_file(tmp_path, rollouts):
    out = tmp_path / "x.jsonl"
    out.write_text("older\n")
    part = rollouts.path / "data" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(WrongArtifact, match="damaged"):
        export(rollouts, ExportOptions(), out=out)
    assert out.read_text() == "older\n"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".tmp")] == []
