"""Every objective that compares or weighs rollouts, trained through the stage on rollouts that were made before."""

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from loguru import logger

from whet.artifacts import Artifact, Policy, Weights, WrongArtifact
from whet.cli.options import record
from whet.stages.loop import Loop
from whet.stages.objectives.choice import PolicyObjective
from whet.stages.objectives.dapo import Dapo
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.gspo import Gspo
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.psr import Nsr, WReinforce
from whet.stages.objectives.topr import Topr
from whet.stages.optimization import Optimization
from whet.stages.options import variant_name
from whet.stages.reward_mapping import Reward
from whet.stages.train_policy import TrainPolicyOptions, resolve

BOXES = [[r"\boxed{1}", "no", "777"], [r"\boxed{1}", "2"], ["7", "8"]]
LETTERS = ["cii", "ci", "iv"]
OPTIONS = TrainPolicyOptions(optimization=Optimization(learning_rate=1e-3, precision="float32"), loop=Loop(steps=4))
FAMILY = [
    variant
    for variant in get_args(PolicyObjective)
    if variant.needs_verdicts and not variant().needs_teacher and not variant().needs_pairs
]


def logged(policy: Artifact[Policy]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (policy.path / "metrics.jsonl").read_text().splitlines()]


def recorded(training: Any, texts: list[list[str]]) -> Any:
    """Rollouts with what a plain forward pass of the policy says of their tokens."""
    from whet.stages.models import load_policy
    from whet.stages.tokens import load_encoder

    start = training.policy()
    encoder, model = load_encoder(start.path), load_policy(start, dtype="float32")

    def columns(place: int, draw: int) -> dict[str, Any]:
        asked = encoder.encode_prompt(training.problems(len(texts))[place]["messages"])
        ids = torch.tensor([[*asked, *encoder.encode(texts[place][draw]), encoder.end_id]])
        logprobs = model(ids).logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])[len(asked) - 1 :, 0]
        return {"logprobs": logprobs.detach().tolist()}

    return training.rollouts("recorded", texts, row=columns)


def likelihood(policy: Artifact[Policy] | Weights, text: str) -> float:
    """ln p of a completion of the first problem."""
    from transformers import AutoModelForCausalLM

    from whet.stages.tokens import load_encoder

    assert policy.path is not None
    encoder = load_encoder(policy.path)
    asked = encoder.encode_prompt([{"role": "user", "content": "0?"}])
    ids = torch.tensor([[*asked, *encoder.encode(text), encoder.end_id]])
    logits = AutoModelForCausalLM.from_pretrained(policy.path)(ids).logits.log_softmax(-1)
    return float(logits[0, :-1].gather(1, ids[0, 1:, None])[len(asked) - 1 :].detach().sum())


@pytest.mark.parametrize("variant", FAMILY, ids=variant_name)
def test_right_rollouts_gain_on_wrong_ones(training, variant):
    rollouts = recorded(training, BOXES)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    made = training.train(variant_name(variant), replace(OPTIONS, objective=variant()), **inputs)
    start, lines = training.policy(), logged(made)
    assert made.manifest.facts["objective"] == variant_name(variant)
    assert made.manifest.facts["updates"] == 4
    right, wrong = (likelihood(made, text) - likelihood(start, text) for text in (r"\boxed{1}", "no"))
    assert right > wrong
    assert lines[0]["grad_norm"] > 0
    if variant().uses_ratios and variant is not Topr:
        # The record is that of the policy itself, before it has moved.
        assert lines[0]["ratio"] == pytest.approx(1, abs=1e-4)
        assert lines[0]["clip_ratio/region_mean"] == 0
        assert lines[0]["loss"] == pytest.approx(lines[0]["loss_policy"])


def test_the_gspo_clips_are_reached_where_those_of_tokens_are_not(training):
    rollouts = recorded(training, BOXES)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    clipped = [
        logged(training.train(variant_name(type(objective)), replace(OPTIONS, objective=objective), **inputs))[1]
        for objective in (Gspo(), Grpo())
    ]
    assert clipped[0]["clip_ratio/region_mean"] > 0.3
    assert clipped[1]["clip_ratio/region_mean"] < clipped[0]["clip_ratio/region_mean"]


def test_invalid_rollouts_are_not_wrong_where_wrong_ones_teach(training):
    rollouts = recorded(training, BOXES)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, ["cii", "cu", "vv"])]}
    options = replace(OPTIONS, loop=Loop(epochs=1.0))
    lines = {
        variant_name(type(objective)): logged(
            training.train(variant_name(type(objective)), replace(options, objective=objective), **inputs)
        )[0]
        for objective in (Nsr(), WReinforce(), Topr())
    }
    assert [lines[name]["rows"] for name in ("nsr", "w-reinforce", "topr")] == [2, 4, 4]
    asked = replace(options, objective=WReinforce(), reward=Reward(invalid=-1.0))
    assert logged(training.train("asked", asked, **inputs))[0]["rows"] == 6


