"""Tiny causal models with a byte tokenizer, and one whose next token the test chooses."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from whet.stages.tokens import Encoder, load_encoder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folders of random models: Qwen2, which the decode loop runs, or GPT-2, which it does not."""
    folder = tmp_path_factory.mktemp("tiny")

    def make(family: str = "qwen2", seed: int = 0, context: int = 2048) -> Path:
        import torch
        from transformers import GPT2Config, GPT2LMHeadModel, Qwen2Config, Qwen2ForCausalLM

        from whet.stages.alphabets import write_tokenizer

        made = folder / f"{family}-{seed}-{context}"
        if made.exists():
            return made
        made.mkdir()
        vocabulary = write_tokenizer("byte", made)
        torch.manual_seed(seed)
        if family == "gpt2":
            config = GPT2Config(
                vocab_size=vocabulary, n_embd=32, n_layer=1, n_head=2, n_positions=context, initializer_range=0.3,
                eos_token_id=1, bos_token_id=None,
            )  # fmt: skip
            GPT2LMHeadModel(config).save_pretrained(made)
            return made
        config = Qwen2Config(
            vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=context, tie_word_embeddings=True, initializer_range=0.3,
            eos_token_id=1, pad_token_id=0, bos_token_id=None,
        )  # fmt: skip
        Qwen2ForCausalLM(config).save_pretrained(made)
        return made

    return make


@pytest.fixture(scope="session")
def encoder(tiny: Callable[..., Path]) -> Encoder:
    return load_encoder(tiny())


class Scripted:
    """A causal model whose next token the test chooses: `following(last token id)` gives probabilities by id."""

    device = "cpu"

    def __init__(self, vocabulary: int, following: Callable[[list[int]], dict[int, float]]) -> None:
        self._vocabulary, self._following = vocabulary, following
        self.read: list[list[list[int]]] = []

    def forward(self, input_ids: Any, attention_mask: Any = None, logits_to_keep: int = 0, **_: Any) -> Any:
        import torch

        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        rows = [row[kept.bool()].tolist() for row, kept in zip(input_ids, mask, strict=True)]
        self.read.append(rows)
        logits = torch.full((len(rows), 1, self._vocabulary), -1e9)
        for place, row in enumerate(rows):
            for token_id, probability in self._following(row).items():
                logits[place, 0, token_id] = torch.log(torch.tensor(probability))
        return SimpleNamespace(logits=logits)

    __call__ = forward


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted
