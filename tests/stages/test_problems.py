import json

import pytest

from whet.artifacts import Artifact, Draft, WrongOption, problem_id
from whet.stages.problems import ProblemsOptions, parse_length, plan, problems


def make(folder, task="addition", **options):
    draft = Draft.create(folder, kind="problems", stage="problems", options={"task": task, **options})
    problems(task, draft, ProblemsOptions(**options))
    return draft.publish()


def test_problems_hold_question_answer_identity_and_instance(tmp_path):
    made = make(tmp_path / "p", count=50, length="2..3", templates=1)
    rows = list(made.rows())
    assert len(rows) == len({row["problem_id"] for row in rows}) == 50
    for row in rows:
        meta = json.loads(row["meta"])
        a, b = meta["payload"]["a"], meta["payload"]["b"]
        assert meta["task"] == "addition"
        assert row["messages"] == [{"role": "user", "content": f"{a}+{b}"}]
        assert int(row["answer"]) == int(a) + int(b)
        assert (row["answer_type"], row["source"]) == ("number", "tail/addition")
        assert row["problem_id"] == problem_id(row["messages"], row["answer"], row["answer_type"])
        assert {len(a), len(b)} <= {2, 3}


def test_the_same_options_give_the_same_bytes_and_another_seed_others(tmp_path):
    digests = [make(tmp_path / name, count=200, seed=seed).digest for name, seed in [("a", 0), ("b", 0), ("c", 1)]]
    assert digests[0] == digests[1] != digests[2]


def test_the_split_is_a_property_of_the_instance(tmp_path):
    both = {row["problem_id"]: row["split"] for row in make(tmp_path / "all", count=2000, templates=1).rows()}
    test = list(make(tmp_path / "test", count=300, split="test", seed=5, templates=1).rows())
    assert {row["split"] for row in test} == {"test"}
    assert {both[row["problem_id"]] for row in test if row["problem_id"] in both} == {"test"}
    # 2000 * .1 = 200 with a standard deviation of 13
    assert 145 < sum(split == "test" for split in both.values()) < 255


def test_every_template_asks_and_one_template_is_the_shortest(tmp_path):
    rows = list(make(tmp_path / "p", "word-flip", count=400, length="10..20").rows())
    shapes = {row["messages"][0]["content"].replace(row["answer"][::-1], "") for row in rows}
    assert len(shapes) == 20
    short = list(make(tmp_path / "q", "word-flip", count=20, length="10..20", templates=1).rows())
    assert all(row["messages"][0]["content"] == row["answer"][::-1] for row in short)


def test_asking_for_more_instances_than_exist_names_the_number(tmp_path):
    with pytest.raises(
        WrongOption, match=r"addition has 100 distinct instances of length 1, --count asks for 101: lower it"
    ):
        make(tmp_path / "p", count=101, length="1")


def test_two_chunks_hold_the_instances_of_one_stream(tmp_path):
    many = make(tmp_path / "many", count=10_050, length="1..9", templates=1)
    few = make(tmp_path / "few", count=100, length="1..9", templates=1)
    assert [part.rows for part in many.parts] == [10_000, 50]
    ids = [row["problem_id"] for row in many.rows(["problem_id"])]
    assert len(set(ids)) == 10_050
    assert ids[:100] == [row["problem_id"] for row in few.rows(["problem_id"])]


def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path):
    from whet.artifacts import Stop, Stopped

    options = {"count": 300, "length": "1..3"}
    whole = make(tmp_path / "whole", **options)

    class StopAfter(Stop):
        looks = 0

        @property
        def requested(self):
            self.looks += 1
            return self.looks > 120

    declared = {"kind": "problems", "stage": "problems", "options": {"task": "addition", **options}}
    stopped = Draft.create(tmp_path / "cut", **declared, stop=StopAfter())
    with pytest.raises(Stopped):
        problems("addition", stopped, ProblemsOptions(**options))
    stopped.close()
    again = Draft.create(tmp_path / "cut", **declared)
    problems("addition", again, ProblemsOptions(**options))
    assert again.publish().digest == whole.digest


def test_lengths_are_read_as_ranges():
    assert parse_length("5..20") == (5, 20)
    assert parse_length("7") == (7, 7)
    for wrong in ("20..5", "0..3", "a..b", "5-20", ""):
        with pytest.raises(ValueError, match=r"expected LOW\.\.HIGH"):
            parse_length(wrong)


