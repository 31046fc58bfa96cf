"""Log-probabilities and entropies of given tokens, in chunks of the vocabulary projection.

No [tokens, vocabulary] tensor exists beyond a fixed size: the logits of one chunk at a time, and the probabilities of
all tokens where they are few enough; else the backward pass computes them again. Logits, softmax, log-probabilities and
entropies are float32 always, so that ratios of probabilities are no matter of rounding. In half precision the slopes
alone are rounded: the probabilities kept or computed again for them, and the products that lead back.
"""

# N tokens, W width of the hidden state, V vocabulary, C tokens of a chunk; B rows, S positions, T completion tokens

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .batching import Padded
from .head_scale import head_scale
from .packing import PACKED, Packed, register
from .products import fast_products

_ELEMENTS_AT_ONCE = {"cpu": 1 << 22, "cuda": 1 << 28}
"""Logits that exist at one time: on a CPU what stays in its cache, on a GPU what fills it (1 GiB of float32)."""

_ELEMENTS_KEPT = {"cpu": 1 << 25, "cuda": 0}
"""Probabilities that are kept for the backward pass; above that it computes them again."""

_ROWS_MULTIPLE = 16
"""Chunks hold a multiple of so many tokens, so that few shapes occur: a CPU compiles its kernels for each."""

_PLAIN_ATTENTION = 512
"""Up to this many positions a CPU computes attention of padded rows as plain products."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""Precisions of a computation."""


class Measures(NamedTuple):
    """What one pass tells of the tokens of completions; float32, in nats, 0 where a token is not trained."""

    logprobs_BT: Tensor
    entropies_BT: Tensor
    """Of the distribution that the token is drawn from; its gradient is there for a bonus"""


def token_logprobs(
    hidden_NW: Tensor, weight_VW: Tensor, targets_N: Tensor, temperature: float = 1.0, bias_V: Tensor | None = None
) -> Tensor:
    """ln softmax((hidden W^T + b) / temperature) at each target; float32 [N], in nats."""
    return token_measures(hidden_NW, weight_VW, targets_N, temperature, bias_V)[0]


