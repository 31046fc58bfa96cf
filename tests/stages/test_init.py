"""Fresh policies."""

import hashlib
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from whet.artifacts import Artifact, Draft, WrongOption
from whet.stages.alphabets import Alphabet
from whet.stages.init import SIZES, InitOptions, _config, init


def _make(folder: Path, **options: Any) -> Artifact[Any]:
    draft = Draft.create(folder, kind="policy", stage="init", options=options)
    init(draft, InitOptions(**options))
    return draft.publish()


def _sha256(policy: Artifact[Any]) -> str:
    return hashlib.sha256((policy.path / "model.safetensors").read_bytes()).hexdigest()


def test_equal_seeds_make_equal_bytes_and_leave_torchs_numbers_alone(tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    first, second, other = (_make(tmp_path / name, seed=seed) for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert first.digest == second.digest
    assert _sha256(first) != _sha256(other)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("alphabet", get_args(Alphabet))
def test_transformers_loads_the_folder_and_both_fit(tmp_path: Path, alphabet: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    policy = _make(tmp_path / "policy", tokenizer=alphabet, context=64)
    model: Any = AutoModelForCausalLM.from_pretrained(policy.path)
    tokenizer: Any = AutoTokenizer.from_pretrained(policy.path)
    assert model.dtype == torch.float32
    assert model.config.vocab_size == len(tokenizer)
    assert model.config.eos_token_id == model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.config.max_position_embeddings == 64
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "1+1"}], add_generation_prompt=True, return_tensors="pt"
    )
    completion = model.generate(**prompt, max_new_tokens=4, do_sample=False)
    # <|user|> 1 + 1 <|end|> <|assistant|>: six tokens
    assert prompt["input_ids"].shape == (1, 6)
    assert 7 <= completion.shape[1] <= 10


def test_its_facts_hold_the_parameter_count(tmp_path: Path) -> None:
    facts = _make(tmp_path / "policy").manifest.facts
    # embedding 101 x 128; a layer: q 128 x 129, k and v 32 x 129 each, o 128 x 128, mlp 3 x 128 x 384, norms 2 x 128;
    # the last norm 128
    layer = 128 * 129 + 2 * 32 * 129 + 128 * 128 + 3 * 128 * 384 + 2 * 128
    assert facts["parameters"] == 101 * 128 + 2 * layer + 128
    assert facts["vocabulary"] == 101


@pytest.mark.parametrize(
    ("size", "millions"), [("pico", 0.17), ("nano", 0.39), ("tiny", 4.9), ("small", 25), ("medium", 50), ("large", 100)]
)
def test_the_sizes_are_what_the_help_says(size: str, millions: float) -> None:
    from transformers import Qwen2ForCausalLM

    with torch.device("meta"):
        model = Qwen2ForCausalLM(_config(SIZES[size], 101, 2048, 1, 0))
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(millions, rel=0.02)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(WrongOption, match="--context is 8, expected at least 16"):
        InitOptions(context=8)
    with pytest.raises(WrongOption, match="--seed is -1"):
        InitOptions(seed=-1)
