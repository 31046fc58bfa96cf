"""whet verify ROLLOUTS --out FOLDER: give every rollout a verdict by rules."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from ..artifacts import Artifact, Draft, Problem, Rollout, Verdict, WrongArtifact
from .options import Flat, Runtime
from .verifying import AnswerPool, Verifying

VERSION = 1

COLUMNS = ["rollout_id", "problem_id", "step", "text", "finish_reason", "error"]


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """How rollouts are verified."""

    verifying: Annotated[Verifying, Flat] = field(default_factory=Verifying)
    """Extraction and comparison"""

    max_unknown: Annotated[float, Runtime] = 0.05
    """Share of unknown verdicts above which the gate closes (exit 4)"""


def verify(rollouts: Artifact[Rollout], verdicts: Draft[Verdict], options: VerifyOptions) -> None:
    """Give every rollout a verdict: correct, incorrect, invalid or unknown.

    The final answer (the last box, else what follows a final-answer phrase) is compared with the problem's reference,
    as numbers, choices, words or mathematics. Comparisons that hang or fail are unknown, with the reason, and never
    count as wrong.

    Examples:
        whet verify runs/x/rollouts --out runs/x/verdicts
        whet verify runs/x/rollouts --answer-type number --workers 8 --out runs/x/verdicts
    """
    verdicts.facts["belongs_to"] = {"rollouts": rollouts.digest}
    verdicts.facts["stop_rule"] = rollouts.manifest.facts.get("stop_rule", "fixed")
    problems = rollouts.problems()
    done = 0
    with AnswerPool(options.verifying) as pool:
        for chunk in verdicts.chunks([{"part": part.name} for part in rollouts.parts]):
            done += len(chunk.done)
            ids: dict[int, dict[str, Any]] = {}
            for order, fields in pool.verify(_items(rollouts, chunk.index, chunk.done, problems, ids)):
                row = ids.pop(order)
                fields = _without_rollout(fields, error) if (error := row.pop("error")) else fields
                chunk.write({**row, **fields}, order, counts_of(fields))
                done += 1
                verdicts.progress(done, len(rollouts))
    close_gate(verdicts, options.max_unknown)


def _items(
    rollouts: Artifact[Rollout], part: int, done: set[int], problems: dict[str, Problem], ids: dict[int, dict[str, Any]]
) -> Iterator[tuple[int, str | None, str | None, Problem]]:
    """The rows of one part that have no verdict yet; what a verdict row repeats of its rollout goes into `ids`."""
    for order, row in enumerate(rollouts.part_rows(part, COLUMNS)):
        if order in done:
            continue
        if row["problem_id"] not in problems:
            raise WrongArtifact(
                f"{rollouts.path} has no problem {row['problem_id']} of rollout {row['rollout_id']}: make it again"
            )
        ids[order] = {name: row.get(name) for name in ("rollout_id", "problem_id", "step", "error")}
        yield order, row["text"], row.get("finish_reason"), problems[row["problem_id"]]


def _without_rollout(fields: dict[str, Any], error: str) -> dict[str, Any]:
    """A rollout that failed (a server that did not answer) is not known to be wrong."""
    return {**fields, "verdict": "unknown", "rule_verdict": "unknown", "reason": f"error: no rollout: {error}"}


def counts_of(fields: dict[str, Any]) -> dict[str, float]:
    """What one verdict adds to the counts: its verdict and, for invalid and unknown ones, the kind of reason."""
    counts: dict[str, float] = {fields["verdict"]: 1}
    if fields["verdict"] in ("invalid", "unknown"):
        counts[f"{fields['verdict']}: {str(fields['reason']).split(':')[0]}"] = 1
    return counts


def close_gate(verdicts: Draft[Verdict], max_unknown: float) -> None:
    """Mark the artifact when too many verdicts are unknown."""
    counts = verdicts.counts()
    total = sum(counts.get(verdict, 0) for verdict in ("correct", "incorrect", "invalid", "unknown"))
    unknown = counts.get("unknown", 0)
    if total and unknown / total > max_unknown:
        kinds = [f"{count:g} {kind.partition(': ')[2]}" for kind, count in sorted(counts.items()) if "unknown:" in kind]
        listed = ", ".join(kinds)
        verdicts.gate(
            "max-unknown",
            f"{unknown:g} of {total:g} verdicts are unknown ({listed}), more than --max-unknown {max_unknown:g}: "
            f"look at them with whet show --where 'verdict=unknown'",
        )
