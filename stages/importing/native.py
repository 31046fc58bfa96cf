"""Rows that `whet export` wrote: taken as they are, identities checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...artifacts import KINDS, problem_id
from ...artifacts.files import digest_of
from ...artifacts.records import Problem
from .reading import BadRow
from .rows import Entry


def native_kind(record: Mapping[str, Any]) -> str | None:
    """The kind a record is a row of, None when it is not one of ours."""
    if "rollout_id" in record and "problem_id" in record:
        if "verdict" in record:
            return "verdicts"
        if "problem" in record:
            return "rollouts"
        return "scores" if "score" in record else None
    if "problem_id" in record and "messages" in record:
        return "problems"
    return "texts" if "text_id" in record and "text" in record else None


@dataclass(frozen=True, kw_only=True)
class NativeReading:
    """Reads rows of one kind; the counterpart of `Reading` for our own files."""

    kind: str

    def entry(self, record: Mapping[str, Any]) -> Entry:
        """Read a record.

        Raises:
            BadRow: it is no row of the kind, or its problem_id is not the digest of its problem.
        """
        row = dict(record)
        problem = row.pop("problem", None) if self.kind == "rollouts" else None
        if self.kind == "rollouts" and not isinstance(problem, dict):
            raise BadRow("has no problem, expected the row of its problem")
        self._check(row, KINDS[self.kind].record)
        if problem is not None:
            self._check(problem, Problem)
        asked: Any = row if self.kind == "problems" else problem
        if asked is not None:
            found = problem_id(asked["messages"], asked["answer"], asked.get("answer_type"), asked.get("images"))
            if found != row["problem_id"] or found != asked["problem_id"]:
                raise BadRow(f"has problem_id {row['problem_id']}, its problem has {found}: one of them was changed")
        key = next((name for name in ("rollout_id", "problem_id", "text_id") if name in row), None)
        return Entry(row[key] if key else digest_of(row), asked, [row])

    def rows(self, entry: Entry, earlier: int) -> list[dict[str, Any]]:
        """The rows of an entry, as they are."""
        return entry.columns

    def _check(self, row: dict[str, Any], record: Any) -> None:
        known, needed = record.__annotations__.keys(), record.__required_keys__
        if unknown := sorted(row.keys() - known):
            raise BadRow(f"has the column {unknown[0]}, {self.kind} have {', '.join(known)}")
        if missing := sorted(needed - row.keys()):
            raise BadRow(f"has no {missing[0]}")
