"""Cases that verifiers get wrong, made by programs: CompassVerifier's error-driven meta-patterns, one file a family.

A base case (question, reference, right and wrong answers) is drawn from a family of questions; a pattern writes a
completion for it that is right (A), wrong (B) or invalid (C) by construction. Most patterns have a twin of the same
look and another label, so that the look alone tells nothing. (Liu et al. 2025, arXiv 2508.03686, section 3.)

    instance = generate(random.Random(0), 1, 2, patterns=("wrong-endpoint",), wordings=1)
    problem_of(instance, "train")       # a problem whose meta holds pattern, label and completion

Deviations: the paper's patterns are templates that a large model fills in; these need no model.
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Sequence
from typing import Any

from ...artifacts import Problem, make_problem
from ..turing import Instance
from ..verifiers import LABELS
from . import completeness, details, numbers, other_forms, plain, second_thoughts, spoiled, structures
from .base_case import BaseCase, Label, Pattern, Written

__all__ = [
    "FAMILIES",
    "PATTERNS",
    "TASK",
    "BaseCase",
    "Label",
    "Pattern",
    "Written",
    "generate",
    "known",
    "problem_of",
    "verdict_of",
]

TASK = "meta-patterns"
"""Its name as a task of `whet problems` and as a program of `whet sample`."""

WORDINGS = 20
"""More than any list of wordings holds: all of them."""

FAMILIES = {**numbers.FAMILIES, **structures.FAMILIES}
"""Base cases by the name of their family."""

PATTERNS: dict[str, Pattern] = {
    pattern.name: pattern
    for module in (plain, other_forms, completeness, details, second_thoughts, spoiled)
    for pattern in module.PATTERNS
}
"""Every pattern by its name."""


def generate(
    rng: random.Random,
    low: int,
    high: int,
    *,
    patterns: Sequence[str] = tuple(PATTERNS),
    families: Sequence[str] = tuple(FAMILIES),
    wordings: int = WORDINGS,
) -> Instance:
    """One case: a label at random, one of its patterns, one of the families that it is written for.

    Args:
        low, high: digits of the numbers in the question.
        patterns: names of those that may be drawn.
        families: names of those that questions are drawn from; each pattern must be written for one of them.
        wordings: how many wordings of each text may be used, the shortest first.
    """
    labels = sorted({PATTERNS[name].label for name in patterns})
    label = rng.choice(labels)
    pattern = PATTERNS[rng.choice([name for name in patterns if PATTERNS[name].label == label])]
    family = rng.choice([name for name in pattern.families if name in families])
    case = FAMILIES[family](rng, low, high, wordings)
    made = pattern.write(case, rng)
    question = case.question if made.question is None else made.question
    reference = case.reference if made.reference is None else made.reference
    payload = {
        "question": question, "answer_type": case.answer_type, "family": case.family, "pattern": pattern.name,
        "label": pattern.label, "completion": made.completion, "finish_reason": made.finish_reason,
    }  # fmt: skip
    return Instance(
        payload,
        reference,
        canonical=[case.family, dict(case.parameters)],
        identity=[question, reference, case.answer_type],
    )


def problem_of(instance: Instance, split: str) -> Problem:
    """The problem row; its meta holds what the program writes and knows."""
    payload = instance.payload
    kept = ("family", "pattern", "label", "completion", "finish_reason")
    meta = json.dumps({"task": TASK, **{name: payload[name] for name in kept}}, sort_keys=True, ensure_ascii=False)
    asked: Any = [{"role": "user", "content": payload["question"]}]
    return make_problem(asked, instance.answer, payload["answer_type"], f"{TASK}/{payload['pattern']}", split, meta)


def known(problem: Problem) -> dict[str, Any] | None:
    """What the program knows of a problem: pattern, label, completion, finish_reason; None where it made none."""
    try:
        meta = json.loads(problem.get("meta") or "null")
    except ValueError:
        return None
    if not isinstance(meta, dict) or meta.get("task") != TASK or "completion" not in meta:
        return None
    return meta


def verdict_of(problem: Problem, text: str | None) -> tuple[str, str]:
    """Verdict and reason of a completion that the program wrote; unknown for any other text."""
    meta = known(problem)
    if meta is None:
        return "unknown", "label: no program of meta-patterns made this problem"
    if unicodedata.normalize("NFC", text or "") != unicodedata.normalize("NFC", meta["completion"]):
        return "unknown", "label: not what the program wrote for this problem"
    verdict = LABELS[meta["label"]]
    kind = spoiled.REASONS[meta["pattern"]] if verdict == "invalid" else "meta-pattern"
    return verdict, f"{kind}: {meta['pattern']}"
