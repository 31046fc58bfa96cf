"""What rules say of one rollout, as the columns of a `Verdict` row (all but the ids)."""

from collections.abc import Sequence
from typing import Any, get_type_hints

from ..artifacts import Verdict
from .answers.comparison import Comparison

_IDS = ("rollout_id", "problem_id", "step")
_EMPTY: dict[str, Any] = dict.fromkeys(name for name in get_type_hints(Verdict) if name not in _IDS)


def rule_fields(
    known: dict[str, Any], verdict: str, reason: str | None, method: str, marks: Sequence[str] = ()
) -> dict[str, Any]:
    """A verdict by rules: what is `known` of the answer, and the rules' opinion as the verdict itself."""
    return {
        **_EMPTY,
        **known,
        "verdict": verdict,
        "reason": reason,
        "rule_verdict": verdict,
        "rule_reason": reason,
        "method": method,
        "marks": list(marks) or None,
    }


def decided(known: dict[str, Any], comparison: Comparison) -> dict[str, Any]:
    """The verdict that a comparison leads to.

    `known` holds what was extracted; its `method` is the rule that found it, its `marks` come before the comparison's.
    """
    verdict = "unknown" if comparison.equal is None else "correct" if comparison.equal else "incorrect"
    fields = rule_fields(
        known,
        verdict,
        comparison.reason,
        f"{known['method']}, {comparison.method}",
        (*(known.get("marks") or ()), *comparison.marks),
    )
    fields["token_f1"] = comparison.token_f1
    return fields
