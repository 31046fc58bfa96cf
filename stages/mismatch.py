"""How far a sampler's log-probabilities are from a plain forward pass of the same weights, in the same precision.

Importance ratios trust recorded log-probabilities: `whet sample --check N` measures what that trust is worth.
"""

# N tokens

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from ..artifacts import Weights

WITHIN = (0.9, 1.1)
"""Ratios that count as near 1."""


def mismatch(recorded_N: np.ndarray, recomputed_N: np.ndarray) -> dict[str, float]:
    """Differences of log-probabilities in nats, and what ratios exp(recomputed - recorded) they make.

    `effective_share` is the effective size of the tokens weighted by their ratio, over their number:
    (sum w)^2 / (N sum w^2).
    """
    import numpy as np

    difference_N = np.asarray(recomputed_N, np.float64) - np.asarray(recorded_N, np.float64)
    ratios_N = np.exp(difference_N)
    outside_N = (ratios_N < WITHIN[0]) | (ratios_N > WITHIN[1])
    return {
        "tokens": len(difference_N),
        "mean_abs": float(np.abs(difference_N).mean()),
        "p95_abs": float(np.quantile(np.abs(difference_N), 0.95)),
        "max_abs": float(np.abs(difference_N).max()),
        "ratios_outside": float(outside_N.mean()),
        "effective_share": float(ratios_N.sum() ** 2 / (len(ratios_N) * (ratios_N**2).sum())),
    }


def check_rows(policy: Weights, rows: Sequence[dict[str, Any]], precision: str) -> dict[str, float]:
    """Compute the log-probabilities of these rollouts' own tokens again, and compare.

    Rows without token ids or log-probabilities are passed over; {"tokens": 0} when none is left.
    """
    import numpy as np
    import torch

    from .batching import TrainingRow, micro_batches, pad, policy_tokens
    from .models import load_policy
    from .token_logprobs import completion_logprobs

    kept = [row for row in rows if row["token_ids"] and row["logprobs"] and row["prompt_token_ids"]]
    if not kept:
        return {"tokens": 0}
    model = load_policy(policy, dtype="float32")
    training = [
        TrainingRow(
            rollout_id=row["rollout_id"],
            prompt_token_ids=np.array(row["prompt_token_ids"], np.int64),
            token_ids=np.array(row["token_ids"], np.int64),
            trained=policy_tokens(row["segments"], len(row["token_ids"])),
        )
        for row in kept
    ]
    recorded, recomputed = [], []
    with torch.inference_mode():
        for indices in micro_batches([row.length for row in training], 8192):
            padded = pad([training[index] for index in indices], model.device)
            found_BT = completion_logprobs(model, padded, precision=precision).cpu().numpy()
            mask_BT = padded.mask_BT.cpu().numpy()
            for place, index in enumerate(indices):
                own_T = mask_BT[place, : len(kept[index]["logprobs"])]
                recorded.append(np.array(kept[index]["logprobs"], np.float32)[own_T])
                recomputed.append(found_BT[place, : len(own_T)][own_T])
    return mismatch(np.concatenate(recorded), np.concatenate(recomputed))
