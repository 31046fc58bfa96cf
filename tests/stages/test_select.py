from collections.abc import Callable
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, DraftGone, Stop, Stopped, WrongArtifact, WrongOption
from whet.stages.evaluating import read_run
from whet.stages.joins import check_belongs
from whet.stages.select import SelectOptions, plan, resolve, select
from whet.stages.selection.columns import load_known

Run = Callable[..., Artifact[Any]]


@pytest.fixture
def run(small: Any) -> Run:
    """Select as the command line does: resolve, draft, stage, publish."""

    def made(
        *artifacts: Artifact[Any],
        verdicts: Any = None,
        scores: Any = None,
        against: Any = None,
        out: str = "out",
        **options: Any,
    ) -> Artifact[Any]:
        inputs = {"artifacts": list(artifacts), "verdicts": verdicts, "scores": scores, "against": against}
        settled = resolve(SelectOptions(**options), **inputs)
        draft = Draft.create(small.folder / out, kind=None, stage="select", options=options, inputs=inputs)
        select(list(artifacts), draft, settled, verdicts=verdicts, scores=scores, against=against)
        return draft.publish()

    return made


def texts(artifact: Artifact[Any]) -> list[str]:
    return [row["messages"][0]["content"] for row in artifact.rows()]


def drawn(artifact: Artifact[Any]) -> list[tuple[str, int]]:
    """Problem text and draw of every rollout."""
    asked = {key: row["messages"][0]["content"] for key, row in artifact.problems().items()}
    return [(asked[row["problem_id"]], row["draw"]) for row in artifact.rows()]


def test_where_filters_rollouts_by_their_verdicts_and_keeps_ids_and_problems(small: Any, run: Run):
    rollouts, verdicts = small.judged("r", {"a": "ci", "b": "cc", "d": "ii"})
    made = run(rollouts, verdicts=[verdicts], where="verdict=correct")
    assert drawn(made) == [("a", 0), ("b", 0), ("b", 1)]
    assert made.kind == "rollouts"
    assert len(made.problems()) == 2  # d has no row left
    kept = {row["rollout_id"] for row in made.rows()}
    assert kept < {row["rollout_id"] for row in rollouts.rows()}


def test_chosen_rollouts_say_what_they_were_chosen_from_and_a_fair_draw_does_not(small: Any, run: Run):
    rollouts, verdicts = small.judged("r", {"a": "ciuc", "b": "cccc"})
    chosen = run(rollouts, verdicts=[verdicts], where="verdict=correct")
    assert [(row["draws_total"], row["correct_total"]) for row in chosen.rows()] == [(4, 2)] * 2 + [(4, 4)] * 4
    again = run(chosen, per_problem="shortest", out="again")
    assert [(row["draws_total"], row["correct_total"]) for row in again.rows()] == [(4, 2), (4, 4)]
    fair = run(rollouts, verdicts=[verdicts], where="draw < 2 and pass_rate < 1", out="fair")
    assert [(row["draw"], row["draws_total"]) for row in fair.rows()] == [(0, None), (1, None)]
    assert chosen.manifest.facts["stop_rule"] == again.manifest.facts["stop_rule"] == "chosen"
    assert "stop_rule" not in fair.manifest.facts


def test_eval_refuses_what_was_chosen_by_how_it_went(small: Any, run: Run):
    rollouts, verdicts = small.judged("r", {"a": "ci", "b": "cc"})
    right = run(verdicts, where="verdict=correct")
    best = run(rollouts, verdicts=[verdicts], per_problem="best", out="best")
    for chosen in (right, best):
        with pytest.raises(WrongArtifact, match="chosen by how they went"):
            read_run([chosen], None)
    all_of_them = run(verdicts, where="verdict!=unknown", out="all")
    assert read_run([all_of_them], None).groups().n == 2


def test_verdicts_of_the_inputs_belong_to_a_selection_of_a_selection(small: Any, run: Run):
    rollouts, verdicts = small.judged("r", {"a": "ci", "b": "cc"})
    others, _ = small.judged("s", {"e": "ci"})
    once = run(rollouts, where="draw=0", out="once")
    twice = run(once, others, where="problem_id!=x", out="twice")
    for selection in (once, twice):
        assert selection.digest != rollouts.digest
        check_belongs(verdicts, selection)
        known = load_known("rollouts", [selection], [verdicts], [], ["verdict"])
        assert [known.view(row).get("verdict") for row in selection.rows()][:2] == ["correct", "correct"]
    with pytest.raises(WrongArtifact, match="verdicts of other rollouts"):
        check_belongs(verdicts, run(others, where="draw=0", out="strange"))


