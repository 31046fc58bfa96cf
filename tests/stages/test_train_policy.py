import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from whet.artifacts import Artifact, Draft, Policy, Stopped, Weights, WrongArtifact, WrongOption
from whet.stages.loop import Loop
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.rejection import Rejection
from whet.stages.objectives.supervised import Supervised
from whet.stages.optimization import Optimization
from whet.stages.policy_folder import Saving
from whet.stages.sampling import Sampling
from whet.stages.train_policy import TrainPolicyOptions, plan, resolve, train_policy

BOXES = [[r"\boxed{1}", r"\boxed{22}", r"\boxed{3}", "no"], [r"\boxed{1}", r"\boxed{1}", "2"], ["7", r"\boxed{1}"]]
LETTERS = ["ciiv", "cci", "ic"]
FAST = Optimization(learning_rate=1e-3, precision="float32")
SUPERVISED = TrainPolicyOptions(objective=Supervised(), rows_per_step=4, optimization=FAST)
OREAL = TrainPolicyOptions(objective=Oreal(keep="mixed-groups"), groups_per_step=2, optimization=FAST)


def weights_of(policy: Artifact[Policy]) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(policy.path / "model.safetensors")


def logged(policy: Artifact[Policy]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (policy.path / "metrics.jsonl").read_text().splitlines()]


def likelihood(policy: Artifact[Policy] | Weights, prompt: str, text: str) -> float:
    """ln p of a completion and its end."""
    from transformers import AutoModelForCausalLM

    from whet.stages.tokens import load_encoder

    assert policy.path is not None
    encoder = load_encoder(policy.path)
    asked = encoder.encode_prompt([{"role": "user", "content": prompt}])
    ids = torch.tensor([[*asked, *encoder.encode(text), encoder.end_id]])
    logits = AutoModelForCausalLM.from_pretrained(policy.path)(ids).logits.log_softmax(-1)
    return float(logits[0, :-1].gather(1, ids[0, 1:, None])[len(asked) - 1 :].detach().sum())


def test_a_trained_policy_is_a_plain_model_folder(training):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    start = training.policy()
    made = training.train("out", SUPERVISED, rollouts=[training.rollouts("r", BOXES)])
    model = AutoModelForCausalLM.from_pretrained(made.path)
    assert model.dtype == torch.float32
    assert AutoTokenizer.from_pretrained(made.path)("1+1")["input_ids"]
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (made.path / name).read_bytes() == (start.path / name).read_bytes()
    assert {path.name for path in (made.path / "trainer").iterdir()} == {"moments.safetensors", "state.json"}
    assert Weights(str(made.path)).tokenizer_digest == start.tokenizer_digest
    assert (
        len({path.stat().st_mode for path in made.path.rglob("*.*") if path.is_file() and "tb" not in path.parts}) == 1
    )
    # 9 rollouts, 4 a step: 3 steps, the last of one.
    assert [line["rows"] for line in logged(made)] == [4, 4, 1]
    assert made.manifest.facts["steps"] == 3


def test_supervised_training_raises_the_likelihood_of_every_rollout(training):
    options = replace(SUPERVISED, loop=Loop(epochs=10.0))
    made = training.train("out", options, rollouts=[training.rollouts("r", BOXES)])
    for text in (r"\boxed{1}", "no"):
        assert likelihood(made, "0?", text) > likelihood(training.policy(), "0?", text) + 1


def test_rejection_trains_on_the_correct_ones_alone(training):
    rollouts = training.rollouts("r", BOXES)
    options = replace(SUPERVISED, objective=Rejection(), rows_per_step=2)
    made = training.train("out", options, rollouts=[rollouts], verdicts=[training.verdicts(rollouts, LETTERS)])
    # c c c c: 4 correct rollouts in 2 steps, each of 9 characters and the end.
    assert [line["rows"] for line in logged(made)] == [2, 2]
    assert [line["trained_tokens"] for line in logged(made)] == [20, 20]


