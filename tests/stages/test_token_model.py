from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from loguru import logger

from whet.artifacts import Artifact, Stopped, Weights, WrongArtifact, WrongOption
from whet.stages.batching import TrainingRow
from whet.stages.distribution.processes import ALONE, Processes, be_present
from whet.stages.frozen import FrozenLogprobs
from whet.stages.groups import totals_of
from whet.stages.loop import Loop
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal, with_token_model
from whet.stages.objectives.token_weights import TokenWeighting
from whet.stages.optimization import Optimization
from whet.stages.policy_loss import PolicyLoss
from whet.stages.sampling import Sampling
from whet.stages.token_model import JointLearner, TokenModel
from whet.stages.train_policy import TrainPolicyOptions

FLOAT32 = Optimization(learning_rate=3e-3, precision="float32")
OPTIONS = TrainPolicyOptions(
    objective=Oreal(keep="mixed-groups", token_model="trained", token_model_learning_rate=1e-2, freeze_steps=2),
    groups_per_step=3,
    sampling=Sampling(rollouts_per_problem=6, max_tokens=16),
    optimization=FLOAT32,
)
GIVEN = TrainPolicyOptions(objective=OPTIONS.objective, groups_per_step=3, optimization=FLOAT32)
VOCABULARY = 8


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def models_of_tables(probabilities: np.ndarray, logits: np.ndarray) -> tuple[Any, Any]:
    """A policy and a token model without layers: what follows a token, and its logit, are looked up in tables."""
    from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2ForTokenClassification

    config: Any = Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=VOCABULARY, intermediate_size=8, num_hidden_layers=0, num_attention_heads=2,
        num_key_value_heads=2, tie_word_embeddings=False, rms_norm_eps=0.0, max_position_embeddings=32,
    )  # fmt: skip
    config.num_labels, config.classifier_dropout = 1, 0.0
    # The norm of a one-hot state makes it sqrt(V) at its place.
    policy: Any = Qwen2ForCausalLM(config)
    token_model: Any = Qwen2ForTokenClassification(config)
    with torch.no_grad():
        for model in (policy, token_model):
            model.get_input_embeddings().weight.copy_(torch.eye(VOCABULARY))
        policy.lm_head.weight.copy_(torch.tensor(np.log(probabilities).T / sqrt(VOCABULARY)))
        token_model.score.weight.copy_(torch.tensor(logits[None] / sqrt(VOCABULARY)))
        token_model.score.bias.zero_()
    token_model.score.bias.requires_grad_(False)
    return policy, token_model


def table(known: dict[tuple[int, int], float]) -> np.ndarray:
    """Rows of probabilities of what follows each token: those given, the rest spread alike."""
    made = np.zeros((VOCABULARY, VOCABULARY))
    for before in range(VOCABULARY):
        given = {after: p for (first, after), p in known.items() if first == before}
        made[before] = (1 - sum(given.values())) / (VOCABULARY - len(given))
        for after, p in given.items():
            made[before, after] = p
    return made


def test_the_worked_example_of_oreal_through_the_policys_loss():
    # Logits are those of the state before: prompt token 0 has 0, token 1 2 ln 3, token 2 ln 3; 4 and 5 have -ln 3.
    logits = np.array([0.0, 2 * log(3), log(3), 9.0, -log(3), -log(3), 9.0, 9.0])
    # Right: 0 | 1 2 3 with NLL .2, .4, .6. Wrong: 4 | 5 6 with p .5 each. The reference is e^.1 more likely everywhere.
    known = {(0, 1): exp(-0.2), (1, 2): exp(-0.4), (2, 3): exp(-0.6), (4, 5): 0.5, (5, 6): 0.5}
    policy, token_model = models_of_tables(table(known), logits)
    reference, _ = models_of_tables(table({pair: p * exp(0.1) for pair, p in known.items()}), logits)
    rows = [
        TrainingRow(
            rollout_id=name, prompt_token_ids=np.array(prompt), token_ids=np.array(token_ids), reward=reward,
            advantage=advantage,
        )
        for name, prompt, token_ids, reward, advantage in (
            ("right", [0], [1, 2, 3], 1.0, 4 / 3), ("wrong", [4], [5, 6], -1.0, -4 / 3),
        )
    ]  # fmt: skip
    objective = Oreal(token_model="trained")
    learner = JointLearner(policy, FLOAT32, "cpu", beside=token_model, learning_rate=1e-2, frozen=lambda: False)
    loss = PolicyLoss(
        learner,
        objective,
        reference=FrozenLogprobs(reference),
        token_model=TokenModel(objective, token_model, trained=True, precision="float32"),
    )
    terms = loss(rows, totals_of(rows))
    # omega+ = (0, .5, .5): 4/3 (.5 * .4 + .5 * .6) / 3 = 2/9; omega- = (.5, .5): .5 * 4/3 (.5 + .5) / 2 = 1/3
    assert terms.losses["positive"].item() == pytest.approx(2 / 9, abs=1e-6)
    assert terms.losses["negative"].item() == pytest.approx(1 / 3, abs=1e-6)
    assert terms.losses["kl"].item() == pytest.approx(5.1709e-5, abs=1e-8)
    assert sum(term.item() for term in terms.losses.values()) == pytest.approx(0.5556073, abs=1e-6)
    # both rows are read rightly with probability .75: -ln .75
    assert terms.beside is not None
    assert terms.beside.item() == pytest.approx(0.2876821, abs=1e-6)
    # each loss moves its own model
    terms.beside.backward(retain_graph=True)
    assert policy.lm_head.weight.grad is None
    assert token_model.score.weight.grad is not None
    token_model.zero_grad()
    torch.stack(list(terms.losses.values())).sum().backward()
    assert token_model.score.weight.grad is None
    assert policy.lm_head.weight.grad is not None


