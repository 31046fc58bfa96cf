"""From logits to drawn tokens and both of their log-probabilities."""

# B rows, V vocabulary, K candidates

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..sampling import Sampling

_ELEMENTS_AT_ONCE = 1 << 24
_NUCLEUS_CANDIDATES = (512, 8192)


def draw(logits_BV: Tensor, uniforms_B: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor, Tensor]:
    """Draw one token a row: (token ids int64, raw log-probabilities, sampling log-probabilities), each [B].

    `uniforms_B` is float64 in [0, 1). Order of the cuts: temperature, top-k, then top-p of what top-k left.
    Temperature 0 takes the most likely token (the lowest id of equals) with sampling log-probability 0.
    """
    rows_at_once = max(1, _ELEMENTS_AT_ONCE // logits_BV.shape[-1])
    if len(logits_BV) <= rows_at_once:
        return _draw(logits_BV.float(), uniforms_B, sampling)
    pieces = [
        _draw(logits.float(), uniforms, sampling)
        for logits, uniforms in zip(logits_BV.split(rows_at_once), uniforms_B.split(rows_at_once), strict=True)
    ]
    tokens, logprobs, sampling_logprobs = (torch.cat(column) for column in zip(*pieces, strict=True))
    return tokens, logprobs, sampling_logprobs


def _draw(logits_BV: Tensor, uniforms_B: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor, Tensor]:
    raw_BV = torch.log_softmax(logits_BV, dim=-1)
    if sampling.temperature == 0:
        tokens_B = raw_BV.argmax(dim=-1)
        return tokens_B, raw_BV.gather(1, tokens_B[:, None])[:, 0], torch.zeros_like(raw_BV[:, 0])
    tempered_BV = raw_BV if sampling.temperature == 1 else torch.log_softmax(logits_BV / sampling.temperature, dim=-1)
    if sampling.top_k > 0 or sampling.top_p < 1:
        tempered_BV = truncate(tempered_BV, sampling.top_k, sampling.top_p)
    tokens_B = invert(tempered_BV.exp(), uniforms_B)
    raw_B = raw_BV.gather(1, tokens_B[:, None])[:, 0]
    return tokens_B, raw_B, raw_B if tempered_BV is raw_BV else tempered_BV.gather(1, tokens_B[:, None])[:, 0]


def invert(probabilities_BV: Tensor, uniforms_B: Tensor) -> Tensor:
    """The first token, in the order of ids, at which the cumulative probability exceeds u times the total.

    Float64 sums: float32 ones over 150,000 tokens are off by up to 1e-5, more than many a token's probability.
    A token of probability 0 is never drawn, as the sum does not grow there. Where probabilities are NaN some token
    comes back, whose log-probability is NaN: that is for the caller to find.
    """
    cumulative_BV = probabilities_BV.cumsum(dim=-1, dtype=torch.float64)
    thresholds_B1 = (uniforms_B * cumulative_BV[:, -1])[:, None]
    return torch.searchsorted(cumulative_BV, thresholds_B1, right=True)[:, 0].clamp(max=cumulative_BV.shape[-1] - 1)


def truncate(logprobs_BV: Tensor, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    """Log-probabilities renormalised over the tokens that top-k and top-p keep, -inf elsewhere. [B, V] float32.

    top-k: the k most likely. top-p: the fewest of those whose share of what top-k left is at least p (Holtzman et al.
    2020); the token that reaches p is kept.
    """
    vocabulary = logprobs_BV.shape[-1]
    k = min(top_k or vocabulary, vocabulary)
    # A nucleus is seldom large, and sorting the whole vocabulary costs more than the network: look at few candidates
    # first, and at more of them only when some row's nucleus reaches beyond.
    widths = [width for width in _NUCLEUS_CANDIDATES if width < k] if top_p < 1 and k == vocabulary else []
    found = (_kept(logprobs_BV, width, top_p, of_all=k == vocabulary) for width in (*widths, k))
    order_BK, keep_BK = next(each for each in found if each is not None)
    mask_BV = torch.zeros_like(logprobs_BV, dtype=torch.bool).scatter_(1, order_BK, keep_BK)
    return torch.log_softmax(logprobs_BV.masked_fill(~mask_BV, float("-inf")), dim=-1)


def _kept(logprobs_BV: Tensor, width: int, top_p: float, *, of_all: bool) -> tuple[Tensor, Tensor] | None:
    """Ids of the `width` most likely tokens and which of them stay; None when some nucleus needs more than those.

    `of_all`: top-p is a share of the whole distribution, else of the `width` candidates.
    """
    vocabulary = logprobs_BV.shape[-1]
    if width == vocabulary:
        sorted_BK, order_BK = logprobs_BV.sort(dim=-1, descending=True, stable=True)
    else:
        sorted_BK, order_BK = logprobs_BV.topk(width, dim=-1)
    probabilities_BK = sorted_BK.exp().double()
    reached_BK = probabilities_BK.cumsum(dim=-1)
    total_B1 = 1.0 if of_all else reached_BK[:, -1:]
    if width < vocabulary and of_all and bool((reached_BK[:, -1] < top_p).any()):
        return None
    return order_BK, reached_BK - probabilities_BK < top_p * total_B1