def test_verdicts_of_other_rollouts_are_refused_before_there_is_a_draft(small: Any, run: Run):
    rollouts, _ = small.judged("r", {"a": "ci"})
    _, verdicts = small.judged("s", {"a": "ci"})
    with pytest.raises(WrongArtifact, match="verdicts of other rollouts than"):
        run(rollouts, verdicts=[verdicts], where="verdict=correct")
    assert not (small.folder / "out").exists()


def test_imported_rollouts_and_their_selections_join_by_the_file_they_came_from(small: Any, run: Run):
    problem = small.problem("a")
    row = {"rollout_id": "0" * 32, "problem_id": problem["problem_id"], "draw": 0, "text": "t"}
    rollouts = small.make("r", "rollouts", [[row]], [problem], facts={"source": "f" * 64})
    verdict = {"rollout_id": "0" * 32, "problem_id": problem["problem_id"], "verdict": "correct"}
    verdicts = small.make("v", "verdicts", [[verdict]], facts={"belongs_to": {"source": "f" * 64}})
    assert len(run(rollouts, verdicts=[verdicts], where="verdict=correct")) == 1
    check_belongs(verdicts, run(rollouts, where="draw=0", out="once"))


def test_problems_are_repeated_by_their_pass_rate(small: Any, run: Run):
    # pass rates 0, 1/4, 3/4, 1, and 1/3 with one unknown; a problem nobody tried has none
    _, verdicts = small.judged("r", {"a": "iiii", "b": "ciii", "d": "ccci", "e": "cccc", "f": "ciiu"})
    problems = small.problems("p", ["a", "b", "d", "e", "f", "untried"])
    made = run(problems, verdicts=[verdicts], repeat="0..0.2=3,0.2..0.75=2")
    assert texts(made) == ["a", "a", "a", "b", "b", "f", "f"]
    assert made.manifest.facts["selection"] == {
        "rows_in": 6, "rows": 7, "removed": {"pass_rate": 2, "no_pass_rate": 1},
    }  # fmt: skip
    assert texts(run(problems, verdicts=[verdicts], pass_rate="0.25..0.75", out="some")) == ["b", "f"]
    assert texts(run(problems, verdicts=[verdicts], pass_rate="0.75..", out="easy")) == ["d", "e"]


def test_a_broken_problem_has_no_pass_rate_and_is_removed(small: Any, run: Run):
    rollouts, verdicts = small.judged("r", {"a": "ciii", "b": "cpii"})
    problems = small.problems("p", ["a", "b"])
    made = run(problems, verdicts=[verdicts], pass_rate="0..0.5", out="hard")
    assert texts(made) == ["a"]
    assert made.manifest.facts["selection"]["removed"] == {"broken_problems": 1}
    assert {text for text, _ in drawn(run(rollouts, verdicts=[verdicts], where="pass_rate < 1"))} == {"a"}


def test_rollouts_are_filtered_by_the_pass_rate_of_their_problem(small: Any, run: Run):
    rollouts, verdicts = small.judged("r", {"a": "iiii", "b": "ciii", "d": "cccc"})
    assert drawn(run(rollouts, verdicts=[verdicts], pass_rate="0.25..1")) == [("b", n) for n in range(4)]


def test_one_pair_a_problem_keeps_one_correct_and_one_wrong_of_mixed_groups(small: Any, run: Run):
    rollouts, verdicts = small.judged("r", {"a": "iiii", "b": "ciic", "d": "cccc", "e": "cv"})
    made = run(rollouts, verdicts=[verdicts], per_problem="one-pair")
    verdict_of = {row["rollout_id"]: row["verdict"] for row in verdicts.rows()}
    assert [text for text, _ in drawn(made)] == ["b", "b", "e", "e"]
    pairs = [verdict_of[row["rollout_id"]] for row in made.rows()]
    assert sorted(pairs[:2]) == ["correct", "incorrect"]
    assert sorted(pairs[2:]) == ["correct", "invalid"]
    assert [row["draws_total"] for row in made.rows()] == [4, 4, 2, 2]


def test_best_uses_verdicts_then_scores_and_a_number_keeps_that_many(small: Any, run: Run):
    rollouts, verdicts = small.judged("r", {"a": "icc", "b": "iii"})
    scores = small.make(
        "scores", "scores",
        [[{"rollout_id": row["rollout_id"], "problem_id": row["problem_id"], "score": [9.0, 1.0, 2.0][row["draw"]]}
          for row in rollouts.rows()]],
        facts={"belongs_to": {"rollouts": rollouts.digest}},
    )  # fmt: skip
    assert drawn(run(rollouts, verdicts=[verdicts], scores=[scores], per_problem="best")) == [("a", 2), ("b", 0)]
    assert drawn(run(rollouts, scores=[scores], per_problem="best", out="o2")) == [("a", 0), ("b", 0)]
    assert drawn(run(rollouts, scores=[scores], where="score > 1.5", out="o3")) == [
        ("a", 0),
        ("a", 2),
        ("b", 0),
        ("b", 2),
    ]
    two = run(rollouts, per_problem=2, out="o4")
    assert [text for text, _ in drawn(two)] == ["a", "a", "b", "b"]
    assert all(row["draws_total"] is None for row in two.rows())
    assert drawn(run(rollouts, per_problem="shortest", out="o5")) == [("a", 0), ("b", 0)]


