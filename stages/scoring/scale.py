"""What scores may be read as, as their manifest tells: which of them say how likely a rollout is correct.

probability: the score itself. log-odds: 1 / (1 + exp(-score)). preference: scores are defined up to a shift in each
problem, as those of Bradley-Terry models are, so only 1 / (1 + exp(-difference)) of two rollouts of one problem says
something: how likely the first is the better one. none: they only rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .facts import WITHIN_PROBLEM

Kind = Literal["probability", "log-odds", "preference", "none"]

_KINDS: dict[str | None, Kind] = {
    "confidence": "probability", "token": "log-odds", "bradley-terry": "preference", "polar": "preference",
}  # fmt: skip
"""Of the methods of `whet score` whose scores are always the same."""


@dataclass(frozen=True)
class Scale:
    """What scores may be read as; `why` they may not, where that is none."""

    kind: Kind
    why: str = ""


def scale_of(facts: Mapping[str, Any], scores: Sequence[float]) -> Scale:
    """The scale of scores with these facts.

    Args:
        scores: where nothing tells how they were made, scores that all lie in [0, 1] are taken for probabilities.
    """
    method = facts.get("method") or {}
    name = method.get("name")
    if facts.get("normalize", "none") != "none":
        return Scale("none", "normalised scores have lost their scale")
    if name == "likelihood":
        return Scale("none", "a likelihood tells how likely the text is, not how likely it is correct")
    if method.get("aggregate") == "min":
        return Scale("none", "the lowest step does not say how likely the whole rollout is correct")
    if name == "implicit":
        return _of_implicit(method)
    if name in _KINDS:
        return Scale(_KINDS[name])
    if facts.get("comparable") != WITHIN_PROBLEM and scores and min(scores) >= 0 and max(scores) <= 1:
        return Scale("probability")
    return Scale("none", "nothing tells what these scores are, and they do not all lie in [0, 1]")


def _of_implicit(method: Mapping[str, Any]) -> Scale:
    """Trained on verdicts, the sum is a log-odds; trained on pairs, or by anything else, each prompt has its shift."""
    if method.get("aggregate", "sum") != "sum":
        return Scale("none", "a mean over tokens is no longer the log-odds that an implicit reward was trained to be")
    return Scale("log-odds" if method.get("loss") == "ce" else "preference")
