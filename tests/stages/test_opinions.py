"""Two opinions made into one verdict."""

from typing import Any

import pytest

from whet.stages.opinions import Order, with_opinion, worth_asking
from whet.stages.verdict_fields import rule_fields
from whet.stages.verifiers import Opinion

REASONS = {
    "correct": None,
    "incorrect": "another number",
    "invalid": "no answer",
    "unknown": "timeout: 5 s of CPU time",
}


def rules(verdict: str, reason: str | None = "") -> dict[str, Any]:
    return rule_fields(
        {"extracted": "4"}, verdict, REASONS[verdict] if reason == "" else reason, "box, number", ["a mark"]
    )


def model(verdict: str) -> Opinion:
    reasons = {"invalid": "looping: says the verifier", "unknown": "label: no label in 'x'"}
    return Opinion(verdict, reasons.get(verdict), None if verdict == "unknown" else 0.9, "text", ("cut",))


@pytest.mark.parametrize(
    ("verdict", "reason", "asked"),
    [
        ("correct", None, False),
        ("incorrect", "another number", True),
        ("invalid", "no answer", True),
        ("invalid", "no answer: nothing stands behind its reasoning", True),
        ("invalid", "truncated", False),
        ("invalid", "looping: 'so' 40 times", False),
        ("invalid", "garbled", False),
        ("invalid", "refusal", False),
        ("invalid", "empty", False),
        ("invalid", "problem: it has no reference answer", False),
        ("unknown", "timeout: 5 s", True),
        ("unknown", "reference not understood: x", True),
    ],
)
def test_the_model_is_asked_where_rules_reject_or_cannot_read(verdict: str, reason: str | None, asked: bool) -> None:
    assert worth_asking(rules(verdict, reason), "rules-first") is asked
    assert worth_asking(rules(verdict, reason), "both") is (asked or verdict == "correct")


FIRST: list[tuple[str, str, str, str | None]] = [
    ("incorrect", "correct", "correct", None),
    ("incorrect", "incorrect", "incorrect", "another number"),
    ("incorrect", "invalid", "invalid", "looping: says the verifier"),
    ("incorrect", "unknown", "incorrect", "another number"),
    ("invalid", "correct", "correct", None),
    ("invalid", "incorrect", "incorrect", None),
    ("invalid", "invalid", "invalid", "no answer"),
    ("invalid", "unknown", "invalid", "no answer"),
    ("unknown", "correct", "correct", None),
    ("unknown", "incorrect", "incorrect", None),
    ("unknown", "unknown", "unknown", "timeout: 5 s of CPU time; label: no label in 'x'"),
]


@pytest.mark.parametrize(("by_rules", "by_model", "verdict", "reason"), FIRST)
def test_behind_rules_the_word_of_the_model_is_final_where_it_gives_one(
    by_rules: str, by_model: str, verdict: str, reason: str | None
) -> None:
    row = with_opinion(rules(by_rules), model(by_model), "direct", "rules-first")
    assert (row["verdict"], row["reason"]) == (verdict, reason)
    assert (row["rule_verdict"], row["rule_reason"]) == (by_rules, REASONS[by_rules])
    assert (row["model_verdict"], row["model_reason"]) == model(by_model)[:2]
    assert (row["model_text"], row["extracted"]) == ("text", "4")
    stands = by_model == "unknown" and by_rules != "unknown"
    assert row["marks"] == ["a mark", "cut", *(["the verifier gives no label"] if stands else [])]
    assert row["method"] == ("box, number" if by_model == "unknown" else "verifier, direct")


BOTH: list[tuple[str, str, str, str | None]] = [
    ("correct", "correct", "correct", None),
    ("correct", "incorrect", "incorrect", "rules say correct, the verifier incorrect"),
    ("correct", "invalid", "invalid", "looping: says the verifier; rules say correct, the verifier invalid"),
    ("correct", "unknown", "unknown", "label: no label in 'x'"),
    ("incorrect", "correct", "incorrect", "another number; rules say incorrect, the verifier correct"),
    ("incorrect", "incorrect", "incorrect", "another number"),
    ("incorrect", "unknown", "incorrect", "another number"),
    ("invalid", "correct", "invalid", "no answer; rules say invalid, the verifier correct"),
    ("invalid", "incorrect", "invalid", "no answer; rules say invalid, the verifier incorrect"),
    ("invalid", "invalid", "invalid", "no answer"),
    ("unknown", "correct", "unknown", "timeout: 5 s of CPU time"),
    ("unknown", "incorrect", "incorrect", None),
    ("unknown", "invalid", "invalid", "looping: says the verifier"),
    ("unknown", "unknown", "unknown", "timeout: 5 s of CPU time; label: no label in 'x'"),
]


@pytest.mark.parametrize(("by_rules", "by_model", "verdict", "reason"), BOTH)
def test_where_both_must_agree_the_stricter_verdict_counts(
    by_rules: str, by_model: str, verdict: str, reason: str | None
) -> None:
    row = with_opinion(rules(by_rules), model(by_model), "direct", "both")
    assert (row["verdict"], row["reason"]) == (verdict, reason)
    assert row["method"] == "box, number; verifier, direct"


@pytest.mark.parametrize("by_rules", ["correct", "incorrect", "invalid"])
def test_before_rules_a_model_without_a_label_leaves_the_verdict_to_them(by_rules: str) -> None:
    row = with_opinion(rules(by_rules), model("unknown"), "direct", "model-first")
    assert (row["verdict"], row["reason"], row["method"]) == (by_rules, REASONS[by_rules], "box, number")
    assert row["marks"] == ["a mark", "cut"]


@pytest.mark.parametrize("order", ["rules-first", "model-first", "both"])
def test_a_model_that_could_not_be_asked_leaves_the_row_unknown(order: Order) -> None:
    opinion = Opinion("unknown", "error: no answer from the server", failed=True)
    row = with_opinion(rules("incorrect"), opinion, "direct", order)
    assert (row["verdict"], row["reason"]) == ("unknown", "error: no answer from the server")
    assert row["rule_verdict"] == "incorrect"