def test_splits_share_nothing_and_lose_nothing(small: Any, run: Run):
    problems = small.problems("p", [str(number) for number in range(50)])
    train = run(problems, split="train=.8,test=.2", take="train", out="train")
    test = run(problems, split="train=.8,test=.2", take="test", out="test")
    assert sorted(texts(train) + texts(test)) == sorted(str(number) for number in range(50))
    rollouts, _ = small.judged("r", {str(number): "c" for number in range(50)})
    assert [text for text, _ in drawn(run(rollouts, split="train=.8,test=.2", take="test", out="t2"))] == texts(test)


def test_inputs_are_put_together_and_duplicates_dropped(small: Any, run: Run):
    first, second = small.problems("p", ["a", "b", "a"]), small.problems("q", ["b", "d"])
    assert texts(run(first, second, out="all")) == ["a", "b", "a", "b", "d"]
    made = run(first, second, dedupe=True)
    assert texts(made) == ["a", "b", "d"]
    assert [part.rows for part in made.parts] == [2, 1]
    assert made.manifest.facts["selection"]["removed"] == {"duplicates": 2}


def test_rollouts_are_duplicates_when_they_say_the_same_of_the_same_problem(small: Any, run: Run):
    problems = [small.problem("a"), small.problem("b")]
    rows = [
        {"rollout_id": f"{n:032d}", "problem_id": problem["problem_id"], "draw": n, "text": text}
        for n, (problem, text) in enumerate(
            [(problems[0], "x"), (problems[0], "x"), (problems[0], "y"), (problems[1], "x")]
        )
    ]
    made = run(small.make("r", "rollouts", [rows], problems), dedupe=True)
    assert drawn(made) == [("a", 0), ("a", 2), ("b", 3)]


def test_the_same_rollouts_twice_are_refused(small: Any, run: Run):
    rollouts, _ = small.judged("r", {"a": "ci"})
    with pytest.raises(WrongArtifact, match="expected every one once"):
        run(rollouts, rollouts)
    assert drawn(run(rollouts, rollouts, dedupe=True, out="once")) == [("a", 0), ("a", 1)]


def test_what_the_test_set_asks_is_removed_and_counted(small: Any, run: Run):
    long = " ".join(f"w{number}" for number in range(15))
    test = small.problems("test", ["What is 2 + 2?", long])
    mine = ["what is 2 + 2", f"now: {long}", "what is 2 + 3", "other"]
    made = run(small.problems("p", mine), against=[test])
    assert texts(made) == ["what is 2 + 3", "other"]
    assert made.manifest.facts["selection"]["removed"] == {"overlap_exact": 1, "overlap_words": 1}
    rollouts, _ = small.judged("r", dict.fromkeys(mine, "ci"))
    clean = run(rollouts, against=[test], out="clean")
    assert [text for text, _ in drawn(clean)] == ["what is 2 + 3"] * 2 + ["other"] * 2
    assert len(clean.problems()) == 2
    whole = run(small.problems("q", mine), against=[test], overlap_words=0, out="whole")
    assert texts(whole) == [f"now: {long}", "what is 2 + 3", "other"]


def test_an_empty_selection_is_published_behind_a_gate(small: Any, run: Run):
    made = run(small.problems("p", ["a"]), where="answer=nothing")
    assert len(made) == 0
    assert made.manifest.gates == {"empty": "0 of 1 rows stay; removed 1 by --where"}


def test_verdicts_and_scores_are_selected_by_their_own_columns(small: Any, run: Run):
    _, first = small.judged("r", {"a": "ciu", "b": "cc"})
    _, second = small.judged("s", {"e": "ci"})
    made = run(first, second, where="verdict=correct")
    assert [row["verdict"] for row in made.rows()] == ["correct"] * 4
    both = {digest for item in (first, second) for digest in [item.manifest.facts["belongs_to"]["rollouts"]]}
    assert set(made.manifest.facts["belongs_to"]["rollouts"]) == both
    assert len(run(first, pass_rate="0..1", out="rated")) == 3