def test_oreal_raises_what_was_right_and_lowers_what_was_wrong(training):
    rollouts = training.rollouts("r", BOXES)
    options = replace(OREAL, loop=Loop(epochs=15.0), objective=Oreal(keep="mixed-groups", negative_factor=1.0))
    made = training.train("out", options, rollouts=[rollouts], verdicts=[training.verdicts(rollouts, LETTERS)])
    start = training.policy()
    assert likelihood(made, "0?", r"\boxed{1}") > likelihood(start, "0?", r"\boxed{1}") + 1
    assert likelihood(made, "0?", "no") < likelihood(start, "0?", "no")


def test_unknown_verdicts_leave_their_group_and_groups_of_one_are_dead(training):
    rollouts = training.rollouts("r", BOXES)
    verdicts = training.verdicts(rollouts, ["ciiu", "cuu", "ii"])
    options = replace(OREAL, groups_per_step=3, objective=Oreal(keep="none"), optimization=FAST)
    made = training.train("out", options, rollouts=[rollouts], verdicts=[verdicts])
    counts = made.manifest.facts["rollouts"]
    assert (counts["correct"], counts["incorrect"], counts["unknown"]) == (2, 4, 3)
    assert (counts["groups"], counts["dead_groups"]) == (2, 1)
    line = logged(made)[0]
    # Left: c i i with rewards 1 -1 -1, and i i, which is uniform; (1 - 4) / 5.
    assert (line["rollouts"], line["frac_reward_zero_std"], line["unknown"]) == (5, 1 / 2, 1)
    assert line["reward"] == pytest.approx(-0.6)
    # sqrt((1.6^2 + 4 * .4^2) / 4)
    assert line["reward_std"] == pytest.approx(0.8**0.5)
    assert line["pass_rate"] == pytest.approx(0.2)
    # 10 11 10, 2 10 tokens
    assert [line[f"completions/{name}_length"] for name in ("min", "mean", "max")] == [2, 8.6, 11]


@pytest.mark.parametrize("objective", [Oreal(keep="none"), Rejection()])
def test_a_broken_problem_leaves_the_training_with_all_its_rollouts(training, objective):
    rollouts = training.rollouts("r", BOXES)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, ["ciip", "cci", "ic"])]}
    options = replace(SUPERVISED if objective == Rejection() else OREAL, objective=objective)
    made = training.train("out", options, **inputs)
    counts = made.manifest.facts["rollouts"]
    assert (counts["broken_problems"], counts["invalid"]) == (1, 1)
    # left: c c i and i c, of which rejection keeps the 3 correct ones
    assert counts["groups" if objective == Oreal(keep="none") else "rows"] == (2 if objective.in_groups else 5)
    assert sum(line["rows"] for line in logged(made)) == (5 if objective.in_groups else 3)


