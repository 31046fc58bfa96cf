import pytest

from whet.artifacts import Failed, Weights, WrongOption, rollout_id
from whet.stages.alphabets import write_tokenizer
from whet.stages.joins import belong


def group(question="1+1?", answer="2"):
    return {
        "idx": 0,
        "question": question,
        "gt": answer,
        "level": "Level 1",
        "pred": ["2", "3", "2"],
        "score": [True, False, True],
        "pred_score": [[3.5], [-1.25], [0.5]],
        "response": ["It is \\boxed{2}", "It is \\boxed{3}", "\\boxed{2}"],
    }


def test_rollouts_verdicts_and_scores_of_one_file_share_their_ids(lines, load):
    path = lines("a.jsonl", group(), group("1+1 again?"))
    made = {k: load(path, k, kind=k, preset="qwen-math") for k in ("problems", "rollouts", "verdicts", "scores")}
    rows = {kind: list(artifact.rows()) for kind, artifact in made.items()}
    ids = [row["rollout_id"] for row in rows["rollouts"]]
    assert len(set(ids)) == 6
    assert ids == [row["rollout_id"] for row in rows["verdicts"]] == [row["rollout_id"] for row in rows["scores"]]
    assert [row["draw"] for row in rows["rollouts"]] == [0, 1, 2, 0, 1, 2]
    assert [row["verdict"] for row in rows["verdicts"]] == ["correct", "incorrect", "correct"] * 2
    assert rows["verdicts"][1] | {"extracted": "3", "expected": "2", "method": "label"} == rows["verdicts"][1]
    assert [row["score"] for row in rows["scores"]] == [3.5, -1.25, 0.5] * 2
    problem_ids = [row["problem_id"] for row in rows["problems"]]
    assert list(made["rollouts"].problems()) == problem_ids
    assert made["verdicts"].manifest.counts == {"correct": 4, "incorrect": 2}
    source = made["rollouts"].manifest.facts["source"]
    assert ids[4] == rollout_id(source, problem_ids[1], 1)
    assert belong(made["verdicts"], made["rollouts"])
    assert belong(made["scores"], made["rollouts"])


def test_a_repeated_problem_is_another_occurrence_of_its_group(lines, load):
    rows = list(load(lines("a.jsonl", group(), group()), kind="rollouts", preset="qwen-math").rows())
    assert [(row["draw"], row["occurrence"]) for row in rows] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert len({row["rollout_id"] for row in rows}) == 6


def test_records_of_one_rollout_each_are_the_draws_of_a_group(lines, load):
    records = [{"prompt": q, "answer": "2", "completion": c, "correct": c == "2"} for q, c in
               [("a", "2"), ("b", "2"), ("a", "3"), ("a", "4")]]  # fmt: skip
    path = lines("a.jsonl", *records)
    rollouts = list(load(path, "r", kind="rollouts").rows())
    verdicts = list(load(path, "v", kind="verdicts").rows())
    assert [row["draw"] for row in rollouts] == [0, 0, 1, 2]
    assert [row["rollout_id"] for row in rollouts] == [row["rollout_id"] for row in verdicts]
    assert [row["verdict"] for row in verdicts] == ["correct", "correct", "incorrect", "incorrect"]


def test_chat_records_give_their_last_turn_as_the_rollout(lines, load):
    turns = [{"role": "user", "content": "1+1"}, {"role": "assistant", "content": "2"}]
    made = load(lines("a.jsonl", {"messages": turns}), preset="openai", kind="rollouts", map=["question=messages"])
    (row,) = made.rows()
    assert row["text"] == "2"
    assert made.problems()[row["problem_id"]]["messages"] == turns[:1]


def test_lists_of_other_lengths_and_odd_labels_are_bad_rows(lines, load):
    short = group() | {"score": [True, False]}
    odd = group() | {"score": [True, "perhaps", False]}
    with pytest.raises(Failed) as caught:
        load(lines("a.jsonl", group(), short, odd), kind="verdicts", preset="qwen-math")
    assert "line 2 has 3 pred for 2 score, expected as many" in str(caught.value)
    assert "line 3 has label 'perhaps', expected true, false" in str(caught.value)


