import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from whet.artifacts import Artifact, WrongArtifact, WrongOption
from whet.stages.batching import TrainingRow
from whet.stages.conditioned import ConditionedPrompts, ConditionedRewards, target_logprobs, told, with_texts
from whet.stages.loop import Loop
from whet.stages.objectives.inverse_q import InverseQ
from whet.stages.optimization import Optimization
from whet.stages.sampling import Sampling
from whet.stages.tokens import load_encoder
from whet.stages.train_policy import TrainPolicyOptions, resolve

TEXTS = [["right", "wrong"], ["yes", "no", "maybe"]]
SHORT = InverseQ(principle="Be good", beta=1.0, reward_limit=5.0)
FAST = Optimization(learning_rate=3e-3, precision="float32")
OPTIONS = TrainPolicyOptions(objective=SHORT, rows_per_step=5, optimization=FAST, loop=Loop(steps=25))


def logged(policy: Artifact[Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (policy.path / "metrics.jsonl").read_text().splitlines()]


def logprobs_of(model: Any, prompt: list[int], completion: list[int]) -> torch.Tensor:
    """ln p of a completion's tokens over the whole vocabulary; [T, V]."""
    logits = model(torch.tensor([[*prompt, *completion]])).logits[0].detach()
    return logits[len(prompt) - 1 : -1].log_softmax(-1)


def model_at(folder: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def rows_of(rollouts: Artifact[Any]) -> list[TrainingRow]:
    return [
        TrainingRow(
            rollout_id=row["rollout_id"], prompt_token_ids=np.array(row["prompt_token_ids"], np.int32),
            token_ids=np.array(row["token_ids"], np.int32),
        )
        for row in rollouts.rows()
    ]  # fmt: skip


def prompts_of(training: Any, rollouts: Artifact[Any], objective: InverseQ) -> ConditionedPrompts:
    prompts = ConditionedPrompts(load_encoder(training.policy().path), objective)
    prompts.add_rollouts([rollouts])
    return prompts


def test_a_principle_stands_in_the_system_message_or_before_the_question():
    asked: Any = [{"role": "user", "content": "2+2?"}]
    assert told(asked, "Be good", "system") == [{"role": "system", "content": "Be good"}, *asked]
    known: Any = [{"role": "system", "content": "You add."}, *asked]
    assert told(known, "Be good", "system") == [{"role": "system", "content": "Be good\n\nYou add."}, *asked]
    assert told(known, "Be good", "question")[1] == {"role": "user", "content": "Be good\n\n2+2?"}
    assert asked == [{"role": "user", "content": "2+2?"}]


def test_principles_are_texts_or_files(tmp_path):
    file = tmp_path / "principle.txt"
    file.write_text("Be good.\nBe brief.\n")
    assert with_texts(InverseQ(principle=str(file))).principle == "Be good.\nBe brief."
    assert with_texts(SHORT) == SHORT
    file.write_text(" \n")
    with pytest.raises(WrongOption, match="is an empty file"):
        with_texts(InverseQ(anti_principle=str(file)))


def test_the_target_of_three_tokens():
    # Hidden states that are the logits themselves: probabilities (.5, .25, .25), p+ (.25, .5, .25), p- (.5, .25, .25)
    hidden = [torch.tensor([p]).log() for p in ((0.5, 0.25, 0.25), (0.25, 0.5, 0.25), (0.5, 0.25, 0.25))]
    head, token = torch.eye(3), torch.tensor([1])
    reference, conditioned = target_logprobs(hidden[:2], head, token)
    torch.testing.assert_close(reference.exp(), torch.tensor([0.25]))
    torch.testing.assert_close(conditioned.exp(), torch.tensor([0.5]))
    # Contrast: .5 * .25 / .5, .25 * .5 / .25, .25 * .25 / .25 = .25, .5, .25, which add up to Z = 1.
    _, contrast = target_logprobs(hidden, head, token)
    torch.testing.assert_close(contrast.exp(), torch.tensor([0.5]))
    # Twice as much of it: .5 * .25, .25 * 4, .25 = .125, 1, .25; Z = 1.375
    _, double = target_logprobs(hidden, head, token, 2.0)
    torch.testing.assert_close(double.exp(), torch.tensor([1 / 1.375]))
    _, unnormalised = target_logprobs(hidden, head, token, 2.0, partition=False)
    torch.testing.assert_close(unnormalised.exp(), torch.tensor([1.0]))


@pytest.mark.parametrize("target", ["conditioned", "contrast"])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_rewards_are_those_of_a_plain_forward_pass(training, target, temperature):
    objective = replace(SHORT, target=target, anti_principle="Be bad", beta=0.5, contrast_weight=1.5, reward_limit=0.3)
    rollouts, model = training.rollouts("r", TEXTS), model_at(training.policy().path)
    encoder = load_encoder(training.policy().path)
    rows = rows_of(rollouts)
    rewards = ConditionedRewards(
        model, objective, prompts_of(training, rollouts, objective), temperature=temperature, batch_tokens=40
    )
    rewards.prepare(rows)
    found = rewards.of(rows, 6)
    problems = rollouts.problems()
    for place, row in enumerate(rollouts.rows()):
        messages, tokens = problems[row["problem_id"]]["messages"], row["token_ids"]

        def under(principle: str | None, messages: Any = messages, tokens: list[int] = tokens) -> torch.Tensor:
            told_to = messages if principle is None else [{"role": "system", "content": principle}, *messages]
            return (logprobs_of(model, encoder.encode_prompt(told_to), tokens) / temperature).log_softmax(-1)

        plain, good, bad = under(None), under("Be good"), under("Be bad")
        aim = good if target == "conditioned" else (plain + 1.5 * (good - bad)).log_softmax(-1)
        at = torch.tensor(tokens)[:, None]
        expected = (0.5 * (aim - plain).gather(1, at)[:, 0]).clamp(-0.3, 0.3)
        torch.testing.assert_close(found[place, : len(tokens)], expected, atol=1e-5, rtol=1e-4)
        # Nothing is asked behind the end token.
        assert not found[place, len(tokens) :].any()
        assert tokens[-1] == encoder.end_id


def test_rewards_do_not_depend_on_the_batch_and_whitened_ones_are_standard(training):
    rollouts, model = training.rollouts("r", TEXTS), model_at(training.policy().path)
    rows = rows_of(rollouts)

    def of(objective: InverseQ, batch_tokens: int) -> torch.Tensor:
        rewards = ConditionedRewards(
            model, objective, prompts_of(training, rollouts, objective), batch_tokens=batch_tokens
        )
        rewards.prepare(rows)
        return rewards.of(rows, 6)

    torch.testing.assert_close(of(SHORT, 1), of(SHORT, 10_000), atol=1e-5, rtol=1e-4)
    white = of(replace(SHORT, whiten=True), 100)
    trained = torch.arange(6) < torch.tensor([len(row.token_ids) for row in rows])[:, None]
    assert white[trained].mean().item() == pytest.approx(0, abs=1e-5)
    assert white[trained].std(correction=0).item() == pytest.approx(1, abs=1e-4)
    assert not white[~trained].any()


def distance(policy: Any, training: Any, rollouts: Artifact[Any]) -> float:
    """Mean over the rollouts' positions of KL(policy told to be good || policy asked as it is); nats."""
    model, start = model_at(policy.path), model_at(training.policy().path)
    encoder, problems = load_encoder(training.policy().path), rollouts.problems()
    found = []
    for row in rollouts.rows():
        messages = problems[row["problem_id"]]["messages"]
        good = [{"role": "system", "content": "Be good"}, *messages]
        aim = logprobs_of(start, encoder.encode_prompt(good), row["token_ids"])
        now = logprobs_of(model, encoder.encode_prompt(messages), row["token_ids"])
        found.append((aim.exp() * (aim - now)).sum(-1))
    return float(torch.cat(found).mean())


@pytest.mark.parametrize("form", ["regression", "clip"])
def test_own_rollouts_bring_the_policy_near_what_it_is_when_told(training, form):
    options = replace(
        OPTIONS, objective=replace(SHORT, form=form), rows_per_step=None, groups_per_step=4,
        sampling=Sampling(rollouts_per_problem=8, max_tokens=8),
    )  # fmt: skip
    made = training.train("out", options, problems=training.problems_artifact())
    texts = training.rollouts("r", TEXTS)
    before, after = distance(training.policy(), training, texts), distance(made, training, texts)
    assert after < 0.7 * before
    lines = logged(made)
    assert lines[0]["rows"] == 32
    if form == "regression":
        assert lines[-1]["loss"] < lines[0]["loss"] / 2


def test_rollouts_that_were_drawn_before_are_imitated_too(training):
    rollouts = training.rollouts("r", TEXTS)
    made = training.train("out", OPTIONS, rollouts=[rollouts])
    lines = logged(made)
    assert lines[-1]["loss"] < lines[0]["loss"] / 4
    options = resolve(OPTIONS, training.policy(), rollouts=[rollouts])
    assert options.objective.principle == "Be good"  # type: ignore[union-attr]
    more = replace(
        OPTIONS, objective=replace(SHORT, target="contrast", anti_principle="Be bad", whiten=True), loop=Loop(steps=2)
    )
    assert logged(training.train("contrast", more, rollouts=[rollouts]))[0]["rewards/mean"] == pytest.approx(
        0, abs=1e-5
    )


def test_prompts_that_are_not_their_problems_are_refused(training):
    rollouts = training.rollouts("r", TEXTS, row=lambda problem, draw: {"prompt_token_ids": [5, 6]})
    with pytest.raises(WrongArtifact, match="a prompt is not what this tokenizer makes of its problem"):
        training.train("out", OPTIONS, rollouts=[rollouts])


def test_verdicts_are_not_read(training):
    rollouts = training.rollouts("r", TEXTS)
    verdicts = training.verdicts(rollouts, ["ci", "cci"])
    with pytest.raises(WrongOption, match="--objective inverse-q trains on every rollout: leave out --verdicts"):
        resolve(OPTIONS, training.policy(), rollouts=[rollouts], verdicts=[verdicts])
