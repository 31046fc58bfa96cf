"""Rows packed into one long row without padding: linear layers see every token once, attention keeps rows apart.

Rows of a micro-batch that begin with the same prompt share its positions: keys and values of the prompt are computed
once, every completion attends to them, and the gradients of all flow back through them. What each token sees is what
it would see in a row of its own.
"""

# B rows, S packed positions, T completion tokens, N trained tokens; in attention: H heads, N key-value heads,
# G heads per key-value head, D head width, L queries of a block, K keys that they see

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor

from .batching import Padded, completion_masks, rounded_pack
from .engines.family import unsupported
from .products import plain_products

if TYPE_CHECKING:
    from .batching import TrainingRow

PACKED = "whet_packed"
"""The name of this attention in transformers."""

_QUERIES_AT_ONCE = 64
"""Queries of a block: on a CPU [heads, queries, keys] scores exist for one block at a time. Fewer leave out more of the
keys behind them: 64 took three quarters of the time of 256."""


class Segment(NamedTuple):
    """Positions that attend causally among themselves, and to all of a prefix before them."""

    start: int
    end: int
    prefix_start: int = 0
    prefix_end: int = 0


@dataclass
class Packed(Padded):
    """Rows one behind the other in a single row; `rows_N` is 0 and `places_N` counts along it."""

    positions_BS: Tensor
    """Of each token in its own row"""

    segments: tuple[Segment, ...]

    @property
    def inputs(self) -> dict[str, Any]:
        """What the model is given. A mask of four dimensions is passed through: none is made, and none is read."""
        nothing = self.tokens_BS.new_empty((1, 1, 1, 1))
        return {
            "input_ids": self.tokens_BS, "position_ids": self.positions_BS, "segments": self.segments,
            "attention_mask": nothing,
        }  # fmt: skip


def packs(model: Any) -> bool:
    """Whether rows of this model can be packed: its attention is causal, over all positions, and without dropout."""
    config = model.config
    if getattr(config, "attention_dropout", 0) or unsupported(config.to_dict()):
        return False
    return model.device.type == "cpu" or torch.cuda.is_available()


def pack(rows: Sequence[TrainingRow], device: Any = "cpu") -> Packed:
    """Rows as one; a prompt that several rows begin with stands there once."""
    import numpy as np

    mask_BT = completion_masks(rows)
    sharing: dict[bytes, list[int]] = {}
    for index, row in enumerate(rows):
        sharing.setdefault(np.asarray(row.prompt_token_ids, np.int64).tobytes(), []).append(index)
    tokens: list[Any] = []
    positions: list[Any] = []
    segments: list[Segment] = []
    places: list[Any] = [None] * len(rows)
    end = 0
    for members in sharing.values():
        prompt = rows[members[0]].prompt_token_ids
        asked = len(prompt)
        shared = len(members) > 1 and asked > 0
        prefix = (end, end + asked)
        if shared:
            tokens.append(prompt)
            positions.append(np.arange(asked))
            segments.append(Segment(end, end + asked))
            end += asked
        for index in members:
            completion = rows[index].token_ids
            first = end if shared else end + asked
            if shared:
                segments.append(Segment(end, end + len(completion), *prefix))
            else:
                tokens.append(prompt)
                segments.append(Segment(end, end + asked + len(completion)))
            tokens.append(completion)
            positions.append(np.arange(asked if shared else 0, asked + len(completion)))
            # Token t is predicted at the place before it; the first one at the end of the prompt.
            place = np.arange(first - 1, first - 1 + len(completion))
            if shared and len(completion):
                place[0] = prefix[1] - 1
            places[index] = place[mask_BT[index, : len(completion)]]
            end = first + len(completion)
    tokens_S = np.zeros(rounded_pack(end), np.int64)
    positions_S = np.zeros(len(tokens_S), np.int64)
    tokens_S[:end], positions_S[:end] = np.concatenate(tokens), np.concatenate(positions)
    places_N = np.concatenate(places)
    targets_N = np.concatenate(
        [row.token_ids[mask_T[: len(row.token_ids)]] for row, mask_T in zip(rows, mask_BT, strict=True)]
    )
    return Packed(
        tokens_BS=torch.from_numpy(tokens_S[None]).to(device),
        mask_BT=torch.from_numpy(mask_BT).to(device),
        rows_N=torch.zeros(len(places_N), dtype=torch.int64, device=device),
        places_N=torch.from_numpy(places_N).to(device),
        targets_N=torch.from_numpy(targets_N.astype(np.int64)).to(device),
        positions_BS=torch.from_numpy(positions_S[None]).to(device),
        segments=tuple(segment for segment in segments if segment.end > segment.start),
    )


@cache
def register() -> None:
    """Make this attention known to transformers; without segments it is the usual one, with the usual masks."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(PACKED, _attention)
    AttentionMaskInterface.register(PACKED, sdpa_mask)


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Any,
    *,
    segments: tuple[Segment, ...] | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attention of a packed row: [1, H, S, D] queries, [1, N, S, D] keys and values -> [1, S, H, D]."""
    if segments is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query, key, value, mask, **more)
    scale = more.get("scaling") or query.shape[-1] ** -0.5
    if query.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            mixed = _Blocks.apply(query[0].float(), key[0].float(), value[0].float(), segments, scale)
    else:
        mixed = attend_fused(query[0], key[0].to(value.dtype), value[0], segments, scale)
    return mixed.to(value.dtype)[None], None  # type: ignore[union-attr]


