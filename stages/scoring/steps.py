"""Steps of a completion: where each ends among its tokens, and what its tokens' scores make of it.

The one rule by which `score` and a training cut a completion: a step ends behind a mark (as a rule an empty line), the
last one with the completion. Nothing is encoded again: the tokens are those of the rollout.
"""

# T completion tokens, K steps

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from .spans import token_spans

if TYPE_CHECKING:
    import numpy as np

MARK = "\n\n"
"""What ends a step where nothing says another."""

StepScore = Literal["sum", "mean", "last"]


def ends_of(decode: Callable[[Sequence[int]], str], token_ids: Sequence[int], mark: str = MARK) -> list[int]:
    """How many tokens there are at the end of each step, rising; the last is all of them."""
    if mark not in decode(token_ids):
        return [len(token_ids)]
    text, spans = token_spans(decode, token_ids)
    return step_ends(text, spans, mark)


def step_ends(text: str, spans: Sequence[tuple[int, int]], mark: str) -> list[int]:
    """One past the last token of every step: steps end behind `mark`, the last one with the text."""
    ends, position = [], text.find(mark)
    while position >= 0:
        stop = position + len(mark)
        inside = [place for place, (low, high) in enumerate(spans) if low < stop and high > low]
        if inside and inside[-1] + 1 < len(spans):
            ends.append(inside[-1] + 1)
        position = text.find(mark, stop)
    return [*dict.fromkeys(ends), len(spans)]


def own_steps(ends_K: Sequence[int], own_T: np.ndarray | None) -> list[int]:
    """The ends of the steps in which the policy wrote something; what stands between them belongs to the later one."""
    if own_T is None:
        return list(ends_K)
    starts = [0, *ends_K[:-1]]
    return [end for start, end in zip(starts, ends_K, strict=True) if own_T[start:end].any()]


def step_scores(
    token_scores_T: np.ndarray, ends_K: Sequence[int], own_T: np.ndarray | None = None, kind: StepScore = "mean"
) -> list[float]:
    """One number a step: the sum or the mean of its tokens' scores, or that of its last token; [K].

    Args:
        ends_K: of `own_steps`: every step has a token of the policy's own.
        own_T: bool, the tokens that the policy wrote itself, which alone count; None is all of them.

    sum is the step reward of an implicit reward model: the difference of the running sum at its ends.
    """
    import numpy as np

    found = []
    for start, end in zip([0, *ends_K[:-1]], ends_K, strict=True):
        part = token_scores_T[start:end].astype(np.float64)
        kept = part if own_T is None else part[own_T[start:end]]
        found.append(float({"sum": np.sum, "mean": np.mean}[kind](kept) if kind != "last" else kept[-1]))
    return found