def test_rewards_come_from_options(training):
    rollouts = training.rollouts("r", [["1", "2", "3"]])
    verdicts = training.verdicts(rollouts, ["civ"])
    reward = replace(OREAL.reward, correct=2.0, invalid=-0.5)
    made = training.train("out", replace(OREAL, reward=reward), rollouts=[rollouts], verdicts=[verdicts])
    assert logged(made)[0]["reward"] == pytest.approx((2 - 1 - 0.5) / 3)
    assert resolve(OREAL, training.policy(), rollouts=[rollouts], verdicts=[verdicts]).reward.incorrect == -1
    assert (
        resolve(
            replace(OREAL, objective=Grpo()), training.policy(), rollouts=[rollouts], verdicts=[verdicts]
        ).reward.incorrect
        == 0
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_stopped_training_publishes_the_same_bytes(training, precision):
    rollouts = training.rollouts("r", BOXES)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    options = replace(OREAL, loop=Loop(steps=6), optimization=replace(FAST, precision=precision), objective=Oreal())
    whole = training.train("whole", options, **inputs)
    for done in (2, 3):
        with pytest.raises(Stopped):
            training.train("stopped", options, stop_after=done, **inputs)
    stopped = training.train("stopped", options, **inputs)
    assert stopped.digest == whole.digest
    assert [line["step"] for line in logged(stopped)] == [1, 2, 3, 4, 5, 6]
    assert [line["loss"] for line in logged(stopped)] == [line["loss"] for line in logged(whole)]


def chained_equals_whole(training: Any, steps: int) -> None:
    """A loop of one-step trainings over folders against one training of as many steps."""
    rollouts = training.rollouts("r", BOXES)
    inputs: dict[str, Any] = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    # Below bfloat16's rounding of every weight: without float32 masters nothing would move.
    optimization = Optimization(
        learning_rate=5e-7, precision="bfloat16", schedule="cosine", warmup_steps=3, schedule_steps=steps
    )
    options = replace(OREAL, optimization=optimization, objective=Oreal(), saving=Saving(save_dtype="bfloat16"))
    whole = training.train("whole", replace(options, loop=Loop(steps=steps)), **inputs)
    last = None
    for step in range(steps):
        inputs["continue_from"] = None if last is None else Weights(str(last.path))
        last = training.train(f"chain-{step}", replace(options, loop=Loop(steps=1)), **inputs)
    assert last is not None
    assert last.digest == whole.digest
    assert (last.path / "trainer" / "weights.safetensors").is_file()
    assert [logged(last)[0]["step"], logged(last)[0]["loss"]] == [steps, logged(whole)[-1]["loss"]]


def test_chained_one_step_trainings_equal_one_training(training):
    chained_equals_whole(training, 5)


@pytest.mark.slow
def test_eighty_chained_one_step_trainings_equal_one_training(training):
    chained_equals_whole(training, 80)


def test_a_training_on_other_data_starts_that_at_its_beginning(training):
    first, second = training.rollouts("r", BOXES), training.rollouts("s", [*BOXES, ["5"]])
    made = training.train("one", replace(SUPERVISED, loop=Loop(steps=2)), rollouts=[first])
    more = training.train("two", SUPERVISED, rollouts=[second], continue_from=Weights(str(made.path)))
    # 10 rollouts, 4 a step, all of them once; the steps count on.
    assert [(line["step"], line["rows"]) for line in logged(more)] == [(3, 4), (4, 4), (5, 2)]


def test_half_precision_folders_keep_full_precision_in_the_trainer(training):
    made = training.train(
        "out", replace(SUPERVISED, saving=Saving(save_dtype="bfloat16")), rollouts=[training.rollouts("r", BOXES)]
    )
    assert {value.dtype for value in weights_of(made).values()} == {torch.bfloat16}
    assert "lm_head.weight" not in weights_of(made)
    assert json.loads((made.path / "config.json").read_text())["dtype"] == "bfloat16"


def test_intermediate_policies_are_published_once(training):
    rollouts = training.rollouts("r", BOXES)
    options = replace(SUPERVISED, loop=Loop(steps=5), saving=Saving(save_every=2))
    with pytest.raises(Stopped):
        training.train("out", options, stop_after=3, rollouts=[rollouts])
    made = training.train("out", options, rollouts=[rollouts])
    two, four = (Artifact.open(training.folder / f"out-step-{step:04d}") for step in (2, 4))
    assert [(part.kind, part.path.name) for part in (two, four)] == [("policy", "v1")] * 2
    assert [part.manifest.facts["steps"] for part in (two, four)] == [2, 4]
    short = training.train("short", replace(SUPERVISED, loop=Loop(steps=4)), rollouts=[rollouts])
    assert all(torch.equal(value, weights_of(four)[name]) for name, value in weights_of(short).items())
    assert not all(torch.equal(value, weights_of(four)[name]) for name, value in weights_of(made).items())


@pytest.mark.parametrize("objective", [Oreal(keep="none"), Grpo(old="recomputed", kl_weight=0.1)])
def test_batch_tokens_changes_the_weights_by_rounding_only(training, objective):
    rollouts = training.rollouts("r", BOXES)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    one, other = (
        training.train(str(tokens), replace(OREAL, objective=objective, loop=Loop(batch_tokens=tokens)), **inputs)
        for tokens in (10, 1000)
    )
    for name, value in weights_of(one).items():
        torch.testing.assert_close(value, weights_of(other)[name], atol=2e-5, rtol=1e-4)


def test_grpo_takes_its_ratios_to_the_sampler_s_record(training):
    # Recorded as .5 too likely or unlikely: ratios e^-.5 and e^.5.
    from whet.stages.models import load_policy
    from whet.stages.tokens import load_encoder

    start = training.policy()
    encoder, model = load_encoder(start.path), load_policy(start, dtype="float32")

    def recorded(place: int, draw: int) -> dict[str, Any]:
        asked = encoder.encode_prompt(training.problems()[place]["messages"])
        ids = torch.tensor([[*asked, *encoder.encode(BOXES[place][draw]), encoder.end_id]])
        logprobs = model(ids).logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])[len(asked) - 1 :, 0].detach()
        return {"logprobs": (logprobs + (0.5 if draw == 0 else -0.5)).tolist()}

    rollouts = training.rollouts("r", BOXES[:1], row=recorded)
    verdicts = training.verdicts(rollouts, LETTERS[:1])
    made = training.train("out", replace(OREAL, objective=Grpo()), rollouts=[rollouts], verdicts=[verdicts])
    # 10 tokens of the first rollout; 11, 10 and 3 of the others. The clip holds where the ratio is e^.5 and A < 0? No:
    # A > 0 for the first (ratio below 1: free), A < 0 for the others (ratio above 1: free).
    expected = (10 * 2.718281828**-0.5 + 24 * 2.718281828**0.5) / 34
    assert logged(made)[0]["ratio"] == pytest.approx(expected, rel=1e-4)
    assert logged(made)[0]["clip_ratio/region_mean"] == 0
    sampling, ratio = logged(made)[0], "sampling/importance_sampling_ratio"
    assert sampling["sampling/sampling_logp_difference/mean"] == pytest.approx(0.5, rel=1e-4)
    assert sampling[f"{ratio}/mean"] == pytest.approx(expected, rel=1e-4)
    assert sampling[f"{ratio}/mean_square"] == pytest.approx((10 * 2.718281828**-1 + 24 * 2.718281828) / 34, rel=1e-4)
    assert sampling[f"{ratio}/outside"] == 1


