"""Overlong rollouts: what a rollout is worth that hit the length limit (finish_reason "length")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .batching import TrainingRow
from .options import expect
from .reward_mapping import Reward


@dataclass(frozen=True, kw_only=True)
class Truncation:
    """What becomes of rollouts that hit the length limit."""

    truncated: Literal["mask", "incorrect", "soft-penalty"] = "mask"
    """Rollouts that hit the length limit. mask: they carry no loss, their reward stays in the baseline of the group;
    incorrect: they are trained on with the reward of incorrect ones, whatever their verdict; soft-penalty: each rollout
    pays for the last part of its length, up to 1 at the limit"""

    penalty_tokens: int | None = None
    """With --truncated soft-penalty: tokens before the limit over which the penalty grows to 1 (L_cache; default: a
    fifth of the limit)"""

    def __post_init__(self) -> None:
        tokens = self.penalty_tokens
        expect(
            (
                ("--penalty-tokens", tokens, tokens is None or tokens >= 1, "at least 1"),
                (
                    "--penalty-tokens",
                    tokens,
                    tokens is None or self.truncated == "soft-penalty",
                    "nothing without --truncated soft-penalty",
                ),
            )
        )


MASKED = Truncation()


def soft_penalty(length: int, limit: int, cache: int) -> float:
    """What is added to the reward of a rollout of this length: 0 up to limit - cache, then down to -1 at the limit.

    R(y) = 0 for |y| <= L_max - L_cache; ((L_max - L_cache) - |y|) / L_cache up to L_max; -1 beyond.
    (DAPO, Yu et al. 2025, arXiv 2503.14476, eq. 13.)
    """
    return max(-1.0, min(0.0, (limit - cache - length) / cache))


def rewarded(
    row: TrainingRow,
    verdict: str,
    reward: Reward,
    truncation: Truncation,
    limit: int | None = None,
    context: int = 1 << 30,
) -> TrainingRow | None:
    """The row with its reward, and without loss where it is masked; None where it has no reward (unknown verdict).

    Args:
        limit: the most tokens a rollout of this kind could have; soft-penalty needs it. One that was cut off before had
            that limit.
        context: the most tokens that it could have together with its prompt.

    mask: the reward is that of the verdict (as a rule invalid: truncated), so the others are compared with it as
    before; its own tokens count neither in the loss nor in totals of tokens, its row counts in totals of rows. A
    truncated rollout is no proof of a wrong answer, and teaching it as wrong teaches brevity (DAPO, sec. 3.4,
    overlong filtering).
    incorrect: `reward.incorrect`, also where the answer was found before the cut or the verdict is unknown. The
    official code of OREAL has no rule for truncated rollouts: without an answer they are wrong, -1 like the others.
    soft-penalty: the reward of the verdict plus `soft_penalty`; it counts as positive where the sum is above 0.
    """
    if row.truncated and truncation.truncated == "incorrect":
        return replace(row, reward=reward.of("incorrect") or 0.0, correct=False)
    value = reward.of(verdict)
    if value is None:
        return None
    row = replace(row, reward=value, correct=verdict == "correct")
    if truncation.truncated == "mask" and row.truncated:
        return masked(row)
    if truncation.truncated == "soft-penalty":
        assert limit is not None
        limit = len(row.token_ids) if row.truncated else min(limit, context - len(row.prompt_token_ids))
        cache = truncation.penalty_tokens or max(1, limit // 5)
        return replace(row, reward=value + soft_penalty(len(row.token_ids), limit, min(cache, limit)))
    return row


def masked(row: TrainingRow) -> TrainingRow:
    """The row with no token that carries loss."""
    import numpy as np

    return replace(row, trained=np.zeros(len(row.token_ids), dtype=bool))
