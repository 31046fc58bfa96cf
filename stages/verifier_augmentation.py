"""Rows made from labelled rollouts, so that a verifier meets more than it was given.

    more = augmented(rows, Augmentation(patterns=0.5), seed=0)

Every row and every way to make one has a random state of its own, from the seed and the rollout's id: the rows made do
not depend on the order of the rows given. (CompassVerifier, Liu et al. 2025, section 3.3.)
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from .answers.extraction import Extracted, extract
from .answers.question import read_question
from .answers.types import infer_type, reference_of
from .meta_patterns import transforms
from .meta_patterns.base_case import STATED, pick
from .meta_patterns.formula_variants import equal_variants, near_variant
from .meta_patterns.numbers import misread

if TYPE_CHECKING:
    from .verifier_method import Augmentation
    from .verifier_rows import Labelled

ALL_WORDINGS = 20
"""More than any list of wordings holds."""

LONG_TEXT = 200
"""Characters from which on a text is long enough to be cut."""

Made = tuple[str, str, str, str] | None
"""Question, reference, text and verdict of a new row; None where none can be made."""


def augmented(rows: Sequence[Labelled], shares: Augmentation, seed: int) -> list[Labelled]:
    """The rows made from these; each says what made it."""
    return [new for row in rows for new in _from_row(row, shares, seed)]


def _from_row(row: Labelled, shares: Augmentation, seed: int) -> Iterator[Labelled]:
    for item in fields(shares):
        rng = random.Random(f"{seed} {item.name} {row.rollout_id}")
        if rng.random() < getattr(shares, item.name):
            made = MAKERS[item.name](row, rng)
            if made is not None:
                question, reference, text, verdict = made
                yield row._replace(
                    question=question, reference=reference, text=text, verdict=verdict, made_by=item.name
                )


def other_formula(row: Labelled, rng: random.Random) -> Made:
    """The reference written in another way; the label stays."""
    variants = equal_variants(reference_of(row.reference))
    return (row.question, rng.choice(variants), row.text, row.verdict) if variants else None


def near_formula(row: Labelled, rng: random.Random) -> Made:
    """A correct row beside a reference that is another one."""
    if row.verdict != "correct":
        return None
    reference = near_variant(reference_of(row.reference), rng)
    return None if reference is None else (row.question, reference, row.text, "incorrect")


def truncated(row: Labelled, rng: random.Random) -> Made:
    """The first 20, 40 or 60 % of a long text, where they state no answer."""
    if len(row.text) < LONG_TEXT or row.verdict == "invalid":
        return None
    text = transforms.first_part(row.text, rng.choice((0.2, 0.4, 0.6)))
    return None if _stated(text, row) else (row.question, row.reference, text, "invalid")


_TAG = re.compile(r"<(/?)(think|thinking|thought|reasoning)>", re.IGNORECASE)
TAGS = ("think", "thinking", "thought", "reasoning", "reflection", "scratchpad", "analysis")


def other_tags(row: Labelled, rng: random.Random) -> Made:
    """Reasoning tags with another name, or none; the label stays."""
    if not _TAG.search(row.text):
        return None
    name = rng.choice((*TAGS, None))
    text = _TAG.sub("" if name is None else rf"<\g<1>{name}>", row.text)
    return None if text == row.text else (row.question, row.reference, text, row.verdict)


PROMPTS = (
    "{}\nPlease reason step by step, and put your final answer within \\boxed{{}}.",
    "Answer the following question.\n\n{}",
    "Question: {}\nAnswer:",
    "Solve this problem and explain how you got there.\n{}",
    "{}\n\nThink first, then give the final answer on a line of its own.",
    "You are an expert. {}",
    "### Problem\n{}\n\n### Solution",
    "Q: {}\nA:",
    "{} Answer briefly.",
    "请回答下面的问题：\n{}",
    "Here is a task from an examination:\n\n{}\n\nEnd with \"The answer is ...\".",
    "Work through the following and state your result clearly.\n\n{}",
)  # fmt: skip


def other_prompt(row: Labelled, rng: random.Random) -> Made:
    """The question with other instructions around it; the label stays."""
    return (rng.choice(PROMPTS).format(row.question), row.reference, row.text, row.verdict)


def by_pattern(row: Labelled, rng: random.Random) -> Made:
    """A correct row doubted, switched or spoiled; some are still correct."""
    if row.verdict != "correct":
        return None
    names = list(PATTERNS)
    rng.shuffle(names)
    for name in names:
        text, verdict = PATTERNS[name](row, rng), VERDICTS[name]
        if text is not None:
            return (row.question, row.reference, text, verdict)
    return None


def wrong_answer(answer: str, rng: random.Random) -> str | None:
    """An answer that is certainly another one: another number, letter or truth value, or a changed formula."""
    reference = reference_of(answer)
    if re.fullmatch(r"[A-J]", reference):
        return rng.choice([letter for letter in "ABCD" if letter != reference])
    opposites = {"yes": "No", "no": "Yes", "true": "False", "false": "True"}
    if reference.lower() in opposites:
        return opposites[reference.lower()]
    if re.fullmatch(r"\d{1,9}", reference):
        return str(rng.choice(misread(int(reference), rng) or [int(reference) + 1]))
    return near_variant(reference, rng)


def _stated(text: str, row: Labelled) -> Extracted | None:
    """The answer that a text states, as the rules read it."""
    return extract(text, infer_type(reference_of(row.reference)), read_question(row.question))


def _statement(answer: str, rng: random.Random) -> str:
    return pick(STATED, ALL_WORDINGS, rng, answer=answer)


def _working(row: Labelled) -> str | None:
    """What stands before the line of the final answer; None where that cannot be told, or is too little."""
    found = _stated(row.text, row)
    if found is None:
        return None
    working = row.text[: row.text.rfind("\n", 0, found.start) + 1].strip()
    return working if len(working) >= 20 and _stated(working, row) is None else None


def _corrected(row: Labelled, rng: random.Random) -> str | None:
    wrong = wrong_answer(row.reference, rng)
    return None if wrong is None else transforms.corrected(_statement(wrong, rng), row.text, rng, ALL_WORDINGS)


def _switched(row: Labelled, rng: random.Random) -> str | None:
    wrong = wrong_answer(row.reference, rng)
    return None if wrong is None else transforms.corrected(row.text, _statement(wrong, rng), rng, ALL_WORDINGS)


def _confirmed(row: Labelled, rng: random.Random) -> str | None:
    found = _stated(row.text, row)
    return None if found is None else transforms.confirmed(row.text, _statement(found.text, rng), rng, ALL_WORDINGS)


def _unanswerable(row: Labelled, rng: random.Random) -> str | None:
    working = _working(row)
    return None if working is None else transforms.unanswerable(working, rng, ALL_WORDINGS)


def _code_only(row: Labelled, rng: random.Random) -> str | None:
    return transforms.code(rng, ALL_WORDINGS)


def _looping(row: Labelled, rng: random.Random) -> str | None:
    working = _working(row)
    if working is None:
        return None
    return f"{working}\n{transforms.repeated(working.splitlines()[-1], rng.randint(12, 40))}"


def _garbled(row: Labelled, rng: random.Random) -> str | None:
    return transforms.noise(rng.randint(60, 300), rng, ALL_WORDINGS)


def _internet(row: Labelled, rng: random.Random) -> str | None:
    return transforms.no_internet(rng, ALL_WORDINGS)


PATTERNS: dict[str, Callable[[Labelled, random.Random], str | None]] = {
    "corrected": _corrected, "switched": _switched, "confirmed": _confirmed, "unanswerable": _unanswerable,
    "code-only": _code_only, "looping": _looping, "garbled": _garbled, "internet": _internet,
}  # fmt: skip
VERDICTS = {
    "corrected": "correct", "switched": "incorrect", "confirmed": "correct", "unanswerable": "incorrect",
    "code-only": "incorrect", "looping": "invalid", "garbled": "invalid", "internet": "invalid",
}  # fmt: skip
MAKERS: dict[str, Callable[[Labelled, random.Random], Made]] = {
    "formulas": other_formula, "near_formulas": near_formula, "patterns": by_pattern, "truncations": truncated,
    "tags": other_tags, "prompts": other_prompt,
}  # fmt: skip
"""What makes a row, by the name of its share."""
