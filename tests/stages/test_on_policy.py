import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from whet.artifacts import Artifact, Draft, Policy, Stopped, Weights, WrongArtifact, make_problem
from whet.stages.loop import Loop
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.psr import Nsr
from whet.stages.objectives.rejection import Rejection
from whet.stages.optimization import Optimization
from whet.stages.sampling import Sampling
from whet.stages.train_policy import TrainPolicyOptions, train_policy
from whet.stages.truncation import Truncation

SAMPLING = Sampling(rollouts_per_problem=6, max_tokens=16)
OPTIONS = TrainPolicyOptions(
    objective=Oreal(keep="mixed-groups", kl_weight=0.01),
    groups_per_step=3,
    sampling=SAMPLING,
    optimization=Optimization(learning_rate=3e-3, precision="float32"),
)


def logged(policy: Artifact[Policy]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (policy.path / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if "second" not in k and k != "step_time"} for line in lines]


def rows_of(training: Any, name: str) -> list[dict[str, Any]]:
    return list(Artifact.open(training.folder / name).rows())


def test_the_policy_learns_from_its_own_rollouts(training, undecided):
    # Every answer is 1.
    made = training.train(
        "out", replace(OPTIONS, loop=Loop(steps=8)), policy=undecided, problems=training.problems_artifact()
    )
    rates = [line["pass_rate"] for line in logged(made)]
    assert 0.2 < rates[0] < 0.8
    assert sum(rates[-2:]) / 2 > rates[0] + 0.15
    # The sampler and the trainer compute the same probabilities.
    assert logged(made)[0]["sampling/sampling_logp_difference/mean"] < 1e-4
    assert [line["epoch"] for line in logged(made)] == [0.75 * step for step in range(1, 9)]


def test_rollouts_and_verdicts_of_every_step_are_published(training, undecided):
    problems = training.problems_artifact()
    training.train("out", replace(OPTIONS, loop=Loop(steps=2)), policy=undecided, problems=problems)
    rollouts = Artifact.open(training.folder / "out-rollouts")
    verdicts = rows_of(training, "out-verdicts")
    rows = list(rollouts.rows())
    # 2 steps of 3 problems with 6 rollouts; 4 problems: the second step takes the last one and begins again.
    assert Counter(row["step"] for row in rows) == {0: 18, 1: 18}
    assert len({row["problem_id"] for row in rows}) == 4
    assert len({row["seed"] for row in rows}) == 36
    assert [row["rollout_id"] for row in rows] == [row["rollout_id"] for row in verdicts]
    assert all((row["verdict"] == "correct") == (row["extracted"] == "1") for row in verdicts)
    assert rollouts.problems().keys() == problems.problems().keys()
    assert rollouts.manifest.facts["sampling"]["rollouts_per_problem"] == 6
    # They are rollouts like others: what was drawn on-policy trains again, its verdicts join.
    again = replace(OPTIONS, groups_per_step=6, sampling=TrainPolicyOptions().sampling, objective=Grpo())
    inputs = {"rollouts": [rollouts], "verdicts": [Artifact.open(training.folder / "out-verdicts")]}
    made = training.train("again", again, policy=undecided, **inputs)
    assert made.manifest.facts["rollouts"]["groups"] == 6


@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_stopped_run_goes_on_to_the_same_bytes(training, undecided, stop_after):
    problems = training.problems_artifact()
    whole = training.train("whole/out", replace(OPTIONS, loop=Loop(steps=3)), policy=undecided, problems=problems)
    with pytest.raises(Stopped):
        training.train(
            "cut/out", replace(OPTIONS, loop=Loop(steps=3)), stop_after=stop_after, policy=undecided, problems=problems
        )
    made = training.train("cut/out", replace(OPTIONS, loop=Loop(steps=3)), policy=undecided, problems=problems)
    assert made.digest == whole.digest
    assert logged(made) == logged(whole)
    for name in ("out-rollouts", "out-verdicts"):
        one, other = (Artifact.open(training.folder / folder / name) for folder in ("whole", "cut"))
        assert one.digest == other.digest


