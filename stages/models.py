"""Loading policies, and what can be said about a model folder without loading it.

    model = load_policy(weights, dtype="float32")       # transformers, on the best device

Nothing is unpickled: weights come from safetensors alone. Code that comes with a model runs only under
`--trust-remote-code`.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from math import prod
from pathlib import Path
from typing import Any, Literal

from ..artifacts import Weights, WrongArtifact, WrongOption
from .heap import keep_freed_memory

Precision = Literal["auto", "float32", "bfloat16"]

HEAD = "score"
"""The name of the head in transformers' classification models."""


def load_policy(
    weights: Weights,
    *,
    dtype: Literal["stored", "float32", "bfloat16"] = "stored",
    device: str | None = None,
) -> Any:
    """The transformers causal language model of a folder, in evaluation mode.

    `dtype`: "stored" keeps what the files hold; training wants "float32". A LoRA adapter is merged into the weights.
    """
    import torch
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM

    quiet_transformers()
    keep_freed_memory()
    folder = folder_of(weights)
    config = read_config(folder)
    refuse_foreign_code(weights, config)
    try:
        model = loader.from_pretrained(
            folder,
            dtype="auto" if dtype == "stored" else getattr(torch, dtype),
            attn_implementation="sdpa",
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=weights.trust_remote_code,
        )
    except (OSError, ValueError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise WrongArtifact(f"{folder} cannot be loaded as a policy ({first})") from error
    return merged(model, weights).to(device or best_device()).eval()


@contextmanager
def without_dropout(model: Any) -> Iterator[None]:
    """The model as it is used, whatever mode it is in: a policy in training drops out, one that samples does not."""
    training = model.training
    if training:
        model.eval()
    try:
        yield
    finally:
        if training:
            model.train()


def merged(model: Any, weights: Weights) -> Any:
    """A model with its adapter's products added to the matrices, W + B A scale, and with the head stored beside them.

    Args:
        weights: what was loaded; without an adapter the model stays as it is.

    Raises:
        WrongArtifact: an adapter of a model of another shape.
    """
    adapter = weights.adapter
    if adapter is None:
        return model
    try:
        from peft import PeftModel
    except ImportError as error:
        raise WrongOption("--adapter needs peft, which is not installed here: pip install 'whet[lora]'") from error
    _warn_of_other_base(weights, adapter)
    loader: Any = PeftModel
    try:
        return loader.from_pretrained(model, str(adapter.path), is_trainable=False).merge_and_unload()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise WrongArtifact(
            f"{adapter.spec} does not fit the model ({first}): give the one it was trained on"
        ) from error


def _warn_of_other_base(weights: Weights, adapter: Weights) -> None:
    """Say that an adapter of ours was trained on another model, which may have the same shape."""
    from loguru import logger

    inputs = adapter.artifact.manifest.inputs if adapter.artifact is not None else []
    for trained in inputs:
        if trained.role == "policy" and trained.digest != weights.digest:
            logger.warning(
                f"{adapter.spec} was trained on {trained.path} ({trained.digest[:12]}), expected that model, not "
                f"{weights.spec} ({weights.digest[:12]}): what it adds fits no other weights"
            )


def quiet_transformers() -> None:
    """Turn off the progress bars that transformers writes beside ours."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def folder_of(weights: Weights) -> Path:
    """Where the weights lie; a program or a server has none."""
    if weights.path is None:
        raise WrongArtifact(f"{weights.spec} has no weights to load, expected a model folder or hub:org/name")
    return weights.path


def refuse_foreign_code(weights: Weights, config: dict[str, Any]) -> None:
    """A model whose config points to code of its own needs the user's word for it."""
    if config.get("auto_map") and not weights.trust_remote_code:
        raise WrongOption(
            f"{weights.spec} brings Python code of its own ({', '.join(sorted(config['auto_map']))}): "
            "read it, then give --trust-remote-code"
        )


def best_device() -> str:
    """ "cuda" where torch sees a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def device_type() -> str:
    """What `best_device` will be, told without importing torch."""
    return "cuda" if gpu_present() else "cpu"


def resolve_precision(precision: Precision | Literal["float16"]) -> Literal["float32", "bfloat16", "float16"]:
    """What "auto" means on this machine: bfloat16 on a GPU and on a CPU that multiplies it; imports no torch."""
    if precision != "auto":
        return precision
    return "bfloat16" if gpu_present() or _cpu_flags() & {"avx512_bf16", "amx_bf16"} else "float32"


@cache
def gpu_present() -> bool:
    """Whether torch will find a GPU, told without importing it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "unset") in ("", "-1"):
        return False
    return Path("/dev/nvidia0").exists() and not metadata.version("torch").endswith("+cpu")


@cache
def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), []))


def read_config(folder: Path) -> dict[str, Any]:
    """A model folder's config.json."""
    file = folder / "config.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WrongArtifact(f"{folder} has no config.json, expected a Hugging Face model folder") from error
    except ValueError as error:
        raise WrongArtifact(f"{file} is no JSON ({error}): fetch or write the folder again") from error


def check_vocabulary(vocabulary: int, config: dict[str, Any], weights: Weights) -> None:
    """Ids beyond the embedding would fail in the middle of a run.

    `vocabulary`: one more than the tokenizer's highest id.
    """
    rows = config.get("vocab_size")
    if rows is not None and vocabulary > rows:
        raise WrongArtifact(
            f"{weights.spec}: the tokenizer has ids up to {vocabulary - 1:,}, the model embeds {rows:,}: "
            "the tokenizer belongs to another model"
        )


def context_of(config: dict[str, Any]) -> int:
    """Tokens of prompt and rollout together that the positions of a model allow."""
    for name in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        if isinstance(config.get(name), int):
            return config[name]
    return 1 << 30


def stored_tensors(folder: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name -> (dtype as safetensors writes it, shape) of every stored tensor, read from the files' headers."""
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as stream:
            try:
                (length,) = struct.unpack("<Q", stream.read(8))
                header = json.loads(stream.read(length)) if length <= file.stat().st_size else None
            except (struct.error, ValueError):
                header = None
        if not isinstance(header, dict):
            raise WrongArtifact(f"{file} is no safetensors file: fetch or write the folder again")
        tensors.update((k, (v["dtype"], tuple(v["shape"]))) for k, v in header.items() if k != "__metadata__")
    if not tensors:
        raise WrongArtifact(
            f"{folder} holds no .safetensors: save the model with save_pretrained (nothing is unpickled)"
        )
    return tensors


def parameter_count(folder: Path) -> int:
    """Stored parameters; tied ones count once, as they are stored once."""
    return sum(prod(shape) for _, shape in stored_tensors(folder).values())


def cache_bytes_per_token(config: dict[str, Any], bytes_per_number: int) -> int:
    """Memory that one token of one row takes in the cache of keys and values."""
    heads = config.get("num_attention_heads") or config.get("n_head") or 1
    width = config.get("hidden_size") or config.get("n_embd") or 0
    layers = config.get("num_hidden_layers") or config.get("n_layer") or 0
    kv_heads = config.get("num_key_value_heads") or heads
    head_width = config.get("head_dim") or width // heads
    return 2 * layers * kv_heads * head_width * bytes_per_number
