"""Rewards of steps on their way through a training: from token scores to the gradient, by hand."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from whet.artifacts import Artifact, Draft, Score, WrongArtifact
from whet.cli.main import main
from whet.stages.groups import step_random, weigh
from whet.stages.learner import Learner
from whet.stages.loop import Loop
from whet.stages.models import load_policy
from whet.stages.objectives import Objective
from whet.stages.objectives.cispo import Cispo
from whet.stages.objectives.dr_grpo import DrGrpo
from whet.stages.objectives.grpo import Grpo
from whet.stages.optimization import Optimization
from whet.stages.policy_loss import PolicyLoss
from whet.stages.preflight import of_groups
from whet.stages.reward_mapping import Reward
from whet.stages.rewards.step_rewards import StepRewards
from whet.stages.step_returns import with_step_advantages
from whet.stages.train_policy import TrainPolicyOptions
from whet.stages.training_rollouts import read_groups

TEXTS = [["1\n\n2\n\n3\n\n4", "5\n\n6"]]
"""One token a character and an end token: steps of 3, 3, 3 and 2 tokens, and of 3 and 2."""

LETTERS = ["ci"]
TOKENS = [[0.9] * 3 + [0.5] * 3 + [0.8] * 3 + [0.7] * 2, [0.1, 0.2, 0.3, 0.4, 0.4]]
"""Mean scores .9, .5, .8, .7, and .2, .4; of all six steps 3.5 / 6."""

GRPO = Grpo(advantage="centred", old="recomputed")
OPTIONS = TrainPolicyOptions(
    objective=GRPO, groups_per_step=1, loop=Loop(steps=1),
    optimization=Optimization(learning_rate=1e-3, precision="float32"),
)  # fmt: skip


def token_scores(
    training: Any, rollouts: Any, tokens: list[list[float] | None], facts: dict[str, Any] | None = None
) -> Artifact[Score]:
    """Scores of .5 with these token scores, one list a rollout."""
    draft = Draft.create(
        training.folder / "token-scores", kind="scores", stage="test", options={"tokens": tokens, "facts": str(facts)},
        inputs={"rollouts": rollouts},
    )  # fmt: skip
    draft.facts |= {"belongs_to": {"rollouts": rollouts.digest}, **(facts or {})}
    for chunk in draft.chunks([0]):
        for order, (row, found) in enumerate(zip(rollouts.rows(), tokens, strict=True)):
            ids = {"rollout_id": row["rollout_id"], "problem_id": row["problem_id"]}
            chunk.write({**ids, "score": 0.5, "token_scores": found}, order)
    return draft.publish()


def reward_of(steps: Any, scale: float | None = None, **more: Any) -> Reward:
    return Reward(score_scale=scale, step_rewards=StepRewards(steps=steps, **more)).filled(Grpo.rewards)


def given(training: Any, reward: Reward, objective: Objective = GRPO, facts: dict[str, Any] | None = None) -> Any:
    rollouts = training.rollouts("r", TEXTS)
    scores = token_scores(training, rollouts, list(TOKENS), facts)
    verdicts = training.verdicts(rollouts, LETTERS)
    return read_groups(training.policy(), [rollouts], [verdicts], objective, reward, scores=[scores])


def step_advantages(training: Any, reward: Reward, **more: Any) -> list[list[float]]:
    groups, _ = with_step_advantages(given(training, reward, **more).groups, reward)
    return [np.asarray(row.step_advantages).tolist() for row in groups[0].rows]


def spread(*steps: tuple[float, int]) -> Any:
    return pytest.approx([value for value, count in steps for _ in range(count)], abs=1e-6)


def test_tokens_get_what_is_earned_from_their_step_on(training):
    # Each step its own score, the last one nothing.
    long, short = step_advantages(training, reward_of("delta", 1.0, step_baseline="none"))
    assert long == spread((0.9, 3), (0.5, 3), (0.8, 3), (0.0, 2))
    assert short == spread((0.2, 3), (0.0, 2))
    # Bound .8: 0, -.3, 0, -.1 and -.6, -.4; half of their sums from each step on.
    long, short = step_advantages(training, reward_of("clip", step_bound=0.8, step_baseline="none"))
    assert long == spread((-0.2, 3), (-0.2, 3), (-0.05, 3), (-0.05, 2))
    assert short == spread((-0.5, 3), (-0.2, 2))


def test_the_bound_is_the_mean_step_score_of_the_optimiser_step(training):
    # 3.5 / 6 = .58333: below it are .5 by .08333, .2 by .38333 and .4, which is last.
    reward = reward_of("clip-delta", 1.0, step_baseline="none")
    long, short = step_advantages(training, reward)
    assert long == spread((0.0, 3), (-0.083333, 3), (0.0, 3), (0.0, 2))
    assert short == spread((-0.383333, 3), (0.0, 2))
    shown = with_step_advantages(given(training, reward).groups, reward)[1]
    # 3 tokens of .08333 and 3 of .38333, of 16.
    assert shown == pytest.approx(
        {"step_rewards/score": 3.5 / 6, "step_rewards/steps": 3.0, "step_rewards/advantage": 1.4 / 16}
    )


def test_the_baseline_is_the_mean_over_the_tokens_of_the_group(training):
    # (3 * .9 + 3 * .5 + 3 * .8 + 3 * .2) / 16 = .45, and half of what is left.
    long, short = step_advantages(training, reward_of("delta"))
    assert long == spread((0.225, 3), (0.025, 3), (0.175, 3), (-0.225, 2))
    assert short == spread((-0.125, 3), (-0.225, 2))
    assert sum(long) + sum(short) == pytest.approx(0, abs=1e-6)


def test_implicit_scores_are_added_up_and_cut_as_they_were_made(training):
    # Sums 2.7, 1.5, 2.4, 1.4 and .6, .8.
    facts = {"method": {"name": "implicit", "step_end": "\n\n"}}
    assert step_advantages(training, reward_of("delta", 1.0, step_baseline="none"), facts=facts)[0] == spread(
        (2.7, 3), (1.5, 3), (2.4, 3), (0.0, 2)
    )
    # A line is enough: steps of 2, 1, 2, 1, 2, 1 and 2 tokens.
    facts = {"method": {"name": "implicit", "step_end": "\n"}}
    assert step_advantages(training, reward_of("delta", 1.0, step_baseline="none"), facts=facts)[0] == spread(
        (1.8, 2), (0.9, 1), (1.0, 2), (0.5, 1), (1.6, 2), (0.8, 1), (0.0, 2)
    )
    # An option goes before what the scores say.
    asked = reward_of("delta", 1.0, step_baseline="none", step_end="\n\n", step_score="last")
    assert step_advantages(training, asked, facts=facts)[1] == spread((0.3, 3), (0.0, 2))


def test_the_loss_and_its_gradient_are_those_of_the_sum_of_both_advantages(training):
    """Ratios of 1: L = -sum of A_t / 16, with slope -A_t / 16 on each ln p; A = +-.5 of the verdict, and the step's."""
    reward = reward_of("delta", step_baseline="none")
    step_T = [[0.45] * 3 + [0.25] * 3 + [0.4] * 3 + [0.0] * 2, [0.1] * 3 + [0.0] * 2]
    for objective in (GRPO, Cispo(advantage="centred", old="recomputed")):
        groups, _ = with_step_advantages(given(training, reward, objective).groups, reward)
        step = weigh(groups, objective, step_random(0, 0))
        learner = Learner(load_policy(training.policy(), dtype="float32"), Optimization(precision="float32"))
        losses = PolicyLoss(learner, objective, recorded=False)(step.rows, step.totals).losses
        learner.backward(losses["policy"])
        model, expected = load_policy(training.policy(), dtype="float32").train(), torch.tensor(0.0)
        for row, earned, outcome in zip(step.rows, step_T, (0.5, -0.5), strict=True):
            ids = torch.tensor([[*row.prompt_token_ids, *row.token_ids]], dtype=torch.long)
            logprobs = model(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
            own = logprobs[len(row.prompt_token_ids) - 1 :]
            expected = expected - ((torch.tensor(earned) + outcome) * own).sum() / 16
        expected.backward()
        for name, parameter in model.named_parameters():
            found = learner.parameters[name].grad
            assert found is not None
            assert (found - parameter.grad).abs().max() <= 1e-5 * parameter.grad.abs().max(), name


def test_a_training_logs_it_and_learns_where_all_are_wrong(training):
    rollouts = training.rollouts("r", TEXTS)
    inputs = {
        "rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)],
        "scores": [token_scores(training, rollouts, list(TOKENS))],
    }  # fmt: skip
    options = replace(OPTIONS, reward=reward_of("delta", step_baseline="none"))
    made = training.train("mixed", options, **inputs)
    line = json.loads((made.path / "metrics.jsonl").read_text())
    # (.5 * 11 - .5 * 5) / 16, and half of 7.2 / 16
    assert line["loss_policy"] == pytest.approx(-(3 + 3.6) / 16, rel=1e-4)
    assert (line["reward"], line["effective_rows"]) == (0.5, 2)
    assert line["step_rewards/steps"] == 3
    assert made.manifest.facts["rollouts"]["scored_steps"] == 6
    wrong = {**inputs, "verdicts": [training.verdicts(rollouts, ["ii"])]}
    without = training.train("dead", replace(OPTIONS, reward=Reward()), **{**wrong, "scores": None})
    assert without.manifest.facts["updates"] == 0
    assert training.train("steps", options, **wrong).manifest.facts["updates"] == 1


def test_preflight_counts_groups_of_steps_as_alive(training):
    found = given(training, reward_of("delta"))
    for row in found.groups[0].rows:
        row.reward = 0.0
    assert of_groups(found.groups, GRPO, found.counts, per_step=1, steps=1).facts["dead_group_share"] == 0
    for row in found.groups[0].rows:
        row.steps = None
    assert of_groups(found.groups, GRPO, found.counts, per_step=1, steps=1).facts["dead_group_share"] == 1


def test_masked_rollouts_and_what_others_wrote_have_no_part(training):
    """The long rollout was cut off; of the short one its second step is the environment's, the end token its own."""
    segments = [{"start": 0, "end": 3, "origin": "policy"}, {"start": 3, "end": 4, "origin": "environment"}]
    rollouts = training.rollouts(
        "r", TEXTS, row=lambda _, draw: [{"finish_reason": "length"}, {"segments": segments}][draw]
    )
    reward = reward_of("clip", 1.0, step_baseline="none")
    found = read_groups(
        training.policy(), [rollouts], [training.verdicts(rollouts, LETTERS)], DrGrpo(old="recomputed"), reward,
        scores=[token_scores(training, rollouts, list(TOKENS))],
    )  # fmt: skip
    groups, shown = with_step_advantages(found.groups, reward)
    assert shown["step_rewards/score"] == pytest.approx(0.3)  # .2 and .4
    found = [np.asarray(row.step_advantages).tolist() for row in groups[0].rows]
    assert found == [[0.0] * 11, spread((-0.1, 3), (0.0, 2))]


@pytest.mark.parametrize(
    ("tokens", "facts", "steps", "message"),
    [
        ([None, None], {}, "clip", "has 0 token scores of rollout r-0-0, expected one for each of its 11"),
        ([TOKENS[0], [0.1]], {}, "clip", r"has 1 token scores of rollout r-0-1, .* \(whet score ROLLOUTS MODEL --m"),
        (TOKENS, {"retokenized": True}, "clip", "made by a model with another tokenizer than"),
        (TOKENS, {"tokenizer_digest": "other"}, "clip", "made by a model with another tokenizer than"),
        (TOKENS, {"method": {"name": "token", "step_end": "x"}}, "delta", "no rollout of .* has a second step .*'x'"),
        (TOKENS, {"method": {"name": "implicit", "step_end": "x"}}, "clip", ""),
    ],
)  # fmt: skip
def test_scores_that_steps_cannot_be_read_from(training, tokens, facts, steps, message):
    rollouts = training.rollouts("r", TEXTS)
    scores = token_scores(training, rollouts, list(tokens), facts)
    inputs = ([rollouts], [training.verdicts(rollouts, LETTERS)], GRPO, reward_of(steps))
    if not message:
        assert read_groups(training.policy(), *inputs, scores=[scores]).counts["scored_steps"] == 2
        return
    with pytest.raises(WrongArtifact, match=message):
        read_groups(training.policy(), *inputs, scores=[scores])


def test_steps_of_groups_that_were_chosen_from_more_draws(training):
    """The verdict's reward is not mixed, so its mean over all draws is known."""
    rollouts = training.rollouts("r", TEXTS, row=lambda *_: {"draws_total": 16, "correct_total": 3})
    scores = token_scores(training, rollouts, list(TOKENS))
    inputs = ([rollouts], [training.verdicts(rollouts, LETTERS)], GRPO, reward_of("clip-delta"))
    groups, _ = with_step_advantages(
        read_groups(training.policy(), *inputs, scores=[scores]).groups, reward_of("clip-delta")
    )
    assert [row.advantage for row in weigh(groups, GRPO, np.random.default_rng(0)).rows] == [0.8125, -0.1875]


def test_from_problems_to_a_policy_that_learns_from_steps(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    short = ["--max-tokens", "24", "--rollouts-per-problem", "4"]
    for command in (
        ["problems", "addition", "--count", "3", "--templates", "1", "--out", "problems"],
        ["init", "--context", "64", "--out", "policy"],
        ["init", "--context", "64", "--seed", "1", "--out", "model"],
        ["sample", "problems", "policy", *short, "--out", "rollouts"],
        ["verify", "rollouts", "--out", "verdicts"],
        ["score", "rollouts", "model", "--method", "implicit", "--reference-policy", "policy", "--step-end", "i",
         "--out", "scores"],
    ):  # fmt: skip
        assert main(command) == 0, command
    train = ["train-policy", "policy", "--rollouts", "rollouts", "--verdicts", "verdicts", "--scores", "scores"]
    train += ["--objective", "grpo", "--truncated", "incorrect", "--steps", "1", "--reward.steps", "clip-delta"]
    assert main([*train, "--out", "trained"]) == 0
    line = json.loads((Artifact.open(tmp_path / "trained").path / "metrics.jsonl").read_text())
    # All are wrong, so that the steps alone teach.
    assert line["frac_reward_zero_std"] == 1
    assert line["step_rewards/steps"] > 1
    assert line["grad_norm"] > 0
    capsys.readouterr()
    assert main([*train, "--objective", "gspo", "--out", "x"]) == 2
    assert "--objective gspo has one advantage a rollout" in capsys.readouterr().err
    assert main([*train, "--reward.step-end", "no such thing", "--out", "x"]) == 3
    assert "has a second step (what ends one is 'no such thing')" in capsys.readouterr().err