def test_rows_after_the_last_checkpoint_are_drawn_again(training, undecided):
    problems = training.problems_artifact()
    options = replace(OPTIONS, loop=Loop(steps=4, checkpoint_every=2))
    whole = training.train("whole/out", options, policy=undecided, problems=problems)

    class Killed(BaseException):
        pass

    drafts = killed_drafts(training.folder / "cut" / "out", undecided, problems)

    def die(done: float, total: float | None, unit: str = "rows", **shown: Any) -> None:
        if done == 3:
            raise Killed

    drafts["out"].progress = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        run(undecided, options, problems, drafts)
    parts = sorted((drafts["rollouts_out"].folder / "data").iterdir())
    assert len(parts) == 3
    kept = [part.stat().st_ino for part in parts]
    for draft in drafts.values():
        draft.close()
    drafts = killed_drafts(training.folder / "cut" / "out", undecided, problems)
    run(undecided, options, problems, drafts)
    made = {name: drafts[name].publish() for name in ("rollouts_out", "verdicts_out", "out")}
    assert made["rollouts_out"].digest == Artifact.open(training.folder / "whole" / "out-rollouts").digest
    assert made["out"].digest == whole.digest
    after = [part.stat().st_ino for part in sorted((made["rollouts_out"].path / "data").iterdir())]
    assert after[:2] == kept[:2]  # finished parts before the checkpoint stay


def run(policy: Weights, options: TrainPolicyOptions, problems: Any, drafts: dict[str, Draft[Any]]) -> None:
    outs = {name: drafts[name] for name in ("rollouts_out", "verdicts_out")}
    train_policy(policy, drafts["out"], options, problems=problems, **outs)  # type: ignore[arg-type]


def killed_drafts(out: Path, policy: Weights, problems: Any) -> dict[str, Draft[Any]]:
    """The three drafts of one run, with the identities that `training.train` gives them."""
    from whet.cli.options import record

    declared: dict[str, Any] = {
        "stage": "train-policy", "inputs": {"policy": policy, "problems": problems},
        "options": record(replace(OPTIONS, loop=Loop(steps=4)))[0],
    }  # fmt: skip
    main = Draft.create(out, kind="policy", **declared)
    return {
        "out": main,
        "rollouts_out": main.sibling("rollouts", "rollouts"),
        "verdicts_out": main.sibling("verdicts", "verdicts"),
    }


def test_a_run_that_goes_on_draws_other_rollouts_and_counts_on(training, undecided):
    problems = training.problems_artifact()
    one = training.train("one", replace(OPTIONS, loop=Loop(steps=1)), policy=undecided, problems=problems)
    two = training.train(
        "two",
        replace(OPTIONS, loop=Loop(steps=1)),
        policy=undecided,
        problems=problems,
        continue_from=Weights(str(one.path)),
    )
    whole = training.train("whole", replace(OPTIONS, loop=Loop(steps=2)), policy=undecided, problems=problems)
    assert [line["step"] for line in logged(two)] == [2]
    assert {row["step"] for row in rows_of(training, "two-rollouts")} == {1}
    drawn = [[row["problem_id"] for row in rows_of(training, name)] for name in ("one-rollouts", "two-rollouts")]
    assert drawn[0] + drawn[1] == [row["problem_id"] for row in rows_of(training, "whole-rollouts")]
    assert whole.manifest.facts["steps"] == two.manifest.facts["steps"] == 2


def test_a_run_that_goes_on_with_smaller_steps_takes_the_problems_that_are_left(training, undecided):
    problems = training.problems_artifact(6)
    place: dict[str, Any] = {"policy": undecided, "problems": problems}
    one = training.train("one", replace(OPTIONS, groups_per_step=3, loop=Loop(steps=1)), **place)
    smaller = replace(OPTIONS, groups_per_step=1, loop=Loop(steps=3))
    training.train("two", smaller, **place, continue_from=Weights(str(one.path)))
    drawn = [{row["problem_id"] for row in rows_of(training, name)} for name in ("one-rollouts", "two-rollouts")]
    assert [len(ids) for ids in drawn] == [3, 3]
    assert len(drawn[0] | drawn[1]) == 6


def test_rejection_trains_on_its_correct_rollouts(training, undecided):
    options = replace(OPTIONS, loop=Loop(steps=1), objective=Rejection())
    made = training.train("out", options, policy=undecided, problems=training.problems_artifact())
    correct = sum(row["verdict"] == "correct" for row in rows_of(training, "out-verdicts"))
    assert logged(made)[0]["rows"] == correct > 0


