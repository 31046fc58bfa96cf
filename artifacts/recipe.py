"""Digests: what was asked (recipe), what came out (content), and the identities derived from them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .files import digest_of
from .records import Message, Problem

ID_LENGTH = 32
"""Hex digits of a problem or rollout id (128 bits)."""


def problem_id(
    messages: Sequence[Message], answer: str | None, answer_type: str | None = None, images: Any = None
) -> str:
    """Identity of a problem: what is asked and the reference answer, wherever it came from."""
    asked = [[message["role"], message["content"]] for message in messages]
    return digest_of(["problem", asked, answer, answer_type, list(images or [])])[:ID_LENGTH]


def make_problem(
    messages: Sequence[Message],
    answer: str | None,
    answer_type: str | None = None,
    source: str | None = None,
    split: str | None = None,
    meta: str | None = None,
) -> Problem:
    """A problem row with its identity filled in."""
    return {
        "problem_id": problem_id(messages, answer, answer_type),
        "messages": [{"role": message["role"], "content": message["content"]} for message in messages],
        "answer": answer,
        "answer_type": answer_type,
        "source": source,
        "split": split,
        "meta": meta,
    }


def rollout_id(recipe: str, problem: str, draw: int, step: int = 0, occurrence: int = 0) -> str:
    """Identity of a rollout; its seed derives from it, so no two policies, steps or repeats share one."""
    return digest_of(["rollout", recipe, problem, draw, step, occurrence])[:ID_LENGTH]


def seed_of(rollout: str) -> int:
    """The 63-bit seed of a rollout."""
    return int(rollout[:16], 16) >> 1


def recipe_digest(stage: str, version: int, options: Mapping[str, Any], inputs: Mapping[str, Sequence[str]]) -> str:
    """What was asked: stage, its version, its semantic options and its inputs' digests.

    Args:
        inputs: content digests by role, in order.
    """
    return digest_of({"stage": stage, "version": version, "options": dict(options), "inputs": dict(inputs)})


def digests_of(inputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """Content digests by role; roles that were not given are left out."""
    found = {}
    for role, value in inputs.items():
        items = value if isinstance(value, list | tuple) else [value]
        if digests := [item.digest for item in items if item is not None]:
            found[role] = digests
    return found


def content_digest(files: Iterable[tuple[str, int, str]]) -> str:
    """What came out: sha256 over the sorted path, size and sha256 of every payload file."""
    return digest_of(sorted([path, size, sha256] for path, size, sha256 in files))
