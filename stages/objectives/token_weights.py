"""Token weights from the logits of a token reward model: how far each token is from undecided.

(OREAL, Lyu et al. 2025, arXiv 2502.06781, eq. 10, as its official code computes it.) *Deviations:* the weight uses
the running mean of the token logits, as in the official code; the paper uses the raw logit.
"""

# B rows, T completion tokens

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def running_mean(logits_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """m_t = mean of the logits of the trained tokens up to t; [B, T], 0 before the first of them."""
    counts_BT = mask_BT.cumsum(1).clamp(min=1)
    return (logits_BT * mask_BT).cumsum(1) / counts_BT


def threshold_weights(
    probabilities_BT: Tensor, positive_threshold: float = 0.5, negative_threshold: float = 0.5
) -> tuple[Tensor, Tensor]:
    """positive = clip((q - thr) / (1 - thr), 0, 1); negative = the same of 1 - q. Both [B, T] in [0, 1].

    Args:
        probabilities_BT: q = sigmoid(running mean), detached.

    At 0.5 these are max(2q - 1, 0) and max(1 - 2q, 0). (OREAL eq. 10.)
    """
    positive_BT = ((probabilities_BT - positive_threshold) / (1 - positive_threshold)).clamp(0, 1)
    negative_BT = ((1 - probabilities_BT - negative_threshold) / (1 - negative_threshold)).clamp(0, 1)
    return positive_BT, negative_BT


def top_k_weights(probabilities_BT: Tensor, mask_BT: Tensor, ratio: float = 0.5) -> tuple[Tensor, Tensor]:
    """Keep the int(ratio * T) highest of q (positive) and of 1 - q (negative) in each row, scaled from 0 to 1 among
    the kept.

    The lowest kept token gets 0, all others 0; where all kept values are equal they get 1. Both [B, T]. (OREAL's
    official code, top-k mode.)
    """
    return _top_k(probabilities_BT, mask_BT, ratio), _top_k(1 - probabilities_BT, mask_BT, ratio)


def _top_k(values_BT: Tensor, mask_BT: Tensor, ratio: float) -> Tensor:
    weights_BT = values_BT.new_zeros(values_BT.shape)
    for row, mask in enumerate(mask_BT):
        places = mask.nonzero()[:, 0]
        kept = int(ratio * len(places))
        if kept == 0:
            continue
        top, order = values_BT[row, places].topk(kept)
        spread = top[0] - top[-1]
        weights_BT[row, places[order]] = (top - top[-1]) / spread if spread > 0 else top.new_ones(kept)
    return weights_BT