def test_the_soft_penalty_knows_where_the_context_ends(training):
    policy, problems = training.policy(), training.problems_artifact()
    options = replace(
        OPTIONS, loop=Loop(steps=1), sampling=replace(SAMPLING, max_tokens=1000), objective=Grpo(),
        truncation=Truncation(truncated="soft-penalty", penalty_tokens=30),
    )  # fmt: skip
    drawn = training.train("drawn", options, policy=policy, problems=problems)
    rows, verdicts = rows_of(training, "drawn-rollouts"), rows_of(training, "drawn-verdicts")
    # A random policy is never right. Its context has 64 tokens: the last 30 of a rollout cost 1/30 each.
    assert {row["verdict"] for row in verdicts}.isdisjoint({"correct", "unknown"})
    costs = [max(0.0, (len(row["prompt_token_ids"]) + len(row["token_ids"]) - 34) / 30) for row in rows]
    assert 0 < sum(0 < cost < 1 for cost in costs) < sum(cost > 0 for cost in costs)
    assert logged(drawn)[0]["reward"] == pytest.approx(-sum(costs) / 18)
    inputs = {name: [Artifact.open(training.folder / f"drawn-{name}")] for name in ("rollouts", "verdicts")}
    given = training.train("given", replace(options, sampling=TrainPolicyOptions().sampling), policy=policy, **inputs)
    assert logged(given)[0]["reward"] == pytest.approx(-sum(costs) / 18)


def test_truncated_rollouts_are_counted_and_have_no_end(training, undecided):
    options = replace(
        OPTIONS, loop=Loop(steps=1), sampling=replace(SAMPLING, max_tokens=4), objective=Oreal(keep="none"),
        truncation=Truncation(truncated="incorrect"),
    )  # fmt: skip
    made = training.train("out", options, policy=undecided, problems=training.problems_artifact())
    line = logged(made)[0]
    assert line["completions/clipped_ratio"] == 1
    assert line["pass_rate"] == 0
    assert line["trained_tokens"] == 18 * 4
    assert {row["verdict"] for row in rows_of(training, "out-verdicts")} == {"invalid"}


@pytest.mark.parametrize("role", ["problems", "eval_problems"])
def test_prompts_beyond_the_context_are_refused_before_the_first_step(training, role):
    draft = Draft.create(training.folder / "long", kind="problems", stage="test", options={})
    for chunk in draft.chunks([0]):
        chunk.write(make_problem([{"role": "user", "content": "9" * 64}], "1", "number"), 0)
    inputs = {"problems": training.problems_artifact(), role: draft.publish()}
    with pytest.raises(WrongArtifact, match="1 prompt fills the context of 64 tokens"):
        training.train("out", OPTIONS, **inputs)


def test_a_run_that_leaves_out_all_its_rollouts_says_why(training, undecided):
    said: list[str] = []
    options = replace(OPTIONS, loop=Loop(steps=1), sampling=replace(SAMPLING, max_tokens=4), objective=Nsr())
    sink = logger.add(said.append, level="WARNING", format="{message}")
    try:
        made = training.train("out", options, policy=undecided, problems=training.problems_artifact())
    finally:
        logger.remove(sink)
    line = logged(made)[0]
    assert (line["rows"], line["left_out"], line["completions/clipped_ratio"]) == (0, 18, 1)
    assert "see pass_rate, left_out and completions/clipped_ratio in metrics.jsonl" in said[-1]


def test_broken_problems_are_drawn_and_counted_and_not_trained_on(training, undecided):
    sound = training.problems(3)
    broken = {**make_problem([{"role": "user", "content": "9?"}], "1"), "answer": None}
    draft = Draft.create(training.folder / "problems", kind="problems", stage="test", options={})
    for chunk in draft.chunks([0]):
        for order, problem in enumerate([*sound, broken]):
            chunk.write(problem, order)
    options = replace(OPTIONS, loop=Loop(steps=1), groups_per_step=4, objective=Oreal(keep="none"))
    made = training.train("out", options, policy=undecided, problems=draft.publish())
    line = logged(made)[0]
    assert (line["broken_problems"], line["groups"], line["rollouts"]) == (1, 3, 18)
    verdicts = rows_of(training, "out-verdicts")
    assert len(verdicts) == 24
    assert sum((row["reason"] or "").startswith("problem") for row in verdicts) == 6


def test_grpo_on_its_own_rollouts_has_ratios_of_one(training, undecided):
    options = replace(OPTIONS, loop=Loop(steps=1), objective=Grpo(kl_weight=0.1))
    made = training.train("out", options, policy=undecided, problems=training.problems_artifact())
    assert logged(made)[0]["ratio"] == pytest.approx(1, abs=1e-5)
    assert logged(made)[0]["loss_kl"] == pytest.approx(0, abs=1e-7)
