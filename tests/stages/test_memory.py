"""What a training takes in memory: by hand, by what options say, and against what a step really takes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from whet.stages import token_logprobs
from whet.stages.batching import TrainingRow
from whet.stages.frozen_models import frozen_models
from whet.stages.learner import Learner
from whet.stages.lora import Lora, add_adapters
from whet.stages.memory import AT_ONCE, KEPT, Memory, adapter_parameters, split_parameters, training_memory
from whet.stages.memory_needs import policy_memory, rm_memory
from whet.stages.models import load_policy, parameter_count, stored_tensors
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal
from whet.stages.optimization import Optimization
from whet.stages.rewards.methods import BradleyTerry, Implicit, Token
from whet.stages.train_policy import TrainPolicyOptions
from whet.stages.train_rm import TrainRmOptions
from whet.stages.training_inputs import TrainingInputs

CONFIG = {
    "hidden_size": 10, "intermediate_size": 30, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "vocab_size": 100,
}  # fmt: skip
FLOAT32 = Optimization(precision="float32")


def test_weights_gradients_moments_and_activations_by_hand():
    found = training_memory(CONFIG, 1000, tokens=50, longest=80, frozen=1000)
    assert (found.weights, found.gradients, found.moments, found.frozen) == (4000, 4000, 8000, 4000)
    # A row of 80 tokens is a micro-batch of its own; 2 layers, 8 * 10 + 4 * 30 + 2 * 5 numbers of 4 bytes.
    assert found.activations == 80 * 2 * 210 * 4
    # All probabilities, logits and probabilities of a chunk that holds all, a gradient of the matrix of 100 x 10.
    assert found.projection == (3 * 80 * 100 + 1000) * 4
    assert found.total == 20_000 + 134_400 + 100_000


def test_half_precision_copies_the_weights_and_halves_a_part_of_the_activations():
    found = training_memory(CONFIG, 1000, tokens=80, longest=0, precision="bfloat16")
    assert (found.weights, found.gradients) == (6000, 4000)
    assert found.activations == 80 * 2 * (80 * 4 + 130 * 2)
    assert found == training_memory(CONFIG, 1000, tokens=80, longest=0, precision="float16")


def test_an_adapter_alone_has_gradients_and_moments():
    found = training_memory(CONFIG, 1010, tokens=80, longest=0, trained=10)
    assert (found.weights, found.gradients, found.moments) == (4040, 40, 80)
    assert found.projection == 3 * 80 * 100 * 4  # the matrix gets no gradient


def test_checkpointing_keeps_the_inputs_of_layers_and_one_layer():
    found = training_memory(CONFIG, 1000, tokens=80, longest=0, checkpointing=True)
    one_layer = 80 * 210 * 4
    assert found.activations == 80 * 2 * 10 * 4 + one_layer
    # The projection is done with when the layer is computed again.
    assert found.projection == 100_000 - one_layer
    assert training_memory(CONFIG, 1000, tokens=80, longest=0, head=True, checkpointing=True).projection == 0


def test_a_head_has_no_projection_and_a_gpu_keeps_no_probabilities():
    assert training_memory(CONFIG, 1000, tokens=80, longest=0, head=True).projection == 0
    assert training_memory(CONFIG, 1000, tokens=80, longest=0, device="cuda").projection == (2 * 80 * 100 + 1000) * 4
    # 2^20 tokens of 100: more than the 2^25 that a CPU keeps; two times 2^22 at one time.
    many = training_memory(CONFIG, 1000, tokens=1 << 20, longest=0)
    assert many.projection == (2 * (1 << 22) + 1000) * 4
    assert (KEPT, AT_ONCE) == (token_logprobs._ELEMENTS_KEPT, token_logprobs._ELEMENTS_AT_ONCE)


def test_two_models_add_up():
    assert Memory(1, 2, 3, 4, 5, 6) + Memory(10, 0, 0, 0, 0, 4) == Memory(11, 2, 3, 4, 5, 10)


def test_the_parameters_of_a_head_and_of_adapters_are_those_of_the_real_model(training):
    policy = training.policy()
    shapes = {name: shape for name, (_, shape) in stored_tensors(policy.path).items()}
    # Tied embeddings: there is no output to leave out. A head of width 32.
    assert split_parameters(shapes, 32) == (parameter_count(policy.path), parameter_count(policy.path), 32)
    assert split_parameters({**shapes, "lm_head.weight": (101, 32), "score.weight": (1, 32)}, 32) == (
        parameter_count(policy.path) + 102 * 32, parameter_count(policy.path), 32,
    )  # fmt: skip
    for lora in (Lora(rank=3), Lora(rank=2, targets="q_proj,mlp.down_proj")):
        model = add_adapters(load_policy(policy, dtype="float32"), lora)
        trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
        assert adapter_parameters(shapes, lora) == trained


def test_a_reference_takes_memory_unless_it_is_the_model_without_its_adapter(training):
    policy = training.policy()
    size = parameter_count(policy.path) * 4e-6
    plain = TrainRmOptions(method=Implicit(), optimization=FLOAT32)

    def megabytes(options: TrainRmOptions) -> dict[str, float]:
        return rm_memory(options, policy, 20).facts["memory_megabytes"]

    assert megabytes(plain)["frozen"] == pytest.approx(size, abs=0.1)
    assert megabytes(replace(plain, lora=Lora(rank=2)))["frozen"] == 0
    for method in (Token(), BradleyTerry()):
        found = megabytes(replace(plain, method=method))
        assert (found["frozen"], found["projection"]) == (0, 0)
        assert found["activations"] > 0
    (line,) = rm_memory(replace(plain, method=Token(), lora=Lora(rank=2)), policy, 20).lines
    # 2 (rows + columns) of q 32x32, k and v 16x32, o 32x32, gate and up 64x32, down 32x64: 2 * 512, and the head.
    assert line.endswith("parameters, 1,056 of them trained")


def test_what_the_objectives_of_a_policy_hold_is_counted(training):
    policy = training.policy()
    size = parameter_count(policy.path) * 4e-6
    given, drawn = TrainingInputs(policy=policy), TrainingInputs(policy=policy, problems=training.problems_artifact())
    grpo = TrainPolicyOptions(objective=Grpo(old="recomputed", kl_weight=0.1), optimization=FLOAT32)
    adapted = replace(grpo, lora=Lora(rank=2))
    assert frozen_models(grpo, given) == ("copy", "copy", "none")
    assert frozen_models(grpo, drawn) == ("copy", "none", "none")
    assert frozen_models(adapted, given) == ("base", "base", "none")
    assert frozen_models(adapted, replace(given, reference=policy, teacher_policy=policy)) == ("copy", "base", "copy")
    megabytes = policy_memory(grpo, given).facts["memory_megabytes"]
    assert megabytes["frozen"] == pytest.approx(2 * size, abs=0.1)
    plain, fixed, trained = (
        policy_memory(
            replace(grpo, objective=Oreal(token_model=model, kl_weight=0)), given
        ).facts["memory_megabytes"]
        for model in ("none", "fixed", "trained")
    )  # fmt: skip
    assert fixed["frozen"] - plain["frozen"] == pytest.approx(size, abs=0.1)
    assert trained["moments"] == pytest.approx(2 * plain["moments"], abs=0.1)
    assert trained["activations"] == pytest.approx(2 * plain["activations"], abs=0.1)


def peak_of(learner: Learner, rows: list[TrainingRow]) -> int:
    """Bytes that a forward and backward pass takes at most, beyond what was there; after a step that made the rest."""
    from torch.profiler import ProfilerActivity, profile

    def passes() -> None:
        learner.backward(-learner.logprobs(learner.arrange(rows)).sum())

    passes()
    learner.update(1e-3)
    passes()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        passes()
    results: Any = profiled.profiler
    events = [event for event in results.kineto_results.events() if event.name() == "[memory]"]
    taken = np.cumsum([event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())])
    return int(taken.max())


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("rank", [0, 8])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_estimate_is_near_what_a_step_takes(precision, rank, checkpointing):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    model: Any = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=500, hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=True,
        )
    )  # fmt: skip
    if rank:
        add_adapters(model, Lora(rank=rank))
    parameters = sum(value.numel() for value in model.parameters())
    trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    optimization = Optimization(learning_rate=1e-3, precision=precision, gradient_checkpointing=checkpointing)
    learner, rng = Learner(model, optimization), np.random.default_rng(0)
    ids = rng.integers(1, 500, (16, 64)).astype(np.int32)
    rows = [TrainingRow(rollout_id=str(n), prompt_token_ids=row[:8], token_ids=row[8:]) for n, row in enumerate(ids)]
    found = training_memory(
        model.config.to_dict(), parameters, tokens=ids.size, longest=64, trained=trained if rank else None,
        precision=precision, checkpointing=checkpointing,
    )  # fmt: skip
    resident = 4 * parameters + found.gradients + found.moments
    assert resident == 4 * (parameters + 3 * trained)
    estimate = found.total - resident
    assert 0.7 < estimate / peak_of(learner, rows) < 1.7