def attend_fused(
    query_HSD: Tensor, key_NSD: Tensor, value_NSD: Tensor, segments: Sequence[Segment], scale: float
) -> Tensor:
    """With the fused kernels of a GPU, segment by segment; [S, H, D]."""
    from torch.nn.attention.bias import causal_lower_right

    groups = query_HSD.shape[0] // key_NSD.shape[0]
    query_HSD = query_HSD.to(value_NSD.dtype)
    parts = []
    for segment in segments:
        query = query_HSD[None, :, segment.start : segment.end]
        seen = (_seen(each, segment, segment.end) for each in (key_NSD, value_NSD))
        key, value = (each.repeat_interleave(groups, 0)[None] for each in seen)
        if key.shape[2] == query.shape[2]:
            part = functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale)
        else:
            below: Any = causal_lower_right(query.shape[2], key.shape[2])
            part = functional.scaled_dot_product_attention(query, key, value, attn_mask=below, scale=scale)
        parts.append(part[0].transpose(0, 1))
    # Segments follow one another; what comes after the last is padding.
    heads, positions, width = query_HSD.shape
    parts.append(value_NSD.new_zeros((positions - segments[-1].end, heads, width)))
    return torch.cat(parts)


def _seen(each_NSD: Tensor, segment: Segment, end: int) -> Tensor:
    """Keys or values that the queries of a segment before `end` see; [N, K, D]."""
    own = each_NSD[:, segment.start : end]
    if segment.prefix_end == segment.prefix_start:
        return own
    return torch.cat((each_NSD[:, segment.prefix_start : segment.prefix_end], own), 1)


def _blocks(segments: Sequence[Segment]) -> Iterator[tuple[Segment, int, int]]:
    """Segment, first and end position of queries that are computed together."""
    for segment in segments:
        for first in range(segment.start, segment.end, _QUERIES_AT_ONCE):
            yield segment, first, min(segment.end, first + _QUERIES_AT_ONCE)


class _Blocks(torch.autograd.Function):
    """As plain products by blocks of queries; the backward pass computes the probabilities again."""

    @staticmethod
    @plain_products()
    def forward(
        ctx: Any, query_HSD: Tensor, key_NSD: Tensor, value_NSD: Tensor, segments: Sequence[Segment], scale: float
    ) -> Tensor:
        heads, positions, width = query_HSD.shape
        mixed_SHD = query_HSD.new_zeros(positions, heads, width)
        for segment, first, end in _blocks(segments):
            query, key, value = _block(query_HSD, key_NSD, value_NSD, segment, first, end)
            mixed = _probabilities(query, key, scale, end - first) @ value
            mixed_SHD[first:end] = mixed.view(heads, end - first, width).transpose(0, 1)
        ctx.save_for_backward(query_HSD, key_NSD, value_NSD, mixed_SHD)
        ctx.segments, ctx.scale = segments, scale
        return mixed_SHD

    @staticmethod
    @plain_products()
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query_HSD, key_NSD, value_NSD, mixed_SHD = ctx.saved_tensors
        gradient_SHD, scale = gradients[0], ctx.scale
        heads, _, width = query_HSD.shape
        kv_heads = key_NSD.shape[0]
        slopes = tuple(torch.zeros_like(each) for each in (query_HSD, key_NSD, value_NSD))
        dots_HS = torch.linalg.vecdot(gradient_SHD, mixed_SHD).T
        for segment, first, end in _blocks(ctx.segments):
            count = end - first
            query, key, value = _block(query_HSD, key_NSD, value_NSD, segment, first, end)
            gradient = gradient_SHD[first:end].transpose(0, 1).reshape(kv_heads, -1, width)
            probabilities = _probabilities(query, key, scale, count)
            key_slope, value_slope = slopes[1], slopes[2]
            _add_seen(value_slope, probabilities.transpose(1, 2) @ gradient, segment, end)
            slope = gradient @ value.transpose(1, 2)
            slope.sub_(dots_HS[:, first:end].reshape(kv_heads, -1, 1)).mul_(probabilities).mul_(scale)
            slopes[0][:, first:end] = (slope @ key).view(heads, count, width)
            _add_seen(key_slope, slope.transpose(1, 2) @ query, segment, end)
        return (*slopes, None, None)


def _block(
    query_HSD: Tensor, key_NSD: Tensor, value_NSD: Tensor, segment: Segment, first: int, end: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries of a block as [N, G L, D], and the keys and values that they see as [N, K, D]."""
    query = query_HSD[:, first:end].reshape(len(key_NSD), -1, query_HSD.shape[2])
    return query, _seen(key_NSD, segment, end), _seen(value_NSD, segment, end)


def _probabilities(query: Tensor, key: Tensor, scale: float, count: int) -> Tensor:
    """softmax(q . k * scale) over the keys up to each query, whose own are the last `count`; [N, G L, K]."""
    scores = torch.bmm(query * scale, key.transpose(1, 2))
    own = scores.view(len(key), -1, count, key.shape[1])[..., -count:]
    own += _above(count)
    return scores.softmax(-1)


@cache
def _above(count: int) -> Tensor:
    """-inf above the diagonal; [L, L]."""
    return torch.full((count, count), float("-inf")).triu(1)


def _add_seen(slope_NSD: Tensor, part: Tensor, segment: Segment, end: int) -> None:
    """Add the gradient of what a block saw to where it stands."""
    prefix = segment.prefix_end - segment.prefix_start
    slope_NSD[:, segment.start : end] += part[:, prefix:]
    if prefix:
        slope_NSD[:, segment.prefix_start : segment.prefix_end] += part[:, :prefix]