def test_the_weight_of_a_token_comes_from_the_hugging_face_logit_one_place_before(training, tmp_path):
    from transformers import AutoModelForTokenClassification

    made = training.train("out", replace(GIVEN, loop=Loop(steps=1)), **on_rollouts(training))
    folder = Artifact.open(training.folder / "out-reward-model").path
    plain = AutoModelForTokenClassification.from_pretrained(folder)
    assert plain.config.num_labels == 1
    torch.nn.init.normal_(plain.score.weight)
    prompt, completion = np.array([5, 6, 7]), np.array([8, 9, 5, 1])
    row = TrainingRow(rollout_id="r", prompt_token_ids=prompt, token_ids=completion, reward=1.0)
    weighting = TokenWeighting(token_score="token")
    reading = TokenModel(weighting, plain, trained=False, precision="float32").read([row], totals_of([row]))
    with torch.no_grad():
        by_position = plain(input_ids=torch.tensor([[*prompt, *completion]])).logits[0, :, 0]
    expected = (2 * by_position[len(prompt) - 1 : -1].sigmoid() - 1).clamp(min=0)
    assert reading.positive_BT[0].tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    # the paper's state, after the token, is the logit at its own place
    after = TokenModel(replace(weighting, token_state="after"), plain, trained=False, precision="float32")
    expected = (2 * by_position[len(prompt) :].sigmoid() - 1).clamp(min=0)
    assert after.read([row], totals_of([row])).positive_BT[0].tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert made.manifest.facts["objective"] == "oreal"


def on_rollouts(training: Any) -> dict[str, Any]:
    rollouts = training.rollouts("r", [[r"\boxed{1}", "2"], ["3", r"\boxed{1}"], [r"\boxed{1}", "no"]])
    return {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, ["ci", "ic", "ci"])]}


def test_the_policy_stays_while_a_fresh_token_model_learns(training, undecided):
    made = training.train(
        "frozen", replace(OPTIONS, loop=Loop(steps=2)), policy=undecided, problems=training.problems_artifact()
    )
    before, after = weights_in(Path(str(undecided.path))), weights_in(made.path)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert weights_in(Artifact.open(training.folder / "frozen-reward-model").path)["score.weight"].abs().max() > 0
    longer = training.train(
        "moved", replace(OPTIONS, loop=Loop(steps=3)), policy=undecided, problems=training.problems_artifact()
    )
    assert any(not torch.equal(before[name], value) for name, value in weights_in(longer.path).items())


def test_a_token_model_learns_to_tell_right_from_wrong(training, undecided):
    import json

    made = training.train(
        "out", replace(OPTIONS, loop=Loop(steps=10)), policy=undecided, problems=training.problems_artifact()
    )
    every = [json.loads(line) for line in (made.path / "metrics.jsonl").read_text().splitlines()]
    # A step whose groups are all right or all wrong has no rows.
    lines = [line for line in every if "reward_model/loss" in line]
    assert lines[0]["reward_model/loss"] == pytest.approx(log(2), abs=1e-6)
    assert lines[0]["reward_model/token_weight"] == 0.0
    assert lines[-1]["reward_model/loss"] < 0.6
    assert lines[-1]["reward_model/accuracy"] > 0.7
    assert lines[-1]["reward_model/token_weight"] > 0.05
    assert lines[0]["reward_model/learning_rate"] == pytest.approx(1e-2)


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_stopped_run_goes_on_to_the_same_bytes_in_both_models(training, undecided, stop_after: int):
    problems = training.problems_artifact()
    options = replace(OPTIONS, loop=Loop(steps=5))
    whole = training.train("whole", options, policy=undecided, problems=problems)
    with pytest.raises(Stopped):
        training.train("stopped", options, policy=undecided, problems=problems, stop_after=stop_after)
    again = training.train("stopped", options, policy=undecided, problems=problems)
    for one, other in ((whole.path, again.path), *_reward_models(training)):
        first, second = weights_in(one), weights_in(other)
        assert all(torch.equal(first[name], second[name]) for name in first)


