"""The rows that verdicts are given to: rollouts, or problems whose references are checked against themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_type_hints

from ..artifacts import Artifact, Problem, Verdict, WrongArtifact
from .answers.types import reference_of
from .cascade import Item
from .joins import check_belongs
from .verdict_fields import rule_fields

IDS = ("rollout_id", "problem_id", "step")
_OF_ROLLOUTS = [*IDS, "text", "finish_reason", "error"]


class RowsToVerify:
    """The rows of one part after the other; what a verdict row repeats of its row is kept until it is asked for.

    Args:
        rows: rollouts with their problems, or problems.
        known: verdicts of an earlier run, which `--retry-unknown` gives: those that are not unknown are kept.
    """

    def __init__(self, rows: Artifact[Any], known: Artifact[Verdict] | None = None) -> None:
        self._rows = rows
        self.of_problems = rows.kind == "problems"
        self._problems: dict[str, Problem] = {} if self.of_problems else rows.problems()
        self._first = _first_rows(rows) if self.of_problems else {}
        self._known = _Known(known, rows) if known is not None else None
        self._held: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._first) if self.of_problems else len(self._rows)

    def belongs_to(self) -> dict[str, str]:
        """The fact that ties verdicts to what they were given to."""
        return {self._rows.kind: self._rows.digest}

    def settled(self, part: int, done: set[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Whole rows of a part that need no verdict any more, with their order: known ones, failed rollouts."""
        known = self._known.of_part(part) if self._known is not None else {}
        if not known and (self.of_problems or not self._has_errors(part)):
            return
        for order, row in self._part(part, ["rollout_id", "problem_id", "step", "error"]):
            if order in done:
                continue
            if (kept := known.get(row["rollout_id"])) is not None:
                yield order, kept
            elif row.get("error"):
                reason = f"error: no rollout: {row['error']}"
                yield order, {**_ids(row), **rule_fields({}, "unknown", reason, "rules"), "rule_reason": reason}

    def _has_errors(self, part: int) -> bool:
        return any(batch.column(0).null_count < len(batch) for batch in self._rows.part_batches(part, ["error"]))

    def items(self, part: int, done: set[int]) -> Iterator[Item[int]]:
        """The rows of a part that have no verdict yet, their order in it as the key."""
        columns = None if self.of_problems else _OF_ROLLOUTS
        for order, row in self._part(part, columns):
            if order in done:
                continue
            self._held[order] = _ids(row)
            if self.of_problems:
                yield order, rf"\boxed{{{reference_of(row.get('answer'))}}}", "stop", row  # type: ignore[misc]
            else:
                yield order, row["text"], row.get("finish_reason"), self._problem(row)

    def finished(self, order: int, fields: dict[str, Any]) -> dict[str, Any]:
        """The whole row of a verdict."""
        return {**self._held.pop(order), **(_about_a_reference(fields) if self.of_problems else fields)}

    def _part(self, part: int, columns: list[str] | None) -> Iterator[tuple[int, dict[str, Any]]]:
        if self.of_problems:
            for order, row in enumerate(self._rows.part_rows(part)):
                if self._first[row["problem_id"]] == (part, order):
                    yield order, {**row, "rollout_id": row["problem_id"]}
        else:
            yield from enumerate(self._rows.part_rows(part, columns))

    def _problem(self, row: dict[str, Any]) -> Problem:
        if row["problem_id"] not in self._problems:
            raise WrongArtifact(
                f"{self._rows.path} has no problem {row['problem_id']} of rollout {row['rollout_id']}: make it again"
            )
        return self._problems[row["problem_id"]]


def _first_rows(problems: Artifact[Problem]) -> dict[str, tuple[int, int]]:
    """Where every problem stands first: one that is listed twice is checked once."""
    places: dict[str, tuple[int, int]] = {}
    for part in problems.parts:
        for order, row in enumerate(problems.part_rows(part.index, ["problem_id"])):
            places.setdefault(row["problem_id"], (part.index, order))
    return places


def _ids(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in IDS}


def _about_a_reference(fields: dict[str, Any]) -> dict[str, Any]:
    """A reference that does not verify against itself is a broken problem; a time-out says nothing about it."""
    verdict, reason = fields["verdict"], fields["reason"] or ""
    if verdict == "correct" or reason.startswith(("problem", "timeout", "error")):
        return fields
    why = reason if verdict == "unknown" else f"its reference does not verify against itself: {reason or verdict}"
    return {**fields, "verdict": "invalid", "reason": f"problem: {why}"}


class _Known:
    """The verdicts of an earlier run that are not unknown.

    Raises:
        WrongArtifact: they belong to other rows.
    """

    def __init__(self, verdicts: Artifact[Verdict], rows: Artifact[Any]) -> None:
        if rows.kind == "problems":
            if (verdicts.manifest.facts.get("belongs_to") or {}).get("problems") != rows.digest:
                raise WrongArtifact(f"{verdicts.path} holds no check of {rows.path}, expected one of these problems")
        else:
            check_belongs(verdicts, rows)
        self._verdicts = verdicts
        self._columns = list(get_type_hints(Verdict))
        # What `whet verify` made has the parts of its rollouts; a selection of verdicts has other ones.
        aligned = [part.rows for part in verdicts.parts] == [part.rows for part in rows.parts]
        self._all = None if aligned else self._rows_of(verdicts.rows(self._columns))

    def of_part(self, part: int) -> dict[str, dict[str, Any]]:
        """Known rows by rollout_id: those of the part, or all where parts differ."""
        if self._all is not None:
            return self._all
        return self._rows_of(self._verdicts.part_rows(part, self._columns))

    def _rows_of(self, rows: Iterator[Any]) -> dict[str, dict[str, Any]]:
        return {row["rollout_id"]: row for row in rows if row["verdict"] != "unknown"}
