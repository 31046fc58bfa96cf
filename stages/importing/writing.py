"""From the entries of a file to the parts of an artifact."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...artifacts import Chunk, Draft, Problem
from ...artifacts.files import read_json, write_json
from .encoding import RolloutEncoder
from .reading import BadRow, Unit
from .survey import Bad, Source, Survey

_MOST_ROLLOUTS = 1 << 20
"""Rollouts that one record may list."""


def distinct_problems(source: Source, found: Survey) -> Iterator[Problem]:
    """Every problem of a file, once."""
    seen: set[str] = set()
    for unit in found.units:
        for _, _, entry in source.entries(unit):
            problem = None if isinstance(entry, BadRow) else entry.problem
            if problem is not None and problem["problem_id"] not in seen:
                seen.add(problem["problem_id"])
                yield problem


def write_chunks(
    source: Source,
    found: Survey,
    draft: Draft[Any],
    max_bad: int,
    encoder: RolloutEncoder | None = None,
    known: Mapping[str, str] | None = None,
) -> int:
    """Write the rows of a file, a unit a chunk.

    Args:
        encoder: gives completions their token ids.
        known: the rollouts that rows may belong to, with their problems; any when None.

    Returns:
        the number of bad rows in all: those that the survey found, and those that `encoder` or `known` refused.

    Raises:
        Failed: more of them than `max_bad`.
    """
    refused = draft.work / "refused"
    refused.mkdir(exist_ok=True)
    for chunk in draft.chunks([unit.plan() for unit in found.units]):
        bad = Bad(source.name, max_bad, found.bad)
        _write_unit(source, found, found.units[chunk.index], chunk, bad, encoder, known, draft)
        bad.check()
        write_json(refused / f"{chunk.index:05d}.json", bad.count - found.bad)
    total = found.bad + sum(read_json(path) for path in refused.glob("[0-9]*.json"))
    Bad(source.name, max_bad, total).check()
    return total


def _write_unit(
    source: Source,
    found: Survey,
    unit: Unit,
    chunk: Chunk[Any],
    bad: Bad,
    encoder: RolloutEncoder | None,
    known: Mapping[str, str] | None,
    draft: Draft[Any],
) -> None:
    for position, line, entry in source.entries(unit):
        if isinstance(entry, BadRow):
            continue  # the survey has reported it
        earlier = int(found.earlier[position])
        for k, row in enumerate(source.reads.rows(entry, earlier)):
            order = (position - unit.first) * _MOST_ROLLOUTS + k
            if order in chunk.done:
                continue
            try:
                if known is not None:
                    row.setdefault("problem_id", _problem_of(row["rollout_id"], known))
                if encoder is not None and entry.problem is not None:
                    encoder.add_ids(row, entry.problem)
            except BadRow as reason:
                bad.add(line, reason)
                continue
            chunk.write(row, order, _counts(row, earlier))
        draft.progress(position + 1, found.records, "records")


def _problem_of(rollout: str, known: Mapping[str, str]) -> str:
    if rollout not in known:
        raise BadRow(f"belongs to rollout {rollout}, which --rollouts does not hold")
    return known[rollout]


def _counts(row: dict[str, Any], earlier: int) -> dict[str, float]:
    """What a row adds to the artifact's counts."""
    if "verdict" in row:
        return {row["verdict"]: 1}
    return {"repeated": 1} if earlier and "rollout_id" not in row else {}
