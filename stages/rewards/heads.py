"""The numbers that a model with a head of one label gives to the states of given tokens.

Only the states asked for go through the head, in float32. Rows are padded on the right, where a causal mask keeps
padding from changing anything; nothing is told by a padding token.
"""

# B rows, S positions, T completion tokens, N states asked for, W width of the hidden state

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..models import HEAD
from ..token_logprobs import completion_states

if TYPE_CHECKING:
    from ..batching import Padded


def state_logits(model: Any, padded: Padded, precision: str = "float32") -> Tensor:
    """The head's number for the state before each trained token; float32 [B, T], 0 elsewhere, differentiable.

    The state before completion token j (from 0) behind P prompt tokens is that after position P - 1 + j: the last
    prompt token is read, the last completion token never. A Hugging Face token model has this number at that position.

    Args:
        model: as `load_headed` gives it.
        padded: rows side by side, or packed where `packing.packs(model)`.
    """
    return padded.spread(_through_head(model, completion_states(model, padded, precision)))


def scalar_logits(
    model: Any, tokens_BS: Tensor, rows_N: Tensor, places_N: Tensor, precision: str = "float32"
) -> Tensor:
    """The head's number for the state after each token asked for; float32 [N], differentiable.

    Args:
        model: as `load_headed` gives it.
        rows_N: the row of each.
        places_N: the position of each: the state after this token.
        precision: of the network below the head; bfloat16 computes under autocast.
    """
    device = tokens_BS.device.type
    with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        hidden_BSW = model.base_model(input_ids=tokens_BS, use_cache=False).last_hidden_state
    return _through_head(model, hidden_BSW[rows_N, places_N])


def last_logits(model: Any, tokens_BS: Tensor, lengths_B: Tensor, precision: str = "float32") -> Tensor:
    """The head's number after the last real token of each row; float32 [B]."""
    rows_B = torch.arange(len(lengths_B), device=tokens_BS.device)
    return scalar_logits(model, tokens_BS, rows_B, lengths_B - 1, precision)


def _through_head(model: Any, hidden_NW: Tensor) -> Tensor:
    head = getattr(model, HEAD)
    bias = None if head.bias is None else head.bias.float()
    return torch.nn.functional.linear(hidden_NW.float(), head.weight.float(), bias)[:, 0]
