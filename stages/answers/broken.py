"""Say why a problem cannot be verified at all: its question or its reference is broken."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ...artifacts import Problem
from .garbled import is_garbled
from .question import question_text

_LOST = re.compile(
    r"\?+|nan|null|n/a|\[(?:deleted|removed)\]|see (?:the )?(?:figure|image|picture|solution|proof)|略|见解析",
    re.IGNORECASE,
)


def broken(problem: Problem, reference: str, answer_type: str) -> str | None:
    """Why nobody can verify answers to a problem; None for one that is whole.

    Such a problem is not the policy's fault: its whole group is dropped downstream.
    """
    reference = reference.strip()
    if not reference:
        return "it has no reference answer"
    if answer_type != "json" and _LOST.fullmatch(reference.rstrip(".")):
        return f"its reference answer is {reference!r}"
    question = question_text(problem["messages"])
    if not question.strip() and not _shows_something(problem["messages"]):
        return "it has no question"
    return "its question is garbled" if _garbled(question) else None


_garbled = lru_cache(maxsize=4096)(is_garbled)


def _shows_something(messages: Sequence[Any]) -> bool:
    """Whether a message holds a part that is no text, as an image."""
    parts = [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    return any(part.get("type") != "text" for part in parts)
