"""What a selection tells of itself: its facts, its summary, and how many rollouts a chosen one was chosen from."""

from collections.abc import Sequence
from typing import Any

from ...artifacts import Artifact
from ..joins import SELECTED_FROM, belongs_to, identities
from .selecting import Selection

CHOSEN = "chosen"
"""The stop rule of rollouts that were chosen by how they went: shares of correct ones mean nothing there."""
CHOOSING = ("where", "duplicates", "per_problem")
"""What can have removed rows by how they went."""


def with_totals(row: dict[str, Any], draws: list[int], judged: bool) -> dict[str, Any]:
    """A rollout that was chosen says from how many; what an earlier selection said stays."""
    if row.get("draws_total") is not None:
        return row
    return {**row, "draws_total": draws[0], "correct_total": draws[1] if judged else None}


def facts_of(artifacts: Sequence[Artifact[Any]], selection: Selection) -> dict[str, Any]:
    """What is true of all inputs stays true of their rows; where they come from is kept together."""
    given = [artifact.manifest.facts for artifact in artifacts]
    facts = {name: value for name, value in given[0].items() if all(other.get(name) == value for other in given[1:])}
    rules = [other["stop_rule"] for other in given if other.get("stop_rule", "fixed") != "fixed"]
    if rules:
        facts["stop_rule"] = rules[0]
    if artifacts[0].kind == "rollouts":
        facts[SELECTED_FROM] = sorted({digest for artifact in artifacts for digest in identities(artifact)})
    if artifacts[0].kind in ("verdicts", "scores") and "belongs_to" not in facts:
        facts["belongs_to"] = {"rollouts": sorted({digest for item in artifacts for digest in belongs_to(item)})}
    facts["selection"] = {"rows_in": selection.rows_in, "rows": selection.rows, "removed": dict(selection.removed)}
    return facts


_REASONS = {
    "overlap_exact": "asked by the test set",
    "overlap_words": "overlapping with the test set",
    "where": "by --where",
    "duplicates": "duplicates",
    "pass_rate": "by their pass rate",
    "no_pass_rate": "without verdicts",
    "broken_problems": "of broken problems",
    "other_splits": "in other splits",
    "per_problem": "by --per-problem",
}


def summary(selection: Selection) -> str:
    removed = ", ".join(
        f"{selection.removed[name]:,} {words}" for name, words in _REASONS.items() if selection.removed[name]
    )
    return f"{selection.rows:,} of {selection.rows_in:,} rows stay" + (f"; removed {removed}" if removed else "")