def test_topr_says_when_its_wrong_rollouts_teach_nothing(training):
    rollouts = training.rollouts("r", BOXES, row=lambda p, d: {"logprobs": [-0.01] * (len(BOXES[p][d]) + 1)})
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING", format="{message}")
    try:
        made = training.train("out", replace(OPTIONS, objective=Topr()), **inputs)
    finally:
        logger.remove(sink)
    assert all(line["neg_weight_mean"] < 0.05 for line in logged(made))
    assert len([line for line in said if "they teach nothing; draw new rollouts" in line]) == 1


def test_a_bonus_for_entropy_raises_it(training):
    rollouts = recorded(training, [["1", "2"]])
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, ["cc"])]}
    # All right: no advantage, so the bonus alone moves the policy.
    lines = logged(training.train("out", replace(OPTIONS, objective=Grpo(entropy_weight=1.0)), **inputs))
    assert lines[-1]["entropy"] > lines[0]["entropy"]
    assert lines[0]["loss_entropy"] == pytest.approx(-lines[0]["entropy"], rel=1e-4)


def test_the_mismatch_weighs_what_the_sampler_recorded_wrongly(training):
    # Recorded as ln 3 too unlikely: trainer over sampler is 3 everywhere, cut at 2; the clipped ratio stays at 1.
    plain = recorded(training, BOXES)
    known = {row["rollout_id"]: row["logprobs"] for row in plain.rows()}
    rollouts = training.rollouts(
        "off", BOXES, row=lambda p, d: {"logprobs": [value - 1.0986123 for value in known[f"recorded-{p}-{d}"]]}
    )
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    options = replace(OPTIONS, loop=Loop(steps=1))
    one, other = (
        logged(training.train(name, replace(options, objective=objective), **inputs))[0]
        for name, objective in (
            ("none", Grpo(old="recomputed")),
            ("truncate", Grpo(old="recomputed", mismatch="truncate")),
        )
    )
    assert other["ratio"] == pytest.approx(1, abs=1e-4)
    assert other["mismatch_ratio"] == pytest.approx(3, rel=1e-3)
    assert other["mismatch_cut"] == 1
    assert other["loss_policy"] == pytest.approx(2 * one["loss_policy"], rel=1e-3, abs=1e-6)
    assert other["grad_norm"] == pytest.approx(2 * one["grad_norm"], rel=1e-3)


def test_an_objective_s_own_learning_rate_holds_where_none_is_given(training):
    rollouts = recorded(training, BOXES)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    options = replace(OPTIONS, objective=Nsr(), optimization=Optimization())
    assert resolve(options, training.policy(), **inputs).optimization.learning_rate == Nsr.learning_rate == 1e-6
    given = replace(options, optimization=Optimization(learning_rate=3e-6))
    assert resolve(given, training.policy(), **inputs).optimization.learning_rate == 3e-6


SCORES = [[2.0, 2.0, -2.0], [-2.0, 0.0], [1.0, None]]


def test_scores_join_the_verdicts_gated(training):
    rollouts = recorded(training, BOXES)
    inputs: dict[str, Any] = {
        "rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)],
        "scores": [training.scores(rollouts, SCORES)],
    }  # fmt: skip
    options = replace(OPTIONS, objective=Grpo(), loop=Loop(steps=1))
    made = training.train("gated", options, **inputs)
    line = logged(made)[0]
    # sigmoid(1) = .7311: .7311, -.2689, -.7311; .2689, -.5; and -.3775 alone, as the other has no score.
    rewards = [0.7311, -0.2689, -0.7311, 0.2689, -0.5]
    assert line["reward"] == pytest.approx(sum(rewards) / 5, abs=1e-4)
    assert made.manifest.facts["rollouts"]["unscored"] == 1
    assert made.manifest.facts["rollouts"]["dead_groups"] == 1
    summed = replace(options, reward=Reward(mix="sum", score_scale=0.1))
    # 1.2, .2, -.2; .8, 0
    assert logged(training.train("sum", summed, **inputs))[0]["reward"] == pytest.approx(2 / 5, abs=1e-5)
    # The options of scores are part of what was asked.
    assert record(summed)[0]["reward.mix"] == "sum"


@pytest.mark.parametrize("objective", [Grpo(), Oreal(), Topr(), Dapo()])
def test_the_family_that_compares_rewards_learns_from_scores(training, objective):
    rollouts = recorded(training, BOXES)
    made = training.train(
        "out",
        replace(OPTIONS, objective=objective, loop=Loop(epochs=1.0)),
        rollouts=[rollouts],
        verdicts=[training.verdicts(rollouts, LETTERS)],
        scores=[training.scores(rollouts, SCORES)],
    )
    assert made.manifest.facts["updates"] == 1


def test_scores_must_be_of_these_rollouts_and_of_all_of_them(training):
    one, other = recorded(training, BOXES), training.rollouts("s", BOXES[:2])
    inputs: dict[str, Any] = {"rollouts": [one], "verdicts": [training.verdicts(one, LETTERS)]}
    options = replace(OPTIONS, objective=Grpo())
    with pytest.raises(WrongArtifact, match="holds scores of other rollouts"):
        training.train("out", options, **inputs, scores=[training.scores(other, SCORES[:2])])
    part = training.scores(one, SCORES, rows=4)
    with pytest.raises(WrongArtifact, match=r"3 of the 7 rollouts of .* have no score .* made the scores again"):
        training.train("out", options, **inputs, scores=[part])
