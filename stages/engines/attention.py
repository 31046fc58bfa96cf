"""How one new token of each row attends to its row's cached keys and values."""

# B rows, T columns, N key-value heads, G query heads per key-value head, D head width, X rows x key-value heads

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor


def attend(query_BNGD: Tensor, key_BNTD: Tensor, value_BNTD: Tensor, mask_BT: Tensor) -> Tensor:
    """Mix the values by softmax(query . keys / sqrt(D) + mask); [B, N, G, D] in the dtype of the values.

    The mask is 0 or -inf. The heads that share keys stand as several queries of one key-value head, so that keys are
    read once and never repeated.
    """
    rows, kv_heads, group, width = query_BNGD.shape
    if query_BNGD.device.type != "cpu":
        return functional.scaled_dot_product_attention(query_BNGD, key_BNTD, value_BNTD, mask_BT[:, None, None])
    # On a CPU plain products are up to twice as fast as the fused kernel, which is made for many queries.
    mask_BNGT = mask_BT[:, None, None].expand(rows, kv_heads, group, mask_BT.shape[1])
    scores_XGT = torch.baddbmm(
        mask_BNGT.flatten(0, 1), query_BNGD.flatten(0, 1), key_BNTD.flatten(0, 1).transpose(1, 2), alpha=width**-0.5
    )
    return torch.bmm(torch.softmax(scores_XGT, dim=-1), value_BNTD.flatten(0, 1)).view(rows, kv_heads, group, width)
