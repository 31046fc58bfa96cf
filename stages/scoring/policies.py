"""Methods that read a language model's token probabilities: likelihood, confidence, implicit reward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..answers.extraction import extract
from ..answers.question import question_text, read_question
from .batches import arrange
from .methods import Confidence, Implicit
from .scored import Candidate, Scored
from .spans import overlapping, token_spans
from .steps import ends_of, own_steps, step_scores

if TYPE_CHECKING:
    import numpy as np

    from ...artifacts import Problem
    from ..batching import TrainingRow
    from ..tokens import Encoder

# B rows, T completion tokens of the longest


def logprobs_of(model: Any, rows: Sequence[TrainingRow], *, packed: bool) -> list[np.ndarray]:
    """ln p of the trained tokens of each completion at temperature 1; float32, 0 at the others."""
    import torch

    from ..token_logprobs import completion_logprobs

    with torch.inference_mode():
        logprobs_BT = completion_logprobs(model, arrange(rows, model, packed=packed)).cpu().numpy()
    return [logprobs[: len(row.token_ids)] for logprobs, row in zip(logprobs_BT, rows, strict=True)]


class LikelihoodScorer:
    """Score: mean ln p of the policy's own tokens. Token scores: ln p of every token."""

    def __init__(self, model: Any) -> None:
        from ..packing import packs

        self.model, self.packed = model, packs(model)

    def prepared(self, candidate: Candidate) -> Candidate:
        return candidate

    def score(self, candidates: Sequence[Candidate]) -> list[Scored]:
        rows = [candidate.row for candidate in candidates if candidate.row is not None]
        found = logprobs_of(self.model, rows, packed=self.packed)
        return [
            Scored(mean_of(logprobs, candidate.own), logprobs)
            for candidate, logprobs in zip(candidates, found, strict=True)
        ]


class ConfidenceScorer:
    r"""Mean probability of the tokens that make the final answer, e.g. the content of the last \boxed{...}."""

    def __init__(self, model: Any, encoder: Encoder, options: Confidence) -> None:
        from ..packing import packs

        self.model, self.encoder, self.options = model, encoder, options
        self.packed = packs(model)

    def prepared(self, candidate: Candidate) -> Candidate:
        """Ask only for the answer's tokens; what stands behind them does not matter."""
        import numpy as np

        row = candidate.row
        if row is None:
            return candidate
        places = answer_tokens(self.encoder, row.token_ids.tolist(), candidate.problem)
        if not places:
            return candidate.without("no_answer")
        row.token_ids = row.token_ids[: places[-1] + 1]
        row.trained = np.zeros(len(row.token_ids), dtype=bool)
        row.trained[places] = True
        return candidate

    def score(self, candidates: Sequence[Candidate]) -> list[Scored]:
        rows = [candidate.row for candidate in candidates if candidate.row is not None]
        found = logprobs_of(self.model, rows, packed=self.packed)
        return [
            Scored(confidence(logprobs[row.trained], self.options.mean))
            for row, logprobs in zip(rows, found, strict=True)
        ]


class ImplicitScorer:
    """Token scores: beta (ln p - ln p of the reference). Score: their sum, mean, or the least step."""

    def __init__(self, model: Any, reference: Any, encoder: Encoder, options: Implicit) -> None:
        from ..packing import packs

        self.model, self.reference, self.encoder, self.options = model, reference, encoder, options
        self.packed = packs(model) and packs(reference)

    def prepared(self, candidate: Candidate) -> Candidate:
        return candidate

    def score(self, candidates: Sequence[Candidate]) -> list[Scored]:
        assert self.options.beta is not None
        rows = [candidate.row for candidate in candidates if candidate.row is not None]
        ours, theirs = (logprobs_of(model, rows, packed=self.packed) for model in (self.model, self.reference))
        rewards = [self.options.beta * (one - other) for one, other in zip(ours, theirs, strict=True)]
        return [
            Scored(self._aggregate(reward, candidate), reward)
            for candidate, reward in zip(candidates, rewards, strict=True)
        ]

    def _aggregate(self, reward: np.ndarray, candidate: Candidate) -> float | None:
        import numpy as np

        own = np.ones(len(reward), dtype=bool) if candidate.own is None else candidate.own
        if not own.any():
            return None
        if self.options.aggregate != "min":
            kept = reward[own].astype(np.float64)
            return float(kept.sum() if self.options.aggregate == "sum" else kept.mean())
        assert candidate.row is not None
        ends = ends_of(self.encoder.decode, candidate.row.token_ids.tolist(), self.options.step_end)
        return min(step_scores(reward, own_steps(ends, own), own, "sum"))


def mean_of(values: np.ndarray, own: np.ndarray | None) -> float | None:
    """Mean over the policy's own tokens; None where it wrote none."""
    import numpy as np

    kept = values if own is None else values[own]
    return float(kept.mean(dtype=np.float64)) if len(kept) else None


def confidence(logprobs: np.ndarray, mean: str) -> float:
    """Arithmetic or geometric mean of token probabilities: .9, .8, 1 -> .9 or .8963. (CRew, field notes S22.)"""
    import numpy as np

    logprobs = logprobs.astype(np.float64)
    return float(np.exp(logprobs).mean() if mean == "arithmetic" else np.exp(logprobs.mean()))


def answer_tokens(encoder: Encoder, token_ids: list[int], problem: Problem | None) -> list[int]:
    """The tokens whose characters overlap the final answer, as `whet verify` finds it; none without an answer.

    Only one span counts: where an answer is several boxes, that is from the first to the last.
    """
    text = encoder.decode(token_ids)
    answer_type = (problem or {}).get("answer_type") or "math"
    asked = {"asked": read_question(question_text(problem["messages"]))} if problem is not None else {}
    found = extract(text, answer_type, **asked)
    if found is None or found.end <= found.start:
        return []
    decoded, spans = token_spans(encoder.decode, token_ids)
    # A tokenizer whose tokens decode otherwise alone than side by side leaves no way to tell them apart.
    return overlapping(spans, found.start, found.end) if decoded == text else []