def token_measures(
    hidden_NW: Tensor,
    weight_VW: Tensor,
    targets_N: Tensor,
    temperature: float = 1.0,
    bias_V: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the targets and entropies of p = softmax((hidden W^T + b) / temperature); float32 [N], nats.

    Args:
        dtype: of the products with W.
    """
    hidden_NW = hidden_NW.float() if temperature == 1 else hidden_NW.float() / temperature
    bias_V = bias_V if bias_V is None or temperature == 1 else bias_V / temperature
    with torch.autocast(hidden_NW.device.type, enabled=False):
        logprobs_N, entropies_N = _Measures.apply(hidden_NW, weight_VW, bias_V, targets_N, dtype)  # type: ignore[misc]
    return logprobs_N, entropies_N


class _Measures(torch.autograd.Function):
    """Both by chunks, with d ln p_y / d logits = onehot_y - p and d H / d logits = -p (ln p + H)."""

    @staticmethod
    def forward(
        ctx: Any, hidden_NW: Tensor, weight_VW: Tensor, bias_V: Tensor | None, targets_N: Tensor, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        device, vocabulary = hidden_NW.device.type, len(weight_VW)
        rows = max(_ROWS_MULTIPLE, _ELEMENTS_AT_ONCE[device] // vocabulary // _ROWS_MULTIPLE * _ROWS_MULTIPLE)
        wanted = any(ctx.needs_input_grad)
        kept = None
        if wanted and len(hidden_NW) * vocabulary <= _ELEMENTS_KEPT[device]:
            kept = hidden_NW.new_empty((len(hidden_NW), vocabulary), dtype=dtype)
        # A CPU has no product of half precision that adds up to float32.
        single_VW = weight_VW.float() if device == "cpu" else weight_VW.to(dtype)
        logprobs_N, entropies_N = hidden_NW.new_empty(len(hidden_NW)), hidden_NW.new_empty(len(hidden_NW))
        with fast_products(device):
            for start in range(0, len(hidden_NW), rows):
                chunk = slice(start, start + rows)
                targets_C = targets_N[chunk]
                logits_CV = _logits(hidden_NW[chunk], single_VW, bias_V, single=True)
                highest_C = logits_CV.amax(-1)
                own_C = logits_CV.gather(1, targets_C[:, None])[:, 0]
                probabilities_CV = logits_CV.softmax(-1)
                # The highest probability is at least 1/V: its logarithm is exact where that of others underflows.
                normaliser_C = highest_C - probabilities_CV.amax(-1).log()
                logprobs_N[chunk] = own_C - normaliser_C
                entropies_N[chunk] = normaliser_C - torch.linalg.vecdot(probabilities_CV, logits_CV)
                if kept is not None:
                    kept[chunk] = probabilities_CV
        ctx.save_for_backward(hidden_NW, weight_VW, bias_V, targets_N, logprobs_N, entropies_N, kept)
        ctx.dtype, ctx.rows = dtype, rows
        ctx.set_materialize_grads(False)
        return logprobs_N, entropies_N

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        hidden_NW, weight_VW, bias_V, targets_N, logprobs_N, entropies_N, kept = ctx.saved_tensors
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        slope_N, bonus_N = gradients
        if slope_N is None:
            slope_N = torch.zeros_like(logprobs_N)
        dtype, cast_VW = ctx.dtype, weight_VW.to(ctx.dtype)
        # The target's own place is computed apart, in float32: 1 - p cancels where p is near 1.
        own_N = slope_N * -logprobs_N.expm1()
        if bonus_N is not None:
            own_N = own_N - bonus_N * logprobs_N.exp() * (logprobs_N + entropies_N)
        hidden_gradient_NW = own_N[:, None] * weight_VW[targets_N].float() if wants_hidden else None
        weight_gradient_VW = torch.zeros_like(weight_VW, dtype=torch.float32) if wants_weight else None
        bias_gradient_V = torch.zeros_like(bias_V, dtype=torch.float32) if wants_bias else None
        rows = len(hidden_NW) if kept is not None and bonus_N is None else ctx.rows
        with fast_products(hidden_NW.device):
            for start in range(0, len(hidden_NW), max(1, rows)):
                chunk = slice(start, start + rows)
                if kept is None:
                    logits_CV = _logits(hidden_NW[chunk], cast_VW, bias_V, single=False)
                    others_CV = logits_CV.softmax(-1)
                else:
                    others_CV = kept[chunk]
                others_CV.scatter_(1, targets_N[chunk, None], 0)
                weights_C = -slope_N[chunk]
                if bonus_N is not None:
                    surprise_CV = others_CV.float().clamp_min(1e-38).log_().add_(entropies_N[chunk, None])
                    surprise_CV.mul_(-bonus_N[chunk, None]).add_(weights_C[:, None])
                    others_CV, weights_C = surprise_CV.mul_(others_CV).to(dtype), None
                if hidden_gradient_NW is not None:
                    mixed_CW = (others_CV @ cast_VW).float()
                    hidden_gradient_NW[chunk] += mixed_CW if weights_C is None else mixed_CW * weights_C[:, None]
                weighed_CW = hidden_NW[chunk] if weights_C is None else hidden_NW[chunk] * weights_C[:, None]
                if weight_gradient_VW is not None:
                    weight_gradient_VW += others_CV.T @ weighed_CW.to(dtype)
                if bias_gradient_V is not None:
                    bias_gradient_V += (
                        (others_CV if weights_C is None else others_CV * weights_C[:, None]).float().sum(0)
                    )
        if weight_gradient_VW is not None:
            weight_gradient_VW.index_add_(0, targets_N, own_N[:, None] * hidden_NW)
        if bias_gradient_V is not None:
            bias_gradient_V.index_add_(0, targets_N, own_N)
        return hidden_gradient_NW, weight_gradient_VW, bias_gradient_V, None, None


def _logits(hidden_CW: Tensor, weight_VW: Tensor, bias_V: Tensor | None, *, single: bool) -> Tensor:
    """Logits of a chunk; float32 where they are summed or read in that (`single`), else in the dtype of the weight."""
    cast_CW = hidden_CW.to(weight_VW.dtype)
    extra = -len(cast_CW) % _ROWS_MULTIPLE
    if extra:
        cast_CW = torch.nn.functional.pad(cast_CW, (0, 0, 0, extra))
    if single and cast_CW.dtype != torch.float32:
        logits_CV = torch.mm(cast_CW, weight_VW.T, out_dtype=torch.float32)
    else:
        logits_CV = cast_CW @ weight_VW.T
    logits_CV = logits_CV[: len(hidden_CW)]
    return logits_CV if bias_V is None else logits_CV.add_(bias_V)


def completion_measures(model: Any, padded: Padded, temperature: float = 1.0, precision: str = "float32") -> Measures:
    """ln p of the trained tokens of each completion under a causal model, and its entropy there; one pass.

    Args:
        model: a transformers causal language model with float32 weights.
        padded: rows side by side, or packed where `packing.packs(model)`.
        temperature: the logits are divided by it.
        precision: of the products; half precision computes under autocast.

    Raises:
        WrongArtifact: the model caps its logits, or scales them in a way that is not known.
    """
    temperature, dtype = temperature / scale_of(model), DTYPES[precision]
    hidden_NW = completion_states(model, padded, precision)
    head = model.get_output_embeddings()
    bias_V = getattr(head, "bias", None)
    logprobs_N, entropies_N = token_measures(hidden_NW, head.weight, padded.targets_N, temperature, bias_V, dtype)
    return Measures(padded.spread(logprobs_N), padded.spread(entropies_N))


def scale_of(model: Any) -> float:
    """What a model multiplies the logits of its head by; see `head_scale`."""
    return head_scale(model.config, model.config.name_or_path)


def completion_states(model: Any, padded: Padded, precision: str = "float32") -> Tensor:
    """The hidden state before each trained token, of a model with any head; [N, W], in the precision asked for."""
    device, dtype = padded.tokens_BS.device.type, DTYPES[precision]
    _choose_attention(model, device, padded)
    with torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32), fast_products(device):
        hidden_BSW = model.base_model(**padded.inputs, use_cache=False).last_hidden_state
    return hidden_BSW[padded.rows_N, padded.places_N]


def completion_logprobs(model: Any, padded: Padded, temperature: float = 1.0, precision: str = "float32") -> Tensor:
    """ln p of the trained tokens of each completion, as `completion_measures`; float32 [B, T], 0 elsewhere, in nats."""
    return completion_measures(model, padded, temperature, precision).logprobs_BT


def _choose_attention(model: Any, device: str, padded: Padded) -> None:
    """On a CPU the fused kernel's backward pass is slow, in bfloat16 several times; plain products take more memory."""
    wanted = model.config._attn_implementation
    if isinstance(padded, Packed):
        register()
        wanted = PACKED
    elif device == "cpu":
        wanted = "eager" if padded.tokens_BS.shape[1] <= _PLAIN_ATTENTION else "sdpa"
    elif wanted == PACKED:
        wanted = "sdpa"
    if model.config._attn_implementation != wanted:
        model.set_attn_implementation(wanted)
