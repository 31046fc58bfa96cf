"""whet init --size nano --out FOLDER: a fresh small policy and its tokenizer, to start from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..artifacts import Draft, Policy, WrongOption
from .alphabets import Alphabet

VERSION = 1


@dataclass(frozen=True)
class Shape:
    """What fixes the number of parameters; few key-value heads, as decoding is bound by reading them."""

    layers: int
    width: int
    heads: int
    mlp_width: int
    key_value_heads: int = 2


SIZES = {
    "pico": Shape(3, 64, 4, 192, key_value_heads=4),
    "nano": Shape(2, 128, 4, 384, key_value_heads=1),
    "tiny": Shape(6, 256, 8, 832),
    "small": Shape(8, 512, 8, 1600),
    "medium": Shape(12, 640, 10, 1664),
    "large": Shape(12, 896, 14, 2400),
}


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """Which policy is made."""

    size: Literal["pico", "nano", "tiny", "small", "medium", "large"] = "nano"
    """pico 0.2M parameters, nano 0.4M, tiny 5M, small 25M, medium 50M, large 100M"""

    tokenizer: Alphabet = "character"
    """character: printable ASCII, one token each (others are refused); byte: any text, one token a byte"""

    context: int = 2048
    """Tokens of prompt and rollout together at most"""

    seed: int = 0
    """Another seed gives other weights"""

    def __post_init__(self) -> None:
        if self.context < 16:
            raise WrongOption(f"--context is {self.context}, expected at least 16 tokens")
        if not 0 <= self.seed < 2**63:
            raise WrongOption(f"--seed is {self.seed}, expected 0 to 2^63 - 1")


def init(policy: Draft[Policy], options: InitOptions) -> None:
    """Make a fresh policy with random weights.

    A Qwen2 model with tied embeddings in float32, a tokenizer and a minimal chat template: a plain Hugging Face folder.

    Examples:
        whet init --size nano --out runs/x/start
        whet init --size small --tokenizer byte --seed 1 --out runs/x/start
    """
    from loguru import logger

    from .alphabets import write_tokenizer

    with policy.writer():
        vocabulary = write_tokenizer(options.tokenizer, policy.folder)
        parameters = _write_model(policy.folder, SIZES[options.size], vocabulary, options)
    policy.facts.update(parameters=parameters, vocabulary=vocabulary, architecture="qwen2")
    logger.info(f"{options.size}: {parameters:,} parameters, {vocabulary} tokens in the vocabulary")


def plan(options: InitOptions) -> list[str]:
    """What --dry-run adds: the shape."""
    shape = SIZES[options.size]
    return [f"{shape.layers} layers of width {shape.width}, {shape.heads} heads, context {options.context:,}"]


def _write_model(folder: Path, shape: Shape, vocabulary: int, options: InitOptions) -> int:
    """Write config.json, generation_config.json and model.safetensors; the number of parameters is returned."""
    import torch
    from transformers import Qwen2ForCausalLM

    from .alphabets import END, PAD, SPECIAL
    from .models import quiet_transformers

    quiet_transformers()

    # The caller's random state stays as it was: a stage called from a notebook must not reseed it.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        model = Qwen2ForCausalLM(_config(shape, vocabulary, options.context, SPECIAL.index(END), SPECIAL.index(PAD)))
    model.generation_config.update(do_sample=True, temperature=1.0, top_k=0, top_p=1.0)
    model.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def _config(shape: Shape, vocabulary: int, context: int, end: int, pad: int) -> Any:
    from transformers import Qwen2Config

    return Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.mlp_width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        # The usual 0.02 is right for a width near 1,000; a narrow model with tied embeddings learns far slower from it.
        initializer_range=0.7 / shape.width**0.5,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
        dtype="float32",
    )
