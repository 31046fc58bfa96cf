"""The table of cases: every verdict is what it must be, swapped too, and the table covers what it has to."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import make_problem
from whet.stages.answers.types import ANSWER_TYPES
from whet.stages.verifying import AnswerPool, Verifying

sys.path.insert(0, str(Path(__file__).parent))
from cases import FAMILIES, PATTERNS, Case

ALL = [case for family in FAMILIES.values() for case in family]

INVALID_REASONS = ("truncated", "looping", "garbled", "refusal", "empty", "no answer", "problem")

Found = dict[str, dict[str, Any]]


def verified(cases: list[Case], pool: AnswerPool) -> Found:
    """The verdict fields of every case, by its name."""
    items = [
        (
            case.name,
            case.completion,
            case.finish_reason,
            make_problem([{"role": "user", "content": case.question}], case.reference, case.type),
        )
        for case in cases
    ]
    return dict(pool.verify(items))


@pytest.fixture(scope="module")
def pool() -> Iterator[AnswerPool]:
    with AnswerPool(Verifying()) as pool:
        yield pool


@pytest.fixture(scope="module")
def found(pool: AnswerPool) -> Found:
    """The verdict of every case."""
    return verified(ALL, pool)


def told(case: Case, fields: dict[str, Any], what: str = "") -> str:
    """One failure, to be read."""
    completion = (
        case.completion if case.completion is None or len(case.completion) < 200 else case.completion[:200] + "..."
    )
    return (
        f"\n{case.name} ({case.why}){what}"
        f"\n    {case.type}, {case.reference!r}: {completion!r}"
        f"\n    expected {case.verdict} {case.reason} {case.mark}".rstrip()
        + f"\n    found {fields['verdict']} ({fields['reason']}), {fields['extracted']!r} by {fields['method']}, "
        f"marks {fields.get('marks')}"
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_every_completion_gets_its_verdict(family: str, found: Found) -> None:
    cases = FAMILIES[family]
    failed = [told(case, found[case.name]) for case in cases if not case.agrees(found[case.name])]
    assert not failed, f"{len(failed)} of {len(cases)} {family}:" + "".join(failed)


def stated(answer: str | None) -> str:
    """An answer in a box; JSON behind a phrase, for a brace in one of its strings would end the box."""
    return f"The answer is {answer}" if '"' in str(answer) else rf"The answer is \boxed{{{answer}}}."


def swapped(case: Case, fields: dict[str, Any]) -> Case:
    """What was extracted becomes the reference, the reference the answer."""
    answer_type = None if case.type is None else fields["answer_type"]
    return case._replace(
        completion=stated(fields["expected"]), reference=fields["extracted"], type=answer_type, finish_reason="stop"
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_reference_and_answer_can_change_places(family: str, found: Found, pool: AnswerPool) -> None:
    turned = [
        swapped(case, found[case.name])
        for case in FAMILIES[family]
        if case.verdict in ("correct", "incorrect") and not case.one_way and found[case.name]["extracted"]
    ]
    outcomes = verified(turned, pool)
    # What was no answer, "the cat" for 3, is no reference either: its verdict is unknown, and never correct.
    same = {"correct": ("correct",), "incorrect": ("incorrect", "unknown", "invalid")}
    failed = [
        told(case, outcomes[case.name], ", swapped")
        for case in turned
        if outcomes[case.name]["verdict"] not in same[case.verdict]
    ]
    assert not failed, f"{len(failed)} of {len(turned)} {family}, swapped:" + "".join(failed)


def test_strict_refuses_what_is_picked_out_of_words_or_only_rounds_to_the_reference() -> None:
    with AnswerPool(Verifying(strict=True)) as pool:
        found = verified(ALL, pool)
    failed = [
        told(case, found[case.name], f", strict: expected {case.strict or case.verdict}")
        for case in ALL
        if found[case.name]["verdict"] != (case.strict or case.verdict)
    ]
    assert not failed, "".join(failed)
    assert sum(1 for case in ALL if case.strict) >= 3


def test_every_reference_of_the_table_verifies_against_itself(pool: AnswerPool) -> None:
    """But those that are broken, or that no comparison understands: they are unknown or invalid on purpose."""
    cases = {
        (case.type, case.question, case.reference): case._replace(completion=stated(case.reference), why="itself")
        for case in ALL
        if case.verdict in ("correct", "incorrect")
    }
    found = verified(list(cases.values()), pool)
    failed = [told(case, found[case.name]) for case in cases.values() if found[case.name]["verdict"] != "correct"]
    assert not failed, "".join(failed)


def test_the_table_is_as_long_and_as_hard_as_it_has_to_be() -> None:
    counts = Counter(case.verdict for case in ALL)
    near = sum(case.near_miss for case in ALL)
    assert len(ALL) >= 330
    assert counts["incorrect"] >= len(ALL) / 3
    assert near >= counts["incorrect"] / 2
    assert len({case.name for case in ALL}) == len(ALL)
    asked = [(case.type, case.question, case.reference, case.completion, case.finish_reason) for case in ALL]
    assert [entry for entry, times in Counter(asked).items() if times > 1] == []
    assert [case.name for case in ALL if not case.why or (case.near_miss and case.verdict != "incorrect")] == []


def test_the_table_holds_every_answer_type_every_invalid_reason_and_every_meta_pattern() -> None:
    by_type = Counter((case.type, case.verdict) for case in ALL)
    for answer_type in (*ANSWER_TYPES, None):
        assert by_type[answer_type, "correct"] >= 5, answer_type
        assert by_type[answer_type, "incorrect"] >= 5, answer_type
    reasons = Counter(case.reason for case in ALL if case.verdict == "invalid")
    assert {reason for reason in INVALID_REASONS if reasons[reason] < 3} == set()
    patterns = Counter(case.pattern for case in ALL if case.pattern)
    assert set(patterns) == set(PATTERNS)
    # Five that verifiers reject wrongly, nine that they accept wrongly, five that are no answers.
    expected = dict(zip(PATTERNS, ["correct"] * 5 + ["incorrect"] * 9 + ["invalid"] * 5, strict=True))
    shown = {(case.pattern, case.verdict) for case in ALL}
    assert [pattern for pattern, verdict in expected.items() if (pattern, verdict) not in shown] == []
