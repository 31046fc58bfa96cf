"""Training through LoRA: the base stays as it is, the adapter is peft's, and a stopped run goes on bit for bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from whet.artifacts import Artifact, Stopped, Weights, WrongArtifact, WrongOption
from whet.stages.loop import Loop
from whet.stages.lora import Lora, add_adapters, merged_weights, without_adapters
from whet.stages.models import load_policy
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.supervised import Supervised
from whet.stages.optimization import Optimization
from whet.stages.sampling import Sampling
from whet.stages.train_policy import TrainPolicyOptions, resolve

BOXES = [[r"\boxed{1}", r"\boxed{22}", r"\boxed{3}", "no"], [r"\boxed{1}", r"\boxed{1}", "2"], ["7", r"\boxed{1}"]]
LETTERS = ["ciiv", "cci", "ic"]
OPTIONS = TrainPolicyOptions(
    objective=Supervised(), rows_per_step=4, loop=Loop(steps=4), lora=Lora(rank=4),
    optimization=Optimization(learning_rate=1e-2, precision="float32"),
)  # fmt: skip
OREAL = replace(OPTIONS, objective=Oreal(keep="none"), rows_per_step=None, groups_per_step=2)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.arange(5, 20)[None]).logits


def opened(made: Artifact[Any]) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(made.path / "adapter_model.safetensors")


def test_an_adapter_begins_at_the_policy_and_can_be_turned_off(training):
    model = load_policy(training.policy(), dtype="float32")
    before = logits(model)
    add_adapters(model, Lora(rank=2, targets="q_proj,down_proj"))
    assert torch.equal(logits(model), before)
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert {name.split(".")[4] for name in trained} == {"q_proj", "down_proj"}
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(parameter.data)
    assert (logits(model) - before).abs().max() > 0.01
    with without_adapters(model):
        assert torch.equal(logits(model), before)


def test_a_product_of_two_thin_matrices_is_added_alpha_over_rank_times(training):
    model = load_policy(training.policy(), dtype="float32")
    name = "model.layers.0.self_attn.o_proj.weight"
    weight = model.get_parameter(name).detach().clone()
    add_adapters(model, Lora(rank=2, alpha=3.0, targets="o_proj"))
    layer = model.get_submodule("model.layers.0.self_attn.o_proj")
    with torch.no_grad():
        layer.lora_B["default"].weight.fill_(0.5)
    expected = weight + 3.0 / 2 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    merged = merged_weights(model)
    torch.testing.assert_close(merged[name], expected)
    assert merged.keys() == dict(load_policy(training.policy()).named_parameters()).keys()


@pytest.mark.parametrize("options", [OPTIONS, OREAL])
def test_the_adapter_alone_is_published_as_peft_writes_it(training, options):
    from peft import PeftModel

    rollouts = training.rollouts("r", BOXES)
    inputs: dict[str, Any] = {"rollouts": [rollouts]}
    if options is OREAL:
        inputs["verdicts"] = [training.verdicts(rollouts, LETTERS)]
    made = training.train("out", options, **inputs)
    merged = training.train("merged", replace(options, lora=Lora(rank=4, merge=True)), **inputs)
    assert not list(made.path.glob("model*.safetensors"))
    assert all(value.dtype == torch.float32 for value in opened(made).values())
    base = load_policy(training.policy(), dtype="float32")
    plain = logits(base)
    loader: Any = PeftModel
    adapted = logits(loader.from_pretrained(base, str(made.path)))
    assert (adapted - plain).abs().max() > 1e-3
    adapter = Weights(str(made.path.parent), allow=("adapter",))
    torch.testing.assert_close(logits(load_policy(training.policy().adapted(adapter))), adapted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(logits(load_policy(Weights(str(merged.path)))), adapted, atol=1e-5, rtol=1e-5)
    with pytest.raises(WrongArtifact, match="holds an adapter, expected a model"):
        Weights(str(made.path.parent))


def test_a_stopped_training_of_an_adapter_goes_on_bit_for_bit(training):
    rollouts = training.rollouts("r", BOXES)
    inputs = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    options = replace(OREAL, lora=Lora(rank=4, dropout=0.2))
    whole = training.train("whole", options, **inputs)
    with pytest.raises(Stopped):
        training.train("stopped", options, stop_after=2, **inputs)
    assert training.train("stopped", options, **inputs).digest == whole.digest


def test_the_reference_of_an_adapter_is_its_base(training):
    import json

    rollouts = training.rollouts("r", BOXES)
    inputs: dict[str, Any] = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
    options = replace(OREAL, objective=Oreal(keep="none", kl_weight=0.1))
    own = training.train("own", options, **inputs)
    copy = training.train("copy", options, reference=training.policy(), **inputs)
    lines = [(made.path / "metrics.jsonl").read_text().splitlines() for made in (own, copy)]
    kl = [[json.loads(line)["kl"] for line in each] for each in lines]
    assert kl[0] == pytest.approx(kl[1], abs=1e-7)
    assert kl[0][0] == pytest.approx(0, abs=1e-7)
    assert kl[0][-1] > 1e-6
    for name, value in opened(own).items():
        torch.testing.assert_close(value, opened(copy)[name], atol=1e-5, rtol=1e-4)


def test_rollouts_are_drawn_with_the_adapter_in_training(training):
    options = replace(
        OREAL, loop=Loop(steps=3), engine="decode", sampling=Sampling(rollouts_per_problem=3, max_tokens=6),
        lora=Lora(rank=4, merge=True), truncation=replace(OREAL.truncation, truncated="incorrect"),
        objective=Oreal(keep="none", kl_weight=0.1),
    )  # fmt: skip
    import json

    made = training.train("out", options, problems=training.problems_artifact())
    lines = [json.loads(line) for line in (made.path / "metrics.jsonl").read_text().splitlines()]
    # What the decode loop recorded is what the trainer computes, also after the adapter moved.
    assert max(line["sampling/sampling_logp_difference/mean"] for line in lines) < 1e-4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rank": -1}, "--lora.rank is -1"),
        ({"alpha": 8.0}, "go with --lora.rank"),
        ({"rank": 2, "dropout": 1.0}, "--lora.dropout is 1.0"),
        ({"rank": 2, "targets": " , "}, "--lora.targets"),
    ],
)
def test_options_that_make_no_adapter_are_refused(given, message):
    with pytest.raises(WrongOption, match=message):
        Lora(**given)


def test_layers_that_are_not_there_and_inputs_that_clash_are_refused(training):
    with pytest.raises(WrongOption, match="--lora.targets query does not fit"):
        add_adapters(load_policy(training.policy()), Lora(rank=2, targets="query"))
    with pytest.raises(WrongOption, match="the output layer"):
        add_adapters(load_policy(training.policy()), Lora(rank=2, targets="lm_head"))
    rollouts = [training.rollouts("r", BOXES)]
    with pytest.raises(WrongOption, match="--continue-from"):
        resolve(OPTIONS, training.policy(), rollouts=rollouts, continue_from=training.policy())
    with pytest.raises(WrongOption, match="follows whole weights"):
        resolve(replace(OPTIONS, engine="vllm"), training.policy(), rollouts=rollouts)
    assert Path(training.folder).is_dir()
