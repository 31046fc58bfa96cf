"""What is known of a row: its own columns, its verdict, its score, its problem, and how often that is solved.

An expression over columns (`--where`) and the printing of rows see all of them; where two have the same name, the row's
own comes first, then the verdict's, the score's, the problem's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from ...artifacts import KINDS, Artifact, Problem
from ..joins import by_rollout
from .pass_rates import Tally, tally

PASS_RATE = "pass_rate"
"""A column that verdicts give to every row of a problem."""


def own_columns(kind: str) -> list[str]:
    """The columns of a kind's rows."""
    return list(get_type_hints(KINDS[kind].record))


@dataclass
class Known:
    """What belongs to the rows of an artifact.

    Args:
        kind: of the rows.
        verdicts, scores: rows by rollout_id.
        problems: embedded problems by problem_id.
        tallies: verdicts counted by problem_id.
        columns: every name that `view` can give.
    """

    kind: str
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)

    def view(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row with all that is known of it."""
        problem_id, rollout_id = row.get("problem_id"), row.get("rollout_id")
        seen: dict[str, Any] = {}
        if problem_id in self.problems:
            seen.update(self.problems[problem_id])
        seen.update(self.scores.get(rollout_id or "", {}))
        seen.update(self.verdicts.get(rollout_id or "", {}))
        seen.update(row)
        if self.tallies:
            counted = self.tallies.get(problem_id or "")
            seen[PASS_RATE] = None if counted is None or counted.rate is None else float(counted.rate)
        return seen


def columns_of(kind: str, verdicts: bool, scores: bool) -> list[str]:
    """The columns an expression over rows of a kind may name.

    Args:
        verdicts, scores: whether some are joined.
    """
    names = own_columns(kind)
    names += own_columns("verdicts") if verdicts and kind == "rollouts" else []
    names += own_columns("scores") if scores and kind == "rollouts" else []
    names += own_columns("problems") if kind == "rollouts" else []
    names += [PASS_RATE] if verdicts or kind == "verdicts" else []
    return list(dict.fromkeys(names))


def absent_columns(kind: str, verdicts: bool, scores: bool, flags: tuple[str, str]) -> dict[str, str]:
    """What to add to have the columns of verdicts and scores that are not joined.

    Args:
        flags: that join verdicts and scores.
    """
    if kind not in ("rollouts", "problems"):
        return {}
    known = columns_of(kind, verdicts, scores)
    wanted = dict.fromkeys(columns_of(kind, True, False), f"add {flags[0]} VERDICTS")
    wanted = dict.fromkeys(columns_of(kind, False, True), f"add {flags[1]} SCORES") | wanted
    return {name: text for name, text in wanted.items() if name not in known}


def load_known(
    kind: str,
    artifacts: Sequence[Artifact[Any]],
    verdicts: Sequence[Artifact[Any]],
    scores: Sequence[Artifact[Any]],
    read: Iterable[str],
) -> Known:
    """Load what the named columns need, and no more.

    Args:
        artifacts: the rows' artifacts.
        read: the columns that will be looked at.

    Raises:
        WrongArtifact: a rollout has two verdicts or two scores.
    """
    wanted = set(read)
    known = Known(kind, columns=columns_of(kind, bool(verdicts), bool(scores)))
    if kind == "rollouts":
        own = set(own_columns("rollouts"))
        verdict_columns = [name for name in own_columns("verdicts") if name in wanted - own]
        score_columns = [name for name in own_columns("scores") if name in wanted - own]
        if verdict_columns:
            known.verdicts = by_rollout(verdicts, verdict_columns)
        if score_columns:
            known.scores = by_rollout(scores, score_columns)
        if wanted & set(own_columns("problems")) - own:
            known.problems = {key: row for artifact in artifacts for key, row in artifact.problems().items()}
    if PASS_RATE in wanted:
        judged = artifacts if kind == "verdicts" else verdicts
        known.tallies = tally(row for item in judged for row in item.rows(["problem_id", "verdict", "reason"]))
    return known
