"""What is known of a model folder before it is loaded, and what loading refuses."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Weights, WrongArtifact, WrongOption
from whet.stages import models
from whet.stages.models import (
    cache_bytes_per_token,
    check_vocabulary,
    context_of,
    load_policy,
    parameter_count,
    resolve_precision,
    stored_tensors,
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A small Qwen2 model as transformers saves it."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, tie_word_embeddings=True, max_position_embeddings=64, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    models.quiet_transformers()
    Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    return tmp_path


def test_headers_tell_the_parameters_without_loading_them(saved: Path) -> None:
    model = load_policy(Weights(str(saved)))
    assert parameter_count(saved) == sum(parameter.numel() for parameter in model.parameters())
    assert stored_tensors(saved)["model.embed_tokens.weight"] == ("F32", (40, 16))
    assert not model.training


def test_a_policy_is_loaded_as_stored_unless_asked_otherwise(saved: Path) -> None:
    import torch

    assert load_policy(Weights(str(saved))).dtype == torch.float32
    assert load_policy(Weights(str(saved)), dtype="bfloat16").dtype == torch.bfloat16


def test_the_cache_estimate_counts_keys_and_values_of_every_layer() -> None:
    config = {"num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 2, "hidden_size": 64}
    # 2 (key, value) x 3 layers x 2 heads x 8 wide x 4 bytes
    assert cache_bytes_per_token(config, 4) == 384
    assert cache_bytes_per_token({**config, "head_dim": 16}, 2) == 384
    assert cache_bytes_per_token({"n_layer": 2, "n_head": 4, "n_embd": 32}, 4) == 2 * 2 * 32 * 4


def test_the_context_is_found_under_its_several_names() -> None:
    assert context_of({"max_position_embeddings": 77}) == 77
    assert context_of({"n_positions": 1024}) == 1024


def test_weights_that_are_pickled_are_not_read(saved: Path) -> None:
    (saved / "model.safetensors").rename(saved / "pytorch_model.bin")
    with pytest.raises(WrongArtifact, match="cannot be loaded as a policy"):
        load_policy(Weights(str(saved)))
    with pytest.raises(WrongArtifact, match=r"holds no \.safetensors"):
        stored_tensors(saved)


def test_a_models_own_code_needs_the_users_word(saved: Path) -> None:
    config: dict[str, Any] = json.loads((saved / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling.Odd"}
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(WrongOption, match="brings Python code of its own.*--trust-remote-code"):
        load_policy(Weights(str(saved)))


@pytest.mark.parametrize("content", [b"", struct.pack("<Q", 1 << 40), struct.pack("<Q", 2) + b"{]"])
def test_a_damaged_header_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(WrongArtifact, match=r"model\.safetensors is no safetensors file"):
        stored_tensors(tmp_path)


def test_a_tokenizer_of_another_model_is_refused(saved: Path) -> None:
    weights = Weights(str(saved))
    check_vocabulary(40, {"vocab_size": 40}, weights)
    with pytest.raises(WrongArtifact, match="ids up to 40, the model embeds 40"):
        check_vocabulary(41, {"vocab_size": 40}, weights)


def test_a_program_has_no_weights_to_load() -> None:
    with pytest.raises(WrongArtifact, match="program:tail has no weights to load"):
        load_policy(Weights("program:tail", allow=("program",)))


def test_auto_precision_follows_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_precision("float32") == "float32"
    assert resolve_precision("bfloat16") == "bfloat16"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    models.gpu_present.cache_clear()
    native = bool(models._cpu_flags() & {"avx512_bf16", "amx_bf16"})
    assert resolve_precision("auto") == ("bfloat16" if native else "float32")
    models.gpu_present.cache_clear()
