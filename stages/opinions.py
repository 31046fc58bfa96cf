"""Two opinions on one rollout, that of the rules and that of a verifier model, made into one verdict.

`fields` are the columns of a `Verdict` row that rules filled in (see `verdict_fields`). Which opinion counts:

- rules-first: the model is asked only where rules say incorrect, find no answer, or cannot tell; its word is then final
  (OREAL, Lyu et al. 2025; OpenCompass's cascade). Rules can rescue, the model can overturn a rejection.
- model-first: the rules are asked only where the model gives no label.
- both: correct only if both say so; where they disagree the stricter verdict counts, with the reason.

Where the one that is asked second cannot tell either, the first one's verdict stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .verifiers import Opinion

Order = Literal["rules-first", "model-first", "both"]

_STRICTNESS = {"correct": 0, "incorrect": 1, "invalid": 2}
NO_LABEL = "the verifier gives no label"


def kind_of(reason: str | None) -> str:
    """The kind of a reason: what stands before the colon."""
    return (reason or "").partition(":")[0]


def worth_asking(fields: Mapping[str, Any], order: Order) -> bool:
    """Whether a model can change what rules say: not where the rollout is truncated, looping, empty ... or broken."""
    verdict = fields["verdict"]
    if verdict == "invalid":
        return kind_of(fields["reason"]) == "no answer"
    return verdict != "correct" or order == "both"


def with_opinion(fields: Mapping[str, Any], opinion: Opinion, mode: str, order: Order) -> dict[str, Any]:
    """The row of a rollout that both gave an opinion on; `mode` is how the model was asked."""
    joined = {**fields, **columns_of(opinion, fields.get("marks"))}
    if opinion.failed:
        return {**joined, "verdict": "unknown", "reason": opinion.reason, "method": f"verifier, {mode}"}
    if order == "both":
        return joined | _agreed(fields, opinion, mode)
    if opinion.verdict != "unknown":
        same = opinion.verdict == fields["rule_verdict"]
        reason = fields["rule_reason"] if same and fields["rule_reason"] else opinion.reason
        return joined | {"verdict": opinion.verdict, "reason": reason, "method": f"verifier, {mode}"}
    if fields["rule_verdict"] != "unknown":
        asked_second = [NO_LABEL] if order == "rules-first" else []
        return joined | {"marks": [*(joined["marks"] or ()), *asked_second] or None}
    return joined | {"reason": "; ".join(reason for reason in (fields["rule_reason"], opinion.reason) if reason)}


def columns_of(opinion: Opinion, marks: list[str] | None = None) -> dict[str, Any]:
    """The columns that a model fills in, its marks behind those that are there."""
    return {
        "model_verdict": opinion.verdict,
        "model_reason": opinion.reason,
        "model_text": opinion.text,
        "confidence": opinion.confidence,
        "marks": [*(marks or ()), *opinion.marks] or None,
    }


def _agreed(fields: Mapping[str, Any], opinion: Opinion, mode: str) -> dict[str, Any]:
    """Both must agree: verdict, reason and method."""
    rules, model = fields["rule_verdict"], opinion.verdict
    method = f"{fields['method']}; verifier, {mode}"
    if rules == model:
        reason = (
            "; ".join(one for one in (fields["rule_reason"], opinion.reason) if one) if rules == "unknown" else None
        )
        return {"verdict": rules, "reason": reason or fields["rule_reason"] or opinion.reason, "method": method}
    if "unknown" in (rules, model):
        known, unknown = (model, fields["rule_reason"]) if rules == "unknown" else (rules, opinion.reason)
        if known == "correct":
            return {"verdict": "unknown", "reason": unknown, "method": method}
        own = opinion.reason if rules == "unknown" else fields["rule_reason"]
        return {"verdict": known, "reason": own, "method": method}
    stricter = max(rules, model, key=_STRICTNESS.__getitem__)
    own = fields["rule_reason"] if stricter == rules else opinion.reason
    said = f"rules say {rules}, the verifier {model}"
    return {"verdict": stricter, "reason": f"{own}; {said}" if own else said, "method": method}
