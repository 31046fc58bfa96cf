"""Log-probabilities of given tokens, in chunks of the vocabulary projection: no [tokens, vocabulary] tensor is kept.

The projection, its softmax and the log-probabilities are float32 whatever the precision of the network before it.
"""

# N tokens, W width of the hidden state, V vocabulary, C tokens of a chunk; B rows, S positions, T completion tokens

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .batching import Padded

_ELEMENTS_AT_ONCE = 1 << 24
"""Logits that exist at one time: 64 MiB of float32."""

_PLAIN_ATTENTION = 512
"""Up to this many positions a CPU computes attention as plain products."""


def token_logprobs(
    hidden_NW: Tensor, weight_VW: Tensor, targets_N: Tensor, temperature: float = 1.0, bias_V: Tensor | None = None
) -> Tensor:
    """ln softmax((hidden W^T + b) / temperature) at each target; float32 [N], in nats.

    What fits into one chunk is left to autograd; beyond that the backward pass computes the logits again.
    """
    hidden_NW, weight_VW = hidden_NW.float(), weight_VW.float()
    bias_V = None if bias_V is None else bias_V.float()
    rows = max(1, _ELEMENTS_AT_ONCE // len(weight_VW))
    if len(hidden_NW) > rows:
        return _ChunkedLogprobs.apply(hidden_NW, weight_VW, bias_V, targets_N, temperature, rows)  # type: ignore
    logits_NV = _logits(hidden_NW, weight_VW, bias_V, temperature)
    return logits_NV.log_softmax(-1).gather(1, targets_N[:, None])[:, 0]


def _logits(hidden_CW: Tensor, weight_VW: Tensor, bias_V: Tensor | None, temperature: float) -> Tensor:
    logits_CV = torch.nn.functional.linear(hidden_CW, weight_VW, bias_V)
    return logits_CV if temperature == 1 else logits_CV / temperature


class _ChunkedLogprobs(torch.autograd.Function):
    """The same by chunks of `rows` tokens, with the gradient d ln p / d logits = onehot - softmax."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_NW: Tensor,
        weight_VW: Tensor,
        bias_V: Tensor | None,
        targets_N: Tensor,
        temperature: float,
        rows: int,
    ) -> Tensor:
        logprobs, normalisers = [], []
        for hidden_CW, targets_C in zip(hidden_NW.split(rows), targets_N.split(rows), strict=True):
            logits_CV = _logits(hidden_CW, weight_VW, bias_V, temperature)
            normaliser_C = logits_CV.logsumexp(-1)
            normalisers.append(normaliser_C)
            logprobs.append(logits_CV.gather(1, targets_C[:, None])[:, 0] - normaliser_C)
        ctx.save_for_backward(hidden_NW, weight_VW, bias_V, targets_N, torch.cat(normalisers))
        ctx.temperature, ctx.rows = temperature, rows
        return torch.cat(logprobs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden_NW, weight_VW, bias_V, targets_N, normalisers_N = ctx.saved_tensors
        hidden_gradients, weight_gradient_VW = [], torch.zeros_like(weight_VW)
        bias_gradient_V = None if bias_V is None else torch.zeros_like(bias_V)
        chunks = (tensor.split(ctx.rows) for tensor in (hidden_NW, targets_N, normalisers_N, gradients[0]))
        for hidden_CW, targets_C, normaliser_C, gradient_C in zip(*chunks, strict=True):
            slope_CV = _logits(hidden_CW, weight_VW, bias_V, ctx.temperature).sub_(normaliser_C[:, None]).exp_()
            slope_CV.mul_(-gradient_C[:, None] / ctx.temperature)
            slope_CV.scatter_add_(1, targets_C[:, None], gradient_C[:, None] / ctx.temperature)
            hidden_gradients.append(slope_CV @ weight_VW)
            weight_gradient_VW.addmm_(slope_CV.T, hidden_CW)
            if bias_gradient_V is not None:
                bias_gradient_V += slope_CV.sum(0)
        return torch.cat(hidden_gradients), weight_gradient_VW, bias_gradient_V, None, None, None


def completion_logprobs(model: Any, padded: Padded, temperature: float = 1.0, precision: str = "float32") -> Tensor:
    """ln p of the trained tokens of each completion under a causal model; float32 [B, T], 0 elsewhere, in nats.

    Args:
        model: a transformers causal language model with float32 weights.
        temperature: the logits are divided by it.
        precision: of the network below the projection; bfloat16 computes under autocast.
    """
    device = padded.tokens_BS.device.type
    _choose_attention(model, device, padded.tokens_BS.shape[1])
    with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        hidden_BSW = model.get_decoder()(input_ids=padded.tokens_BS, use_cache=False).last_hidden_state
    head = model.get_output_embeddings()
    hidden_NW = hidden_BSW[padded.rows_N, padded.places_N]
    logprobs_N = token_logprobs(hidden_NW, head.weight, padded.targets_N, temperature, getattr(head, "bias", None))
    return padded.spread(logprobs_N)


def _choose_attention(model: Any, device: str, positions: int) -> None:
    """On a CPU the fused kernel's backward pass is slow, in bfloat16 several times; plain products take more memory."""
    if device == "cpu":
        wanted = "eager" if positions <= _PLAIN_ATTENTION else "sdpa"
        if model.config._attn_implementation != wanted:
            model.set_attn_implementation(wanted)