def test_a_rule_about_draws_that_were_not_fixed_outlives_a_selection(small: Any, run: Run):
    problem = small.problem("a")
    row = {"rollout_id": "0" * 32, "problem_id": problem["problem_id"], "draw": 0, "text": "t"}
    adaptive = small.make("r", "rollouts", [[row]], [problem], facts={"stop_rule": "adaptive", "engine": "e", "n": 1})
    fixed, _ = small.judged("s", {"b": "c"})
    assert run(adaptive, fixed).manifest.facts["stop_rule"] == "adaptive"
    counted = small.make(
        "c", "rollouts", [[row, {**row, "rollout_id": "1" * 32}]], [problem], facts={"stop_rule": "fixed"}
    )
    assert run(counted, per_problem="shortest", out="one").manifest.facts["stop_rule"] == "chosen"
    alone = run(adaptive, where="draw=0", out="alone").manifest.facts
    assert (alone["engine"], alone["n"], alone["stop_rule"]) == ("e", 1, "adaptive")


def test_a_stopped_selection_goes_on_to_the_same_bytes(small: Any, run: Run):
    problems = small.make("p", "problems", [[small.problem(f"{part}-{n}") for n in range(9)] for part in range(3)])
    whole = run(problems, where="problem_id!=x", out="whole")
    declared = {"kind": None, "stage": "select", "options": {"where": "x"}, "inputs": {"artifacts": [problems]}}
    stop = Stop()
    draft = Draft.create(small.folder / "cut", **declared, stop=stop)
    seen = []

    def watch(done: float, total: float | None, unit: str = "rows", **shown: Any) -> None:
        seen.append(done)
        stop.requested = len(seen) == 1

    draft.progress = watch  # type: ignore[method-assign]
    options = SelectOptions(where="problem_id!=x")
    with pytest.raises(Stopped):
        select([problems], draft, options)
    draft.close()
    assert seen == [9]
    resumed = Draft.create(small.folder / "cut", **declared)
    select([problems], resumed, options)
    assert resumed.publish().digest == whole.digest


def test_a_dry_run_says_how_many_rows_stay(small: Any):
    problems = small.problems("p", ["a", "b", "a"])
    assert plan(SelectOptions(dedupe=True), artifacts=[problems]) == ["2 of 3 rows stay; removed 1 duplicates"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pass_rate": "0..0.5"}, "add --verdicts"),
        ({"repeat": "0..0.5=2"}, "add --verdicts"),
        ({"per_problem": "best"}, "picks among rollouts"),
        ({"split": "a=.5"}, "go together"),
        ({"take": "a"}, "go together"),
        ({"where": "verdict=correct"}, "there is no column 'verdict'"),
        ({"where": "answr=1"}, "did you mean answer"),
        ({"overlap_words": -1}, "expected 0 or more"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(small: Any, run: Run, options: dict[str, Any], message: str):
    with pytest.raises(WrongOption, match=message):
        run(small.problems("p", ["a"]), **options)


def test_rollouts_need_verdicts_for_what_depends_on_them(small: Any, run: Run):
    rollouts, verdicts = small.judged("r", {"a": "ci"})
    with pytest.raises(WrongOption, match="no column 'verdict': add --verdicts VERDICTS"):
        run(rollouts, where="verdict=correct")
    with pytest.raises(WrongOption, match="no column 'score': add --scores SCORES"):
        run(rollouts, verdicts=[verdicts], where="score>1")
    for how, message in (("one-pair", "add --verdicts"), ("best", "needs --verdicts"), (0, "1 or more")):
        with pytest.raises(WrongOption, match=message):
            run(rollouts, per_problem=how)
    with pytest.raises(WrongOption, match="copies of problems"):
        run(rollouts, verdicts=[verdicts], repeat="0..1=2")
    with pytest.raises(WrongOption, match="texts"):
        run(verdicts, against=[rollouts])
    with pytest.raises(WrongArtifact, match="expected one kind"):
        run(rollouts, verdicts)


def test_verdicts_that_know_none_of_the_problems_are_refused(small: Any, run: Run):
    _, verdicts = small.judged("r", {"a": "ci"})
    with pytest.raises(WrongArtifact, match="no verdict on a problem"):
        run(small.problems("p", ["z"]), verdicts=[verdicts], pass_rate="0..1")


def test_a_process_that_comes_late_finds_what_another_published(small: Any):
    rollouts, _ = small.judged("r", {"a": "ci"})
    declared = {"kind": None, "stage": "select", "options": {}, "inputs": {"artifacts": [rollouts]}}
    first, late = (Draft.create(small.folder / "out", **declared) for _ in range(2))
    select([rollouts], first, SelectOptions())
    first.publish()
    with pytest.raises(DraftGone):
        late.as_kind("rollouts")
    with pytest.raises(DraftGone):
        late.embed_problems([small.problem("a")])
    late.close()
