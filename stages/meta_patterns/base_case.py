"""What a meta-pattern is made from and what it makes: a base case, a pattern, a written case.

Texts are picked from lists of wordings, the shortest first; a base case says how many of them may be used, so that
`--templates 1` gives short texts in one wording, for small models.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Label = Literal["A", "B", "C"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseCase:
    """A question with its reference, and what a completion needs to answer it rightly or wrongly.

    Args:
        family: what kind of question it is.
        parameters: JSON values that it is made of; patterns read what they need.
        answer: the right answer as a completion writes it.
        near: wrong answers close to the right one.
        far: wrong answers that have little to do with it.
        working: the way to the answer, in sentences that do not state it.
        wordings: how many wordings of each text may be used.
    """

    family: str
    parameters: Mapping[str, Any]
    question: str
    reference: str
    answer_type: str
    answer: str
    near: tuple[str, ...]
    far: tuple[str, ...]
    working: str
    wordings: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A case as a pattern wrote it: the completion, and question and reference where the pattern changes them."""

    completion: str
    question: str | None = None
    reference: str | None = None
    finish_reason: Literal["stop", "length"] = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A way in which completions are right, wrong or invalid.

    Args:
        label: A correct, B incorrect, C invalid, whatever the case.
        description: one line.
        families: of base cases that it can be written for.
        write: pure: the same case and random state give the same text.
    """

    name: str
    label: Label
    description: str
    families: tuple[str, ...]
    write: Callable[[BaseCase, random.Random], Written]


def pick(wordings: Sequence[str], count: int, rng: random.Random, **values: object) -> str:
    """One of the first `count` wordings, with `<name>` replaced by its value (braces belong to LaTeX)."""
    text = rng.choice(wordings[:count])
    for name, value in values.items():
        text = text.replace(f"<{name}>", str(value))
    return text


STATED = (
    r"\boxed{<answer>}",
    r"The answer is \boxed{<answer>}.",
    r"Therefore, the final answer is $\boxed{<answer>}$.",
    "Final answer: <answer>",
    "**Answer:** <answer>",
    r"So we get \(\boxed{<answer>}\).",
)


def stated(case: BaseCase, rng: random.Random, answer: str | None = None) -> str:
    """A statement of the final answer; of the right one unless another is given."""
    return pick(STATED, case.wordings, rng, answer=case.answer if answer is None else answer)


def answered(case: BaseCase, rng: random.Random, answer: str | None = None) -> str:
    """The working and a statement of the final answer."""
    return f"{case.working}\n{stated(case, rng, answer)}"


def wrong(case: BaseCase, rng: random.Random) -> str:
    """A wrong answer, near more often than far."""
    return rng.choice(case.near if rng.random() < 0.7 else case.far)


def number(rng: random.Random, low: int, high: int) -> int:
    """A positive number of low..high digits; of one digit at least 2."""
    digits = rng.randint(low, high)
    return rng.randint(2 if digits == 1 else 10 ** (digits - 1), 10**digits - 1)


def distinct(candidates: Sequence[str], *excluded: str) -> tuple[str, ...]:
    """The candidates once each, in order, without those excluded."""
    return tuple(dict.fromkeys(text for text in candidates if text not in excluded))
