"""Verdicts by a verifier model, alone or with rules before or behind it, streamed.

    asker = Asker(pool, model, order="rules-first", mode="direct", stopping=lambda: False)
    for decision in asker.verify([("row 1", "so it is 4", "stop", problem)]): ...

How two opinions become one verdict is told in `opinions`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ..artifacts import Problem
from .answers.bounded import read_reference
from .answers.broken import broken
from .answers.extraction import after_reasoning
from .answers.question import question_text
from .opinion_counts import key_of
from .opinions import Order, columns_of, kind_of, with_opinion, worth_asking
from .verdict_fields import rule_fields
from .verifiers import CUT_MARK, Case, Opinion, VerifierModel

if TYPE_CHECKING:
    from .verifying import AnswerPool

Key = TypeVar("Key", bound=Hashable)
Item = tuple[Key, str | None, str | None, Problem]
"""A row: its key, the rollout's text and finish reason, its problem."""

BLOCK_CASES = 1024
BLOCK_CHARACTERS = 16 << 20
"""What rules leave open is collected up to here before the model is asked, so that its batches are full."""


class Decision(NamedTuple, Generic[Key]):
    """The columns of a row; `failed` where the model could not be asked, so that asking again may help."""

    key: Key
    fields: dict[str, Any]
    failed: bool = False


class Asker:
    """Asks a verifier model, and rules where there are any.

    Args:
        rules: None: the model alone.
        mode: how the model is asked, for the column `method`.
        stopping: once true, the rows that are not decided yet are not given at all.
    """

    def __init__(
        self,
        rules: AnswerPool | None,
        model: VerifierModel,
        *,
        order: Order,
        mode: str,
        stopping: Callable[[], bool],
    ) -> None:
        self._rules, self._model = rules, model
        self._order: Order = order
        self._mode, self._stopping = mode, stopping

    def verify(self, items: Iterable[Item[Key]]) -> Iterator[Decision[Key]]:
        """The verdict of every item, in any order."""
        if self._rules is not None and self._order != "model-first":
            return self._rules_then_model(self._rules, items)
        return self._model_then_rules(items)

    def _rules_then_model(self, rules: AnswerPool, items: Iterable[Item[Key]]) -> Iterator[Decision[Key]]:
        held: dict[Key, tuple[str | None, Problem]] = {}

        def holding() -> Iterator[Item[Key]]:
            for item in items:
                held[item[0]] = (item[1], item[3])
                yield item

        block: list[tuple[Decision[Key], Case]] = []
        characters = 0
        for key, fields in rules.verify(holding()):
            case = case_of(*held.pop(key))
            if not case.completion or not worth_asking(fields, self._order):
                yield Decision(key, fields)
                continue
            block.append((Decision(key, fields), case))
            characters += len(case.completion)
            if len(block) >= BLOCK_CASES or characters >= BLOCK_CHARACTERS:
                yield from self._ask(block)
                block, characters = [], 0
        yield from self._ask(block)

    def _ask(self, block: list[tuple[Decision[Key], Case]]) -> Iterator[Decision[Key]]:
        cases = ((number, case) for number, (_, case) in enumerate(block))
        for number, opinion in self._model.ask(cases, self._stopping):
            decision = block[number][0]
            fields = with_opinion(decision.fields, opinion, self._mode, self._order)
            yield Decision(decision.key, fields, opinion.failed)

    def _model_then_rules(self, items: Iterable[Item[Key]]) -> Iterator[Decision[Key]]:
        held: dict[int, Item[Key]] = {}
        ready: list[Decision[Key]] = []
        left: list[tuple[Item[Key], Opinion]] = []

        def cases() -> Iterator[tuple[int, Case]]:
            for number, item in enumerate(items):
                key, text, _, problem = item
                case, verdict = case_of(text, problem), self._without_asking(text, problem)
                if verdict is None:
                    held[number] = item
                    yield number, case
                else:
                    ready.append(Decision(key, verdict))

        for number, opinion in self._model.ask(cases(), self._stopping):
            item = held.pop(number)
            if opinion.verdict == "unknown" and not opinion.failed and self._rules is not None:
                left.append((item, opinion))
                if len(left) >= BLOCK_CASES:
                    ready += self._by_rules(left)
                    left.clear()
            else:
                ready.append(Decision(item[0], self._by_model(item[3], opinion), opinion.failed))
            yield from ready
            ready.clear()
        ready += self._by_rules(left)
        yield from ready

    def _by_rules(self, left: list[tuple[Item[Key], Opinion]]) -> Iterator[Decision[Key]]:
        """What rules say where the model gave no label."""
        if self._rules is not None and left:
            opinions = {item[0]: opinion for item, opinion in left}
            for key, fields in self._rules.verify([item for item, _ in left]):
                yield Decision(key, with_opinion(fields, opinions[key], self._mode, self._order))

    def _by_model(self, problem: Problem, opinion: Opinion) -> dict[str, Any]:
        fields = rule_fields(expected_of(problem), opinion.verdict, opinion.reason, f"verifier, {self._mode}")
        return {**fields, "rule_verdict": None, "rule_reason": None, **columns_of(opinion)}

    def _without_asking(self, text: str | None, problem: Problem) -> dict[str, Any] | None:
        """The row of a rollout that nothing can be asked about."""
        known = expected_of(problem)
        if why := broken(problem, known["expected"] or "", known["answer_type"]):
            reason = f"problem: {why}"
        elif not (text or "").strip():
            reason = "empty"
        elif not case_of(text, problem).completion:
            reason = "no answer: nothing stands behind its reasoning"
        else:
            return None
        return {**rule_fields(known, "invalid", reason, "rules"), "rule_verdict": None, "rule_reason": None}


def expected_of(problem: Problem) -> dict[str, Any]:
    """The columns that tell what a problem expects."""
    reference = read_reference(problem.get("answer"), problem.get("answer_type"))
    return {"expected": reference.expected or None, "answer_type": reference.answer_type}


def case_of(text: str | None, problem: Problem) -> Case:
    """What the model is shown of a rollout: the part after reasoning."""
    text = text or ""
    start, end = after_reasoning(text)
    return Case(
        question_text(problem["messages"]).strip(), expected_of(problem)["expected"] or "", text[start:end].strip()
    )


def counts_of(fields: dict[str, Any]) -> dict[str, float]:
    """What one row adds to the counts.

    Its verdict, the kind of reason of an invalid or unknown one, both opinions where there are two, and whether the
    verifier saw only the end of the completion.
    """
    counts: dict[str, float] = {fields["verdict"]: 1}
    if fields["verdict"] in ("invalid", "unknown"):
        counts[f"{fields['verdict']}: {kind_of(fields['reason'])}"] = 1
    if fields.get("model_verdict"):
        counts["asked"] = 1
        if fields.get("rule_verdict"):
            counts[key_of(fields["rule_verdict"], fields["model_verdict"])] = 1
        if any(mark.startswith(CUT_MARK) for mark in fields.get("marks") or ()):
            counts[CUT_MARK] = 1
    return counts
