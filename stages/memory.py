"""What a training takes in memory, estimated from config.json and the shapes of the stored tensors alone.

training_memory(config, parameters=500_000_000, tokens=2048, longest=512).total
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import Any

from .lora import ALL, Lora
from .models import HEAD, cache_bytes_per_token

_SINGLE, _HALF = 4, 2
"""Bytes of a number in float32, and in bfloat16 or float16."""

KEPT, AT_ONCE = {"cpu": 1 << 25, "cuda": 0}, {"cpu": 1 << 22, "cuda": 1 << 28}
"""Probabilities over the vocabulary that are kept at most, else computed again, and logits that exist at one time: as
`token_logprobs` has them."""

_OUTPUTS = ("lm_head.weight", "output.weight")
"""The vocabulary projection, which a model with a head of one label does not have."""


@dataclass(frozen=True)
class Memory:
    """Bytes, by what they are for."""

    weights: int
    """Those in float32, and their copies in the precision of the computation"""

    gradients: int
    moments: int
    frozen: int
    """Reference, old policy and teacher"""

    activations: int
    """What the backward pass of one micro-batch needs"""

    projection: int
    """Probabilities over the vocabulary of one micro-batch, or of a chunk of it, and the gradient of its matrix"""

    def __add__(self, other: Memory) -> Memory:
        return Memory(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    @property
    def total(self) -> int:
        return sum(getattr(self, item.name) for item in fields(self))

    def line(self) -> str:
        """`memory: about 1,234 MB (weights 400, gradients 400, ...)`."""
        parts = ", ".join(f"{item.name} {getattr(self, item.name) / 1e6:,.0f}" for item in fields(self))
        return f"memory: about {self.total / 1e6:,.0f} MB ({parts})"


def training_memory(
    config: Mapping[str, Any],
    parameters: int,
    *,
    tokens: int,
    longest: int,
    trained: int | None = None,
    frozen: int = 0,
    head: bool = False,
    precision: str = "float32",
    checkpointing: bool = False,
    device: str = "cpu",
) -> Memory:
    """Estimate a training.

    Weights, gradients and two moments are float32; in half precision every weight has a copy in that besides. Of each
    token a layer keeps for its backward pass about 8 numbers a hidden dimension (residuals, what norms make of them,
    queries, what attention mixes), keys and values, and 4 a dimension of its feed-forward part. In half precision those
    of the feed-forward part, keys and values take half as many bytes, the others stay: norms are float32. With gradient
    checkpointing every layer keeps its input alone, and one layer at a time the rest, when the projection is done with.

    Args:
        parameters: of the model, its adapters included.
        tokens: of a micro-batch; a longer row is one of its own.
        longest: tokens of the longest row.
        trained: parameters that get gradients and moments; all where None.
        frozen: parameters of models beside the trained one.
        head: of one label in place of the vocabulary projection.
        device: cpu or cuda.

    *Deviations:* what tensors take is counted; the allocator of a CPU keeps up to as much again for activations. Left
    out are attention that keeps its weights (short padded rows on a CPU), engines that draw rollouts, what --shard
    spreads over processes, and an adapter's own activations, as frozen weights need less.
    """
    whole, trained = trained is None, parameters if trained is None else trained
    layers = config.get("num_hidden_layers") or config.get("n_layer") or 1
    width = config.get("hidden_size") or config.get("n_embd") or 0
    inner = config.get("intermediate_size") or config.get("n_inner") or 4 * width
    half = precision != "float32"
    size = _HALF if half else _SINGLE
    tokens = max(tokens, longest)
    per_token = 8 * width * _SINGLE + cache_bytes_per_token(dict(config), size) // layers + 4 * inner * size
    activations = layers * per_token * tokens
    projection = 0 if head else _projection(tokens, config.get("vocab_size") or 0, width * whole, device) * _SINGLE
    if checkpointing:
        activations = (layers * width * _SINGLE + per_token) * tokens
        projection = max(0, projection - per_token * tokens)
    return Memory(
        weights=parameters * (_SINGLE + _HALF if half else _SINGLE),
        gradients=trained * _SINGLE,
        moments=2 * trained * _SINGLE,
        frozen=frozen * _SINGLE,
        activations=activations,
        projection=projection,
    )


def _projection(tokens: int, vocabulary: int, trained: int, device: str) -> int:
    """Numbers of a pass through the vocabulary projection: all probabilities or none, logits and probabilities of a
    chunk, and a gradient of its matrix before it is added to the others; `trained`: the width of the matrix, or 0."""
    all_of_it = tokens * vocabulary
    kept = all_of_it if all_of_it <= KEPT[device] else 0
    return kept + 2 * min(all_of_it, AT_ONCE[device]) + vocabulary * trained


def split_parameters(shapes: Mapping[str, tuple[int, ...]], width: int) -> tuple[int, int, int]:
    """Parameters of all stored tensors, of the network without an output, and of a head of one label on it.

    Args:
        width: of the hidden state; the head's size, where none is stored.
    """
    whole = sum(prod(shape) for shape in shapes.values())
    outputs = sum(prod(shape) for name, shape in shapes.items() if name in _OUTPUTS)
    head = sum(prod(shape) for name, shape in shapes.items() if name.startswith(f"{HEAD}."))
    return whole, whole - outputs - head, head or width


def adapter_parameters(shapes: Mapping[str, tuple[int, ...]], lora: Lora) -> int:
    """Parameters of the adapters beside stored tensors: rank (rows + columns) of each matrix that gets one.

    Matrices of the numbered layers: embeddings, output and head get none.
    """
    found = 0
    for name, shape in shapes.items():
        layer = name.removesuffix(".weight")
        if len(shape) != 2 or layer == name or not re.search(r"\.\d+\.", layer):
            continue
        if lora.targets == ALL or any(f".{layer}".endswith(f".{target}") for target in lora.names):
            found += lora.rank * sum(shape)
    return found