def test_the_sampling_temperature_divides_the_logits(training):
    rollouts = training.rollouts("r", BOXES[:1], facts={"sampling": {"temperature": 0.5, "top_p": 1.0, "top_k": 0}})
    verdicts = training.verdicts(rollouts, LETTERS[:1])
    sharp = training.train("out", OREAL, rollouts=[rollouts], verdicts=[verdicts])
    plain = training.rollouts("p", BOXES[:1])
    soft = training.train("soft", OREAL, rollouts=[plain], verdicts=[training.verdicts(plain, LETTERS[:1])])
    assert logged(sharp)[0]["logprob"] < logged(soft)[0]["logprob"] - 0.01
    # Demonstrations are imitated at temperature 1 whatever they were drawn at.
    shown = training.train("s", SUPERVISED, rollouts=[rollouts])
    assert logged(shown)[0]["logprob"] == pytest.approx(logged(soft)[0]["logprob"], rel=1e-5)


def test_the_penalty_refers_to_the_policy_given_or_to_a_reference(training):
    rollouts = training.rollouts("r", BOXES)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    own = training.train("own", OREAL, **inputs)
    assert logged(own)[0]["loss_kl"] == 0
    other = training.train("other", OREAL, reference=training.policy("elsewhere", seed=1), **inputs)
    assert logged(other)[0]["loss_kl"] > 0.001
    # All rollouts are trained on and --kl-weight is .01.
    assert logged(other)[0]["loss_kl"] == pytest.approx(0.01 * logged(other)[0]["kl"], rel=1e-5)