def test_options_that_the_task_cannot_follow_are_refused(tmp_path):
    with pytest.raises(WrongOption, match="--decimals is not read by word-flip"):
        make(tmp_path / "p", "word-flip", count=1, length="9", decimals=True)
    with pytest.raises(WrongOption, match="has 0 distinct instances of length 1..3 on the test side of the split"):
        make(tmp_path / "p", count=1, split="test", test_share=0.0)
    with pytest.raises(WrongOption, match="--templates is 21, addition has 1 to 20"):
        make(tmp_path / "p", count=1, templates=21)
    assert Artifact.open(make(tmp_path / "d", count=9, decimals=True).path, "problems").manifest.rows == 9


def test_the_plan_shows_the_problem_that_the_command_makes_first(tmp_path):
    options = ProblemsOptions(count=3, length="2", templates=1)
    first = next(iter(make(tmp_path / "p", count=3, length="2", templates=1).rows()))
    question = first["messages"][0]["content"]
    assert plan(options, "addition") == [f"first problem ({first['split']}): {question!r}, answer {first['answer']}"]


def test_cases_for_verifiers_keep_their_pattern_label_and_completion(tmp_path):
    made = make(tmp_path / "p", "meta-patterns", count=200, length="1..2", patterns="wrong-endpoint, right-endpoints")
    rows = list(made.rows())
    assert len({row["problem_id"] for row in rows}) == 200
    assert {row["source"] for row in rows} == {"meta-patterns/wrong-endpoint", "meta-patterns/right-endpoints"}
    for row in rows:
        meta = json.loads(row["meta"])
        assert meta["label"] == ("B" if row["source"].endswith("wrong-endpoint") else "A")
        assert (row["answer"] in meta["completion"]) == (meta["label"] == "A")
    sides = {row["split"] for row in rows}
    assert sides == {"train", "test"}


def test_the_split_of_a_case_is_that_of_its_question_whatever_the_pattern(tmp_path):
    sides = {}
    for pattern in ("right-endpoints", "wrong-endpoint"):
        rows = make(tmp_path / pattern, "meta-patterns", count=60, length="1", templates=1, patterns=pattern).rows()
        sides[pattern] = {row["messages"][0]["content"]: row["split"] for row in rows}
    shared = sides["right-endpoints"].keys() & sides["wrong-endpoint"].keys()
    assert len(shared) > 5
    assert all(sides["right-endpoints"][question] == sides["wrong-endpoint"][question] for question in shared)


def test_patterns_are_chosen_by_name_or_left_out_by_name(tmp_path):
    from whet.stages.meta_patterns import PATTERNS

    rows = make(tmp_path / "p", "meta-patterns", count=900, without="looping,plain-near").rows(["source"])
    assert {row["source"].removeprefix("meta-patterns/") for row in rows} == set(PATTERNS) - {"looping", "plain-near"}
    with pytest.raises(WrongOption, match="--patterns names loop, expected names of plain-correct, plain-near"):
        make(tmp_path / "q", "meta-patterns", count=1, patterns="loop")
    with pytest.raises(WrongOption, match="--without leaves no pattern"):
        make(tmp_path / "q", "meta-patterns", count=1, without=",".join(PATTERNS))
    with pytest.raises(ValueError, match="--patterns and --without both"):
        ProblemsOptions(patterns="looping", without="looping")
    with pytest.raises(WrongOption, match="--patterns is not read by addition"):
        make(tmp_path / "q", count=1, patterns="looping")
    with pytest.raises(WrongOption, match="--decimals is not read by meta-patterns"):
        make(tmp_path / "q", "meta-patterns", count=1, decimals=True)


def test_questions_come_from_the_families_named(tmp_path):
    rows = make(tmp_path / "p", "meta-patterns", count=300, families="price, boolean").rows()
    metas = [json.loads(row["meta"]) for row in rows]
    assert {meta["family"] for meta in metas} == {"price", "boolean"}
    assert "wrong-endpoint" not in {meta["pattern"] for meta in metas}
    with pytest.raises(
        WrongOption, match="--families leaves nothing to write wrong-endpoint for, expected one of inter"
    ):
        make(tmp_path / "q", "meta-patterns", count=1, patterns="wrong-endpoint", families="price")
    with pytest.raises(WrongOption, match="--families names prize, expected names of quantity"):
        make(tmp_path / "q", "meta-patterns", count=1, families="prize")
    with pytest.raises(WrongOption, match="--families is not read by addition"):
        make(tmp_path / "q", count=1, families="price")