def _reward_models(training: Any) -> list[tuple[Path, Path]]:
    paths = [Artifact.open(training.folder / f"{name}-reward-model").path for name in ("whole", "stopped")]
    return [(paths[0], paths[1])]


def test_a_token_model_does_not_begin_anew_with_the_moments_of_another(training):
    given = on_rollouts(training)
    made = training.train("first", replace(GIVEN, loop=Loop(steps=1)), **given)
    before, more = Weights(str(made.path)), replace(GIVEN, loop=Loop(steps=1))
    with pytest.raises(WrongOption, match=r"--reward-model with what the same run published \(OUT-reward-model\)"):
        training.train("anew", more, continue_from=before, **given)
    beside = Weights(str(Artifact.open(training.folder / "first-reward-model").path))
    assert training.train("on", more, continue_from=before, reward_model=beside, **given).manifest.facts["steps"] == 2


def test_a_token_model_is_not_spread_over_processes(training):
    be_present(Processes(share=True))
    try:
        with pytest.raises(WrongOption, match="a token model is a second"):
            training.train("out", GIVEN, **on_rollouts(training))
    finally:
        be_present(ALONE)


def test_a_trained_token_model_weighs_rollouts_that_are_there(training):
    given = on_rollouts(training)
    first = replace(GIVEN, objective=replace(GIVEN.objective, freeze_steps=9), loop=Loop(steps=6))
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    try:
        training.train("beside", first, **given)
    finally:
        logger.remove(sink)
    # The policy would begin to move with the tenth step.
    assert any(
        "--freeze-steps is 9 and the last step is 6, so the token model alone is trained" in each for each in said
    )
    reward_model = Weights(str(Artifact.open(training.folder / "beside-reward-model").path))
    fixed = replace(GIVEN, objective=Oreal(keep="mixed-groups"), loop=Loop(steps=2))
    weighed = training.train("weighed", fixed, reward_model=reward_model, **given)
    plain = training.train("plain", fixed, **given)
    assert any(not torch.equal(value, weights_in(plain.path)[name]) for name, value in weights_in(weighed.path).items())
    # a fixed model is read and not written
    assert not (training.folder / "weighed-reward-model").exists()


def test_modes_of_weighing():
    mask = torch.ones(1, 4, dtype=torch.bool)
    # running means 0, ln 3, ln 3, 0: probabilities .5, .75, .75, .5
    logits = torch.tensor([[0.0, 2 * log(3), log(3), -3 * log(3)]])
    positive, negative = TokenWeighting().weigh_tokens(logits, mask)
    assert positive.tolist() == [pytest.approx([0, 0.5, 0.5, 0], abs=1e-6)]
    assert negative.tolist() == [pytest.approx([0, 0, 0, 0], abs=1e-6)]
    # own logits: probabilities .5, .9, .75, 1/28
    positive, negative = TokenWeighting(token_score="token").weigh_tokens(logits, mask)
    assert positive.tolist() == [pytest.approx([0, 0.8, 0.5, 0], abs=1e-6)]
    assert negative.tolist() == [pytest.approx([0, 0, 0, 1 - 2 / 28], abs=1e-6)]
    # the higher half of the own probabilities, .9 and .75, scaled from 0 to 1
    positive, _ = TokenWeighting(token_score="token", token_weights="top-k").weigh_tokens(logits, mask)
    assert positive.tolist() == [pytest.approx([0, 1, 0, 0], abs=1e-6)]
    higher, _ = TokenWeighting(positive_threshold=0.7).weigh_tokens(logits, mask)
    assert higher.tolist() == [pytest.approx([0, 1 / 6, 1 / 6, 0], abs=1e-6)]


@pytest.mark.parametrize(
    ("objective", "given", "message"),
    [
        (Grpo(), True, "--reward-model weighs the tokens of --objective oreal"),
        (Oreal(token_model="none"), True, "--token-model none reads no --reward-model"),
        (Oreal(token_model="fixed"), False, "--token-model fixed needs --reward-model"),
    ],
)
def test_a_token_model_that_nothing_reads_or_that_is_missing_is_refused(objective, given: bool, message: str):
    with pytest.raises(WrongOption, match=message):
        with_token_model(objective, True, object() if given else None)


def test_auto_means_what_was_given():
    assert with_token_model(Oreal(), True, None).token_model == "none"
    assert with_token_model(Oreal(), True, object()).token_model == "trained"
    assert with_token_model(Oreal(), False, object()).token_model == "fixed"


def test_a_model_that_scores_no_tokens_is_refused(training, undecided):
    with pytest.raises(WrongArtifact, match="is no reward model"):
        training.train("out", replace(GIVEN, loop=Loop(steps=1)), reward_model=undecided, **on_rollouts(training))
