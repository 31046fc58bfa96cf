"""Reward models trained through LoRA: the head is trained in full, and every folder scores alike."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from loguru import logger

from whet.artifacts import Artifact, Draft, Stopped, Weights, WrongOption
from whet.cli.main import main
from whet.stages.batching import pad
from whet.stages.frozen import FrozenLogprobs
from whet.stages.loop import Loop
from whet.stages.lora import Lora, add_adapters
from whet.stages.models import load_policy
from whet.stages.optimization import Optimization
from whet.stages.policy_folder import Saving
from whet.stages.rewards.folder import read_settings
from whet.stages.rewards.heads import last_logits
from whet.stages.rewards.loading import load_headed, load_reward_model
from whet.stages.rewards.methods import BradleyTerry, Implicit, Polar, RewardMethod, Token
from whet.stages.rewards.reward_rows import RewardRow
from whet.stages.rewards.training import RewardTraining
from whet.stages.score import ScoreOptions, plan, resolve
from whet.stages.train_rm import TrainRmOptions

POLAR = Polar(separator_token="<|system|>", reward_token="<|user|>")
METHODS = {
    "token": Token(), "bradley-terry": BradleyTerry(), "polar": POLAR, "implicit": Implicit(loss="dpo", beta=0.5),
    "implicit-ce": Implicit(beta=0.5),
}  # fmt: skip
OPTIONS = TrainRmOptions(
    rows_per_step=4, optimization=Optimization(learning_rate=1e-2, precision="float32"), loop=Loop(steps=6),
    lora=Lora(rank=4),
)  # fmt: skip
IDS = torch.tensor([[9, 8, 7, 20, 21, 22, 1]])


def options_of(method: RewardMethod, **changed: Any) -> TrainRmOptions:
    return replace(OPTIONS, method=method, **changed)


def as_adapter(made: Artifact[Any]) -> Weights:
    return Weights(str(made.path), allow=("adapter",))


def logged(made: Artifact[Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (made.path / "metrics.jsonl").read_text().splitlines()]


def numbers(model: Any) -> torch.Tensor:
    """The head's number at the last token, or a policy's logits."""
    with torch.no_grad():
        return last_logits(model, IDS, torch.tensor([7])) if hasattr(model, "score") else model(IDS).logits


def loaded_by_peft(policy: Weights, made: Artifact[Any], method: str) -> Any:
    """As the user of peft and transformers alone loads it."""
    import transformers
    from peft import PeftModel

    kinds = {"token": "TokenClassification", "implicit": "CausalLM", "implicit-ce": "CausalLM"}
    kind: Any = getattr(transformers, f"AutoModelFor{kinds.get(method, 'SequenceClassification')}")
    one_label = {} if "implicit" in method else {"num_labels": 1}
    loader: Any = PeftModel
    transformers.logging.set_verbosity_error()
    base = kind.from_pretrained(policy.path, **one_label)
    transformers.logging.set_verbosity_warning()
    return loader.from_pretrained(base, str(made.path)).eval()


@pytest.mark.parametrize("name", METHODS)
def test_the_adapter_alone_and_the_merged_model_give_the_same_numbers_however_they_are_loaded(training, train, name):
    method, policy = METHODS[name], training.policy()
    alone = train("alone", options_of(method))
    merged = train("merged", options_of(method, lora=Lora(rank=4, merge=True)))
    assert sorted(path.name for path in alone.path.glob("*.safetensors")) == ["adapter_model.safetensors"]
    assert read_settings(alone.path) == read_settings(merged.path)
    expected = numbers(load_reward_model(Weights(str(merged.path))).model)
    held = read_settings(alone.path)
    assert held is not None
    adapted = policy.adapted(as_adapter(alone))
    start = load_policy(policy) if held.method == "implicit" else load_headed(policy, held.method)
    ours = load_reward_model(adapted).model
    assert (numbers(start) - expected).abs().max() > 1e-3
    torch.testing.assert_close(numbers(ours), expected, atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        theirs = loaded_by_peft(policy, alone, name)(IDS).logits
    if held.method == "token":
        theirs = theirs[0, -1]
    torch.testing.assert_close(theirs.view_as(expected), expected, atol=1e-5, rtol=1e-4)


def test_what_is_published_merged_is_what_transformers_reads(train):
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    lora = Lora(rank=4, merge=True)
    scalar = train("scalar", options_of(BradleyTerry(), lora=lora))
    model: Any = AutoModelForSequenceClassification.from_pretrained(scalar.path).eval()
    ours = numbers(load_reward_model(Weights(str(scalar.path))).model)
    torch.testing.assert_close(model(IDS).logits[0], ours, atol=1e-5, rtol=1e-4)
    token = train("token", options_of(Token(), lora=lora))
    model = AutoModelForTokenClassification.from_pretrained(token.path).eval()
    ours = numbers(load_reward_model(Weights(str(token.path))).model)
    torch.testing.assert_close(model(IDS).logits[0, -1], ours, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["token", "bradley-terry", "polar"])
def test_the_head_is_trained_in_full_and_the_network_only_through_the_adapters(training, train, name):
    from safetensors.torch import load_file

    before = load_policy(training.policy()).state_dict()
    stored = load_file(train("out", options_of(METHODS[name])).path / "adapter_model.safetensors")
    assert stored["base_model.model.score.weight"].abs().min() > 0
    assert {key.rpartition(".lora_")[0] for key in stored if "lora_" in key} == {
        f"base_model.model.{key.removesuffix('.weight')}" for key, value in before.items()
        if ".layers." in key and value.ndim == 2
    }  # fmt: skip
    model = add_adapters(load_headed(training.policy(), "token" if name == "token" else "bradley-terry"), Lora(rank=2))
    trained = {key for key, value in model.named_parameters() if value.requires_grad}
    assert "score.weight" in trained
    assert not {key for key in trained if "lora_" not in key} - {"score.weight"}


def test_a_model_learns_through_an_adapter_from_where_it_stands(train):
    for name in ("token", "implicit-ce"):
        lines = logged(train(name, options_of(METHODS[name], loop=Loop(steps=40), rows_per_step=16)))
        # A head of zeros, or no distance from the reference: ln 2.
        assert lines[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
        assert lines[-1]["accuracy"] > 0.9


def test_the_reference_of_an_implicit_model_is_its_network_without_the_adapter(training):
    method, policy = Implicit(beta=0.5), training.policy()
    draft = Draft.create(training.folder / "out", kind="reward-model", stage="train-rm", options={})
    run = RewardTraining(policy, draft, options_of(method), method)
    row = RewardRow(rollout_id="r", prompt_token_ids=np.array([9, 8], np.int32), token_ids=np.array([20, 1], np.int32))
    with torch.no_grad():
        for name, parameter in run.learner.model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.5)
    base = FrozenLogprobs(load_policy(policy, dtype="float32")).of([row], 2)
    torch.testing.assert_close(run._reference().of([row], 2), base, atol=1e-6, rtol=1e-6)
    with torch.no_grad():
        assert (run.learner.logprobs(pad([row])) - base).abs().max() > 0.01


def test_the_plan_of_an_adapter_has_the_memory_of_what_it_is_compared_with(training, train):
    adapter, policy = as_adapter(train("alone", options_of(METHODS["implicit"], loop=Loop(steps=1)))), training.policy()
    rollouts = training.rollouts("r", [["1"]])
    options = resolve(ScoreOptions(), rollouts, policy, adapter=adapter)
    lines = plan(options, rollouts, policy, adapter=adapter)
    assert lines == plan(options, rollouts, policy, reference_policy=policy, adapter=adapter)
    twice = 2 * sum(parameter.numel() for parameter in load_policy(policy).parameters())
    assert any(f"for {twice:,} parameters" in line for line in lines)


@pytest.mark.parametrize("name", ["token", "bradley-terry", "implicit"])
def test_a_stopped_training_of_an_adapter_goes_on_bit_for_bit(train, name):
    lora = Lora(rank=4, dropout=0.2)
    options = options_of(METHODS[name], lora=lora, loop=Loop(steps=6, checkpoint_every=2), rows_per_step=2)
    whole = train("whole", options)
    for done in (2, 3):
        with pytest.raises(Stopped):
            train("stopped", options, stop_after=done)
    stopped = train("stopped", options)
    assert stopped.digest == whole.digest
    assert [line["loss"] for line in logged(stopped)] == [line["loss"] for line in logged(whole)]


@pytest.mark.parametrize("lora", [Lora(), Lora(rank=4, merge=True)], ids=["whole", "merged"])
@pytest.mark.parametrize("name", ["token", "implicit"])
def test_reward_models_are_published_on_the_way_once_also_across_a_stop(training, train, name, lora):
    options = options_of(METHODS[name], lora=lora, loop=Loop(steps=5), saving=Saving(save_every=2), rows_per_step=2)
    with pytest.raises(Stopped):
        train("out", options, stop_after=3)
    made = train("out", options)
    assert train("whole", options).digest == made.digest
    short = train("short", replace(options, loop=Loop(steps=4)))
    parts = {step: [Artifact.open(training.folder / f"{out}-step-{step:04d}") for out in ("out", "whole")]
             for step in (2, 4)}  # fmt: skip
    assert not (training.folder / "out-step-0005").exists()
    for step, (one, other) in parts.items():
        assert (one.kind, one.path.name, one.manifest.facts["steps"]) == ("reward-model", "v1", step)
        assert (one.path / "model.safetensors").read_bytes() == (other.path / "model.safetensors").read_bytes()
        assert read_settings(one.path) == read_settings(made.path)
    four = load_reward_model(Weights(str(training.folder / "out-step-0004"))).model
    assert torch.equal(numbers(four), numbers(load_reward_model(Weights(str(short.path))).model))
    assert not torch.equal(numbers(four), numbers(load_reward_model(Weights(str(made.path))).model))


def test_the_head_gets_no_adapter(training):
    model = load_headed(training.policy(), "bradley-terry")
    with pytest.raises(WrongOption, match="the output layer"):
        add_adapters(model, Lora(rank=2, targets="score"))


def test_checkpointed_activations_change_no_gradient_of_a_reward_model(train):
    made = []
    for checkpointing in (False, True):
        optimization = replace(OPTIONS.optimization, gradient_checkpointing=checkpointing)
        made.append(logged(train(str(checkpointing), options_of(Token(), optimization=optimization))))
    one, other = ([line["grad_norm"] for line in lines] for lines in made)
    assert one == pytest.approx(other, rel=1e-5)
    assert min(one) > 0


def scored(folder: Path, out: str, *words: str) -> Artifact[Any]:
    assert main(["score", str(folder / "r"), *words, "--precision", "float32", "--out", str(folder / out), "-q"]) == 0
    return Artifact.open(folder / out)


@pytest.mark.parametrize("name", ["token", "bradley-terry", "implicit"])
def test_score_reads_an_adapter_as_it_reads_the_merged_model(training, train, name):
    folder, policy = training.folder, str(training.policy().path)
    train("alone", options_of(METHODS[name]))
    train("merged", options_of(METHODS[name], lora=Lora(rank=4, merge=True)))
    reference = ["--reference-policy", policy] if name == "implicit" else []
    merged = scored(folder, "of-merged", str(folder / "merged"), *reference)
    alone = scored(folder, "of-alone", policy, "--adapter", str(folder / "alone"))
    assert alone.manifest.facts["method"] == merged.manifest.facts["method"]
    assert alone.manifest.facts["adapter"]["spec"] == str(folder / "alone")
    assert {"model", "adapter"} <= {item.role for item in alone.manifest.inputs}
    rows = list(zip(alone.rows(), merged.rows(), strict=True))
    assert len({round(row["score"], 6) for row, _ in rows}) > 1
    for row, other in rows:
        assert row["score"] == pytest.approx(other["score"], abs=1e-4)
        if name != "bradley-terry":
            assert row["token_scores"] == pytest.approx(other["token_scores"], abs=1e-4)


def test_an_adapter_where_a_model_is_expected_or_on_another_model_is_told(training, train, capsys):
    folder, policy = training.folder, str(training.policy().path)
    train("alone", options_of(BradleyTerry()))
    rollouts, out = str(folder / "r"), ["--out", str(folder / "scores"), "-q"]
    assert main(["score", rollouts, str(folder / "alone"), *out]) == 3
    assert "holds an adapter, expected a model: give the model it was trained on, and --adapter" in (
        capsys.readouterr().err
    )
    assert main(["score", rollouts, policy, "--adapter", str(folder / "alone"), "--engine", "vllm", *out]) == 2
    assert "--engine vllm scores with whole models" in capsys.readouterr().err
    said: list[str] = []
    handler = logger.add(said.append, level="WARNING", format="{message}")
    load_reward_model(training.policy("other", seed=1).adapted(as_adapter(train("alone", options_of(BradleyTerry())))))
    load_reward_model(training.policy().adapted(Weights(str(folder / "alone"), allow=("adapter",))))
    logger.remove(handler)
    (line,) = said
    assert "was trained on" in line
    assert "what it adds fits no other weights" in line