def test_tokens_of_the_environment_and_of_a_prefill_carry_no_loss(training):
    parts = [(0, 3, "prefill"), (3, 6, "policy"), (6, 8, "environment"), (8, 10, "policy")]
    segments = [{"start": start, "end": end, "origin": origin} for start, end, origin in parts]
    rollouts = training.rollouts("r", [[r"\boxed{1}"]], row=lambda place, draw: {"segments": segments})
    made = training.train("out", SUPERVISED, rollouts=[rollouts])
    assert logged(made)[0]["trained_tokens"] == 5


def test_text_without_tokens_is_refused_with_the_flag_to_use(training):
    rollouts = training.rollouts("r", BOXES, row=lambda place, draw: {"token_ids": None})
    with pytest.raises(WrongArtifact, match=r"holds text without token ids .* --tokenizer FOLDER"):
        training.train("out", SUPERVISED, rollouts=[rollouts])


def test_tokens_of_another_tokenizer_are_refused(training):
    rollouts = training.rollouts("r", BOXES, facts={"tokenizer_digest": "of another"})
    with pytest.raises(WrongArtifact, match="tokens of another tokenizer"):
        training.train("out", SUPERVISED, rollouts=[rollouts])


def test_verdicts_must_be_of_these_rollouts_and_of_all_of_them(training):
    one, other = training.rollouts("r", BOXES), training.rollouts("s", BOXES)
    with pytest.raises(WrongArtifact, match="verdicts of other rollouts"):
        training.train("out", OREAL, rollouts=[one], verdicts=[training.verdicts(other, LETTERS)])
    with pytest.raises(WrongArtifact, match="no verdicts of .* were given"):
        training.train("out", OREAL, rollouts=[one, other], verdicts=[training.verdicts(one, LETTERS)])


CUT = {"sampling": {"temperature": 1.0, "top_p": 0.9, "top_k": 0}}


@pytest.mark.parametrize(
    ("facts", "objective", "message"),
    [
        (CUT, Grpo(), "sampled with top-p 0.9 .* no sampling_logprobs"),
        (CUT, Grpo(old="recomputed"), "sampled with top-p 0.9 .* no sampling_logprobs"),
        ({}, Grpo(), "no log-probabilities of its tokens.*--old recomputed"),
        ({"sampling": {"temperature": 0.0}}, Grpo(), "sampled at temperature 0"),
    ],
)
def test_sampling_that_makes_ratios_wrong_is_refused_with_the_reason(training, facts, objective, message):
    rollouts = training.rollouts("r", BOXES, facts=facts)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    with pytest.raises(WrongArtifact, match=message):
        training.train("out", replace(OREAL, objective=objective), **inputs)
    assert training.train("oreal", OREAL, **inputs).manifest.facts["updates"] == 2  # no ratios: any sampling will do


def test_what_does_not_go_together_is_refused(training):
    policy, rollouts, problems = training.policy(), training.rollouts("r", BOXES), training.problems_artifact()
    verdicts = training.verdicts(rollouts, LETTERS)
    one = Sampling(rollouts_per_problem=1)
    wrong: list[tuple[TrainPolicyOptions, dict[str, Any], str]] = [
        (OREAL, {}, "none was given, expected one of --rollouts, --problems"),
        (OREAL, {"rollouts": [rollouts], "problems": problems}, "--rollouts and --problems were given"),
        (OREAL, {"rollouts": [rollouts]}, "--objective oreal needs --verdicts"),
        (OREAL, {"problems": problems, "verdicts": [verdicts]}, "--verdicts go with --rollouts"),
        (SUPERVISED, {"rollouts": [rollouts], "verdicts": [verdicts]}, "leave out --verdicts"),
        (SUPERVISED, {"rollouts": [rollouts], "reference": policy}, "no penalty that reads --reference"),
        (SUPERVISED, {"problems": problems}, "nothing to learn from the policy's own rollouts"),
        (
            replace(OREAL, sampling=one),
            {"rollouts": [rollouts], "verdicts": [verdicts]},
            "--sampling .* with --problems",
        ),
        (replace(OREAL, sampling=one), {"problems": problems}, "--sampling.rollouts-per-problem 2 or more"),
        (replace(OREAL, sampling=Sampling(temperature=0)), {"problems": problems}, "the same rollout every time"),
        (replace(OREAL, rows_per_step=3), {"rollouts": [rollouts], "verdicts": [verdicts]}, "give --groups-per-step"),
        (replace(SUPERVISED, groups_per_step=3), {"rollouts": [rollouts]}, "give --rows-per-step"),
    ]
    for options, inputs, message in wrong:
        with pytest.raises(WrongOption, match=message):
            resolve(options, policy, **inputs)


