"""Reward models with a head of one label: token-level ones, and scalar ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .batches import arrange
from .methods import Token
from .policies import mean_of
from .scored import Candidate, Scored
from .steps import ends_of, own_steps, step_scores

if TYPE_CHECKING:
    import numpy as np

    from ..batching import TrainingRow
    from ..tokens import Encoder

# B rows, S positions, T completion tokens of the longest


class TokenScorer:
    """Score: mean logit over the completion, or over its lowest step. Token scores: the logit before each token.

    That of the first token is the prompt's last state; the state after the last token is never read. (OREAL, Lyu et al.
    2025, and its code: notes 1.4.) In terms of a Hugging Face token classifier the score of the token at position t is
    the logit at t - 1.
    """

    def __init__(self, model: Any, encoder: Encoder, options: Token) -> None:
        from ..packing import packs

        self.model, self.encoder, self.options = model, encoder, options
        self.packed = packs(model)

    def prepared(self, candidate: Candidate) -> Candidate:
        return candidate

    def score(self, candidates: Sequence[Candidate]) -> list[Scored]:
        import torch

        from ..rewards.heads import state_logits

        rows = _rows(candidates)
        with torch.inference_mode():
            logits_BT = state_logits(self.model, arrange(rows, self.model, packed=self.packed)).cpu().numpy()
        found = [logits[: len(row.token_ids)] for logits, row in zip(logits_BT, rows, strict=True)]
        return [
            Scored(self._aggregate(logits, candidate), logits)
            for candidate, logits in zip(candidates, found, strict=True)
        ]

    def _aggregate(self, logits: np.ndarray, candidate: Candidate) -> float | None:
        if self.options.aggregate == "mean" or candidate.row is None:
            return mean_of(logits, candidate.own)
        ends = ends_of(self.encoder.decode, candidate.row.token_ids.tolist(), self.options.step_end)
        return min(step_scores(logits, own_steps(ends, candidate.own), candidate.own), default=None)


class ScalarScorer:
    """Score: the logit at the last token, whatever token that is; there are no token scores."""

    def __init__(self, model: Any) -> None:
        from ..packing import packs

        self.model, self.packed = model, packs(model)

    def prepared(self, candidate: Candidate) -> Candidate:
        return candidate

    def score(self, candidates: Sequence[Candidate]) -> list[Scored]:
        import torch

        from ..rewards.heads import last_logits, state_logits

        rows = _rows(candidates)
        with torch.inference_mode():
            if self.packed:
                at_end = [_ended(row) for row in rows]
                logits_B = state_logits(self.model, arrange(at_end, self.model, packed=True)).sum(1)
            else:
                # No token more: a model that knows no position beyond its context has none for it.
                tokens_BS = arrange(rows, self.model, packed=False).tokens_BS
                lengths_B = torch.tensor([row.length for row in rows], device=tokens_BS.device)
                logits_B = last_logits(self.model, tokens_BS, lengths_B)
            return [Scored(logit) for logit in logits_B.cpu().tolist()]


def _ended(row: TrainingRow) -> TrainingRow:
    """The row with one more token that nothing reads: only the state before it is asked for."""
    from ..rewards.reward_rows import ended

    return ended(row.prompt_token_ids, row.token_ids, rollout_id=row.rollout_id)


def _rows(candidates: Sequence[Candidate]) -> list[TrainingRow]:
    return [candidate.row for candidate in candidates if candidate.row is not None]
