"""Evaluations, refilled draws and several updates a draw, on a tiny policy: through stops and kills to the same end."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, Policy, Problem, Stopped, Weights, WrongArtifact, WrongOption, make_problem
from whet.stages.drawn_groups import Reuse
from whet.stages.evaluation_runs import EvalSampling, EvaluationRuns
from whet.stages.loop import Loop
from whet.stages.objectives.dpo import Dpo
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.supervised import Supervised
from whet.stages.optimization import Optimization
from whet.stages.problem_selection import ProblemSelection
from whet.stages.sampling import Sampling
from whet.stages.train_policy import TrainPolicyOptions, resolve

OPTIONS = TrainPolicyOptions(
    objective=Grpo(old="recomputed"),
    groups_per_step=3,
    sampling=Sampling(rollouts_per_problem=3, max_tokens=16),
    optimization=Optimization(learning_rate=3e-3, precision="float32"),
    loop=Loop(steps=4),
)
EVALUATED = replace(
    OPTIONS, evaluation=EvaluationRuns(eval_every=1, publish="best"), eval=EvalSampling(rollouts_per_problem=6)
)


def held_out(folder: Path, count: int = 4) -> Artifact[Problem]:
    draft = Draft.create(folder / f"held-out-{count}", kind="problems", stage="test", options={"n": count})
    for chunk in draft.chunks([0]):
        for order in range(count):
            chunk.write(make_problem([{"role": "user", "content": f"{order}!"}], "1", "number"), order)
    return draft.publish()


def logged(policy: Artifact[Policy]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (policy.path / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if "second" not in key and key != "step_time"} for line in lines]


def weights_of(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_evaluations_are_logged_with_their_step_and_draw_the_same_problems(training: Any, undecided: Weights) -> None:
    options = replace(EVALUATED, evaluation=EvaluationRuns(eval_every=2), loop=Loop(steps=3))
    inputs = {"policy": undecided, "problems": training.problems_artifact(), "eval_problems": held_out(training.folder)}
    made = training.train("out", options, **inputs)
    lines = logged(made)
    # After 2 steps, and after the last.
    assert ["eval/pass@1" in line for line in lines] == [False, True, True]
    for line in lines[1:]:
        assert 0 <= line["eval/pass@1/low"] <= line["eval/pass@1"] <= line["eval/pass@1/high"] <= 1
        assert (line["eval/completions/clipped_ratio"], line["eval/unknown"]) == (0, 0)
        # 10 tokens: \boxed{1} or \boxed{2} and the end.
        assert line["eval/completions/mean_length"] == 10
    facts = made.manifest.facts["evaluations"]
    assert (facts["count"], facts["rollouts_per_problem"], facts["published_step"]) == (2, 6, 3)
    assert "chosen" not in facts


def test_fixed_rollouts_can_be_evaluated_too(training: Any, undecided: Weights) -> None:
    options = TrainPolicyOptions(
        objective=Supervised(), rows_per_step=8, loop=Loop(steps=1), optimization=OPTIONS.optimization,
        eval=EvalSampling(rollouts_per_problem=4, max_tokens=16, temperature=0.0),
    )  # fmt: skip
    rollouts = training.rollouts("shown", [[r"\boxed{1}"] * 8])
    made = training.train(
        "out", options, policy=undecided, rollouts=[rollouts], eval_problems=held_out(training.folder)
    )
    # Greedy rollouts of a problem are all alike.
    assert logged(made)[0]["eval/pass@1"] in (0, 0.25, 0.5, 0.75, 1)


def test_the_best_policy_is_published_and_the_last_one_stays(training: Any, undecided: Weights) -> None:
    # Wrong rollouts are rewarded: the first evaluation is the best.
    options = replace(EVALUATED, reward=replace(OPTIONS.reward, correct=0.0, incorrect=1.0, invalid=0.0))
    options = replace(options, optimization=replace(OPTIONS.optimization, learning_rate=1e-2))
    made = training.train(
        "out", options, policy=undecided, problems=training.problems_artifact(), eval_problems=held_out(training.folder)
    )
    rates = [line["eval/pass@1"] for line in logged(made)]
    best = rates.index(max(rates)) + 1
    facts = made.manifest.facts
    assert (len(rates), rates[-1] < max(rates)) == (4, True)
    assert (facts["steps"], facts["evaluations"]["best_step"]) == (best, best)
    note = "chosen as the best of 4 evaluations on these problems: report it on others"
    assert facts["evaluations"]["chosen"] == note
    assert note in (made.path / "README.md").read_text()
    state = json.loads((made.path / "trainer" / "state.json").read_text())
    assert (state["step"], state["unlogged"]) == (best, {})
    last = Artifact.open(training.folder / "out-last")
    assert last.manifest.facts["steps"] == 4
    assert weights_of(last.path) != weights_of(made.path)
    # The same steps alone give the same weights: what was kept is what was evaluated.
    short = training.train(
        "short", replace(options, loop=Loop(steps=best)), policy=undecided, problems=training.problems_artifact(),
        eval_problems=held_out(training.folder),
    )  # fmt: skip
    assert logged(short)[0]["step"] == 1


@pytest.mark.slow
def test_the_best_policy_is_on_disk_before_training_goes_on_where_checkpoints_are_written_in_the_background(
    training: Any, undecided: Weights
) -> None:
    from whet.stages.checkpoints import Checkpoints

    plain_save, plain_write = Checkpoints.save, Checkpoints._write

    def save(self: Checkpoints, *arguments: Any, background: bool | None = None) -> Path:
        # As on a GPU.
        return plain_save(self, *arguments, background=background is None)

    def write(self: Checkpoints, *arguments: Any) -> None:
        time.sleep(2 * ("best" in self.folder.parts))
        plain_write(self, *arguments)

    problems = {"problems": training.problems_artifact(8), "eval_problems": held_out(training.folder)}
    whole = training.train("whole/out", EVALUATED, policy=undecided, **problems)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "save", save)
        patch.setattr(Checkpoints, "_write", write)
        made = training.train("slow/out", EVALUATED, policy=undecided, **problems)
    assert made.digest == whole.digest


def test_training_ends_when_patience_does(training: Any, undecided: Weights) -> None:
    # Nothing moves, so that no evaluation is better than the first: 1 + 2 evaluations.
    options = replace(
        EVALUATED, evaluation=EvaluationRuns(eval_every=1, patience=2),
        optimization=replace(OPTIONS.optimization, learning_rate=0.0, weight_decay=0.0), loop=Loop(steps=50),
    )  # fmt: skip
    made = training.train(
        "out", options, policy=undecided, problems=training.problems_artifact(), eval_problems=held_out(training.folder)
    )
    assert len({line["eval/pass@1"] for line in logged(made)}) == 1  # the seeds are fixed
    assert made.manifest.facts["steps"] == 3
    assert made.manifest.facts["evaluations"]["chosen"].startswith("ended by 3 evaluations on these problems")


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_run_with_everything_goes_on_to_the_same_bytes(training: Any, undecided: Weights, stop_after: int) -> None:
    # Two updates a draw: a stop after 1 or 3 steps comes in the middle of one, and its rows are read back.
    options = replace(
        EVALUATED, selection=ProblemSelection(refill=2), reuse=Reuse(updates_per_draw=2, passes_per_draw=2)
    )
    inputs = {
        "policy": undecided,
        "problems": training.problems_artifact(8),
        "eval_problems": held_out(training.folder),
    }
    whole = training.train("whole/out", options, **inputs)
    with pytest.raises(Stopped):
        training.train("cut/out", options, stop_after=stop_after, **inputs)
    made = training.train("cut/out", options, **inputs)
    assert made.digest == whole.digest
    assert logged(made) == logged(whole)
    assert made.manifest.facts["evaluations"] == whole.manifest.facts["evaluations"]
    for name in ("out-rollouts", "out-verdicts"):
        one, other = (Artifact.open(training.folder / folder / name) for folder in ("whole", "cut"))
        assert one.digest == other.digest


class Killed(BaseException):
    """As a kill -9 leaves the folder: nothing is tidied up."""


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_killed_run_forgets_the_best_policy_that_no_checkpoint_knows(
    training: Any, undecided: Weights, killed_at: int
) -> None:
    from whet.stages.evaluated_training import EvaluatedTraining

    options = replace(EVALUATED, selection=ProblemSelection(refill=1))
    problems = training.problems_artifact(8)
    inputs = {"policy": undecided, "problems": problems, "eval_problems": held_out(training.folder)}
    whole = training.train("whole/out", options, **inputs)
    plain = EvaluatedTraining.measured

    def killed(self: EvaluatedTraining, done: int, metrics: dict[str, float]) -> dict[str, float]:
        found = plain(self, done, metrics)
        if done == killed_at:
            # The evaluation is made and the best policy is on disk, the checkpoint and the line of the log are not.
            raise Killed
        return found

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(EvaluatedTraining, "measured", killed)
        training.train("cut/out", options, **inputs)
    made = training.train("cut/out", options, **inputs)
    assert made.digest == whole.digest
    assert logged(made) == logged(whole)
    assert made.manifest.facts["evaluations"] == whole.manifest.facts["evaluations"]
    rollouts = [Artifact.open(training.folder / name / "out-rollouts").digest for name in ("whole", "cut")]
    assert rollouts[0] == rollouts[1]


def test_a_kill_after_the_next_draw_goes_on_in_the_middle_of_the_one_before(training: Any, undecided: Weights) -> None:
    from whet.stages.evaluated_training import EvaluatedTraining

    # The checkpoint after step 3 stands in the middle of the second draw; the kill comes after the third one.
    options = replace(
        OPTIONS, loop=Loop(steps=6, checkpoint_every=3), reuse=Reuse(updates_per_draw=2, passes_per_draw=2)
    )
    inputs = {"policy": undecided, "problems": training.problems_artifact(8)}
    whole = training.train("whole/out", options, **inputs)

    def killed(self: EvaluatedTraining, done: int, metrics: dict[str, float]) -> dict[str, float]:
        if done == 5:
            raise Killed
        return metrics

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(EvaluatedTraining, "measured", killed)
        training.train("cut/out", options, **inputs)
    made = training.train("cut/out", options, **inputs)
    assert made.digest == whole.digest


def test_a_stop_inside_an_evaluation_repeats_it_and_nothing_else(training: Any, undecided: Weights) -> None:
    from whet.stages.evaluation_runs import Evaluations

    inputs = {"policy": undecided, "problems": training.problems_artifact(), "eval_problems": held_out(training.folder)}
    whole = training.train("whole/out", EVALUATED, **inputs)
    plain = Evaluations.evaluate

    def asked_to_stop(self: Evaluations, done: int) -> dict[str, float]:
        self.stopping = lambda: done == 2
        return plain(self, done)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped, match="while evaluating"):
        patch.setattr(Evaluations, "evaluate", asked_to_stop)
        training.train("cut/out", EVALUATED, **inputs)
    made = training.train("cut/out", EVALUATED, **inputs)
    assert made.digest == whole.digest
    assert logged(made) == logged(whole)


def test_a_step_draws_more_until_its_groups_teach(training: Any, undecided: Weights) -> None:
    # Two rollouts a problem: half of the groups are all right or all wrong.
    options = replace(
        OPTIONS, selection=ProblemSelection(refill=3), loop=Loop(steps=3),
        sampling=Sampling(rollouts_per_problem=2, max_tokens=16),
    )  # fmt: skip
    made = training.train("out", options, policy=undecided, problems=training.problems_artifact(12))
    rows = list(Artifact.open(training.folder / "out-rollouts").rows())
    total = 0
    for line in logged(made):
        drawn = {row["problem_id"] for row in rows if row["step"] == line["step"] - 1}
        assert len(drawn) == 3 + line["refill/problems"]
        assert line["refill/rounds"] <= 3
        assert line["groups"] == 3
        # What is missing after all rounds is filled up with groups that teach nothing.
        assert line["frac_reward_zero_std"] == pytest.approx(line["refill/missing"] / 3)
        total += line["refill/problems"]
    assert total > 0
    assert len(rows) == 2 * (9 + total)
    # The problems that steps begin with are those of a run without refilling.
    plain = training.train(
        "plain", replace(options, selection=ProblemSelection()), policy=undecided,
        problems=training.problems_artifact(12),
    )  # fmt: skip
    assert "refill/rounds" not in logged(plain)[0]
    first = [row["problem_id"] for row in Artifact.open(training.folder / "plain-rollouts").rows() if row["step"] == 2]
    assert [row["problem_id"] for row in rows if row["step"] == 2][: len(first)] == first


def test_several_updates_a_draw_have_ratios_to_the_policy_that_drew(training: Any, undecided: Weights) -> None:
    options = replace(OPTIONS, groups_per_step=2, reuse=Reuse(updates_per_draw=4, passes_per_draw=2))
    options = replace(options, sampling=Sampling(rollouts_per_problem=6, max_tokens=16))
    made = training.train("out", options, policy=undecided, problems=training.problems_artifact(8))
    lines = logged(made)
    rows = list(Artifact.open(training.folder / "out-rollouts").rows())
    # One draw of 2 * 4 / 2 problems with 6 rollouts each.
    assert {row["step"] for row in rows} == {0}
    assert (len(rows), len({row["problem_id"] for row in rows})) == (24, 4)
    assert [line["staleness"] for line in lines] == [0, 1, 2, 3]
    assert [line["groups"] for line in lines] == [2, 2, 2, 2]
    for line in lines:
        # The sampler against the policy that drew, whatever came after: nearly 1.
        assert line["sampling/sampling_logp_difference/mean"] < 1e-4
        assert line["sampling/importance_sampling_ratio/effective_share"] == pytest.approx(1, abs=1e-5)
    assert lines[0]["ratio"] == pytest.approx(1, abs=1e-5)
    assert any(abs(line["ratio"] - 1) > 1e-3 for line in lines[1:])


def test_problems_that_are_trained_on_are_no_evaluation(training: Any) -> None:
    problems = training.problems_artifact()
    with pytest.raises(WrongArtifact, match="4 of the 4 problems of .* are trained on too"):
        resolve(EVALUATED, training.policy(), problems=problems, eval_problems=problems)
    rollouts = training.rollouts("shown", [[r"\boxed{1}"]])
    with pytest.raises(WrongArtifact, match="1 of the 4 problems of .* are trained on too"):
        resolve(
            TrainPolicyOptions(objective=Supervised()), training.policy(), rollouts=[rollouts], eval_problems=problems
        )
    # Preferences need not name their problems.
    shown = training.problems(2)[1]["messages"]
    draft = Draft.create(training.folder / "preferred", kind="preferences", stage="test")
    for chunk in draft.chunks([0]):
        chunk.write({"messages": shown, "chosen": "a", "rejected": "b"}, 0)
    with pytest.raises(WrongArtifact, match="1 of the 4 problems of .* are trained on too"):
        resolve(
            TrainPolicyOptions(objective=Dpo()), training.policy(), preferences=[draft.publish()],
            eval_problems=problems,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objective": Oreal(), "reuse": Reuse(updates_per_draw=2)}, "has no ratio to the policy that drew"),
        ({"reuse": Reuse(updates_per_draw=3)}, "--steps is 4, expected a multiple of --updates-per-draw"),
        ({"selection": ProblemSelection(repeat_bins="oreal")}, "need --pass-rates VERDICTS"),
        ({"selection": ProblemSelection(uniform_share=0.1)}, "--uniform-share goes with --problem-weight"),
        ({"evaluation": EvaluationRuns(patience=3)}, "go with --eval-problems"),
        ({"engine": "vllm"}, "needs vllm, which is not installed"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason(training: Any, change: Any, message: str) -> None:
    from importlib.util import find_spec

    if "engine" in change and find_spec("vllm"):
        pytest.skip("vllm is installed here")
    with pytest.raises(WrongOption, match=message):
        resolve(replace(OPTIONS, **change), training.policy(), problems=training.problems_artifact())


def test_the_engine_and_the_sampling_of_evaluations_are_settled_before_the_digest(training: Any) -> None:
    settled = resolve(
        EVALUATED, training.policy(), problems=training.problems_artifact(), eval_problems=held_out(training.folder)
    )
    assert settled.engine == "decode"
    assert settled.eval.sampling == Sampling(rollouts_per_problem=6, max_tokens=16)
    assert resolve(OPTIONS, training.policy(), problems=training.problems_artifact()).eval == EvalSampling()