def test_the_plan_says_what_there_is_to_learn_from(training):
    policy, rollouts = training.policy(), training.rollouts("r", BOXES)
    inputs: dict[str, Any] = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    options = resolve(OREAL, policy, **inputs)
    lines = plan(options, policy, **inputs)
    assert "rollouts 9" in lines[0]
    assert "dead groups 0" in lines[0]
    # 10 11 10 3, 10 10 2, 2 10 tokens, ends included
    assert lines[1] == "3 groups to learn from, 68 tokens"
    assert lines[2] == r"first row, '<|user|>0?<|end|><|assistant|>' then '\\boxed{1}<|end|>'"
    assert lines[3] == "2 steps of 2 groups"
    assert lines[4].startswith("3 groups, 0 of them dead (0.0%")
    assert lines[-1].startswith("memory: about ")
    assert "for 12," in lines[-1]
    online = resolve(replace(OREAL, loop=Loop(epochs=2.0)), policy, problems=training.problems_artifact())
    lines = plan(online, policy, problems=training.problems_artifact())
    assert lines[0] == "4 problems, 2 of them a draw, 16 rollouts each, 1 update a draw"
    assert "4 steps of 2 groups" in lines
    assert "a draw: 32 rollouts of 2 problems, 2,048 tokens at most; 4 steps" in lines


@pytest.mark.parametrize(("name", "flag"), [("rollouts_out", "--rollouts-out"), ("verdicts_out", "--verdicts-out")])
def test_a_folder_for_rollouts_that_nothing_draws_is_refused(training, name, flag):
    rollouts = training.rollouts("r", BOXES)
    out = Draft.create(training.folder / "elsewhere", kind=name.removesuffix("_out"), stage="test", options={})
    outs: dict[str, Any] = {name: out}
    with pytest.raises(WrongOption, match=f"{flag} is where rollouts of --problems go, and none are drawn"):
        train_policy(training.policy(), out, SUPERVISED, rollouts=[rollouts], **outs)


def test_a_run_that_goes_on_says_from_where(training):
    from loguru import logger

    lines: list[str] = []
    handler = logger.add(lines.append, format="{message}")
    options = replace(SUPERVISED, loop=Loop(steps=3))
    inputs = {"rollouts": [training.rollouts("r", BOXES)]}
    with pytest.raises(Stopped):
        training.train("out", options, stop_after=2, **inputs)
    assert not any("goes on" in line for line in lines)
    training.train("out", options, **inputs)
    logger.remove(handler)
    assert "goes on after step 2 of 3, from the checkpoint that is there\n" in lines


def test_the_learning_rate_is_the_one_given_else_the_default(training):
    policy, rollouts = training.policy(), training.rollouts("r", BOXES)
    for given, expected in ((None, 2e-5), (0.0, 0.0), (3e-4, 3e-4)):
        options = replace(SUPERVISED, optimization=Optimization(learning_rate=given))
        assert resolve(options, policy, rollouts=[rollouts]).optimization.learning_rate == expected
