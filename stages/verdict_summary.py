"""What `whet verify` says once all rows have their verdict: broken problems, disagreements, quality gates.

Everything comes from what finished chunks hold, so rows of an earlier attempt count too.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..artifacts import Draft, Verdict
from ..artifacts.wording import counted
from . import opinion_counts
from .report import show

SHOWN = 5
"""Overturned rows that the log shows; of broken problems four times as many."""


def tell(verdicts: Draft[Verdict]) -> None:
    """Put into the log and the manifest where rules and verifier disagree, and which problems are broken."""
    from loguru import logger

    counts = verdicts.counts()
    if counts.get("invalid: problem"):
        logger.warning(
            f"{counted(int(counts['invalid: problem']), 'row has', 'rows have')} a broken problem, the first problems:"
        )
        for line in broken_lines(verdicts):
            logger.warning(line)
    found = opinion_counts.overturned(counts)
    if not found.of:
        return
    verdicts.facts.update(opinion_counts.facts(counts))
    show([opinion_counts.table(counts)])
    logger.info(f"the verifier overturns {found.rows:,} of {found.of:,} verdicts of the rules ({found.rate:.1%})")
    for line in opinion_counts.lines(opinion_counts.overturned_rows(verdicts.folder, SHOWN)):
        logger.info(line)


def broken_lines(verdicts: Draft[Verdict]) -> list[str]:
    """Some problems that are broken, each once."""
    from ..artifacts.parquet import read_batches

    found: dict[str, str] = {}
    for part in sorted((verdicts.folder / "data").glob("part-*.parquet")):
        for batch in read_batches(part, ["problem_id", "verdict", "reason", "expected"]):
            for row in batch.to_pylist():
                if row["verdict"] == "invalid" and (row["reason"] or "").startswith("problem"):
                    found.setdefault(row["problem_id"], f"{row['problem_id']}: {row['expected']!r}: {row['reason']}")
                    if len(found) >= 4 * SHOWN:
                        return list(found.values())
    return list(found.values())


def close_gates(verdicts: Draft[Verdict], max_unknown: float, max_broken: float) -> None:
    """Mark the artifact when too many verdicts are unknown, or too many problems broken."""
    counts = verdicts.counts()
    total = sum(counts.get(verdict, 0) for verdict in ("correct", "incorrect", "invalid", "unknown"))
    unknown, broken = counts.get("unknown", 0), counts.get("invalid: problem", 0)
    if unknown > max_unknown * total:
        verdicts.gate(
            "max-unknown",
            f"{unknown:g} of {total:g} verdicts are unknown ({_kinds(counts)}), more than --max-unknown "
            f"{max_unknown:g}: look at them with whet show --where 'verdict=unknown', "
            "give them anew with --retry-unknown and --accept-gated",
        )
    if broken > max_broken * total:
        verdicts.gate(
            "max-broken",
            f"{broken:g} of {total:g} rows have a broken problem, more than --max-broken {max_broken:g}: look "
            "at them with whet show --where 'verdict=invalid'",
        )


def _kinds(counts: Mapping[str, float]) -> str:
    unknown = {name: count for name, count in sorted(counts.items()) if name.startswith("unknown: ")}
    return ", ".join(f"{count:g} {name.partition(': ')[2]}" for name, count in unknown.items())