def test_a_missing_label_is_unknown_and_says_so(lines, load):
    path = lines("a.jsonl", group() | {"score": [True, None, False]})
    rows = list(load(path, kind="verdicts", preset="qwen-math").rows())
    assert [(row["verdict"], row["reason"]) for row in rows] == [
        ("correct", None),
        ("unknown", "no label"),
        ("incorrect", None),
    ]


def test_verdicts_of_another_file_are_checked_against_the_rollouts(lines, load):
    rollouts = load(lines("a.jsonl", group()), "r", kind="rollouts", preset="qwen-math")
    labels = group()
    del labels["response"]
    verdicts = load(lines("b.jsonl", labels), "v", kind="verdicts", preset="qwen-math", rollouts=rollouts)
    ids = [row["rollout_id"] for row in rollouts.rows()]
    assert [row["rollout_id"] for row in verdicts.rows()] == ids
    assert verdicts.manifest.facts["belongs_to"] == {"rollouts": rollouts.digest}
    with pytest.raises(Failed, match=r"line 2 belongs to rollout \w+, which --rollouts does not hold"):
        load(lines("c.jsonl", labels, group("else?")), "w", kind="verdicts", preset="qwen-math", rollouts=rollouts)
    named = [{"rollout_id": ids[2], "score": 0.25}, {"rollout_id": ids[0], "score": 1.5}]
    scores = load(lines("d.jsonl", *named), "s", kind="scores", rollouts=rollouts)
    assert [(row["rollout_id"], row["score"]) for row in scores.rows()] == [(ids[2], 0.25), (ids[0], 1.5)]
    assert {row["problem_id"] for row in scores.rows()} == set(rollouts.problems())
    with pytest.raises(WrongOption, match="rollout_id names the rollouts that scores belong to: say --rollouts"):
        load(lines("d.jsonl", *named), "t", kind="scores")


def test_a_tokenizer_gives_imported_rollouts_their_ids_once(lines, load, tmp_path):
    tokenizer = character_tokenizer(tmp_path)
    assert (
        load(lines("a.jsonl", group()), "no", kind="rollouts", preset="qwen-math").table(["token_ids"])[0].null_count
        == 3
    )
    cut = {"prompt": "1+1?", "completion": "It is", "finish_reason": "length", "answer": "2"}
    done = {"prompt": "1+1?", "completion": "2", "finish_reason": "stop", "answer": "2"}
    made = load(lines("b.jsonl", cut, done), "yes", kind="rollouts", tokenizer=tokenizer)
    first, second = made.rows()

    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(tokenizer.path)
    assert first["token_ids"] == theirs.encode("It is", add_special_tokens=False)
    assert second["token_ids"] == [*theirs.encode("2", add_special_tokens=False), theirs.eos_token_id]
    asked = [{"role": "user", "content": "1+1?"}]
    prompt = theirs.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    assert first["prompt_token_ids"] == second["prompt_token_ids"] == prompt
    assert made.manifest.facts["tokenizer_digest"] == tokenizer.tokenizer_digest


def test_a_completion_that_the_tokenizer_cannot_give_back_is_a_bad_row(lines, load, tmp_path):
    path = lines(
        "a.jsonl", {"prompt": "1", "completion": "1", "answer": "1"}, {"prompt": "2", "completion": "é", "answer": "2"}
    )
    with pytest.raises(Failed, match="line 2 cannot be encoded"):
        load(path, kind="rollouts", tokenizer=character_tokenizer(tmp_path))
    made = load(path, kind="rollouts", tokenizer=character_tokenizer(tmp_path), max_bad=1)
    assert [row["text"] for row in made.rows()] == ["1"]
    assert made.manifest.facts["bad_rows"] == 1


def test_inputs_that_do_not_go_with_the_kind_are_refused(lines, load, tmp_path):
    path = lines("a.jsonl", group())
    with pytest.raises(WrongOption, match="--tokenizer encodes rollouts, but problems are imported"):
        load(path, tokenizer=character_tokenizer(tmp_path))
    rollouts = load(path, "r", kind="rollouts", preset="qwen-math")
    with pytest.raises(WrongOption, match="--rollouts says what verdicts or scores belong to"):
        load(path, kind="problems", rollouts=rollouts)


def character_tokenizer(folder):
    folder = folder / "tokenizer"
    if not folder.exists():
        folder.mkdir()
        write_tokenizer("character", folder)
        (folder / "config.json").write_text("{}")
    return Weights(str(folder))
