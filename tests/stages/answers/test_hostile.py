"""Rows that hang, crash or bloat a verifier: none is lost, none changes the verdict of another."""

import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from whet.stages.verifying import AnswerPool, Verifying

sys.path.insert(0, str(Path(__file__).parent))
from hostile import KINDS, Row, good_rows, hostile_rows, mixed

NEAR = "near the time limit"


def verified(rows: list[Row], **options: Any) -> tuple[list[dict[str, Any]], float]:
    """The verdict of every row, in their order, and the seconds it took with all workers there from the start."""
    items = [(key, row.text, "stop", row.problem) for key, row in enumerate(rows)]
    with AnswerPool(Verifying(**options)) as pool:
        list(pool.verify([(0, r"\boxed{y+1}", "stop", good_rows(1)[0].problem)]))
        start = time.perf_counter()
        found = list(pool.verify(items))
        seconds = time.perf_counter() - start
    assert sorted(key for key, _ in found) == list(range(len(rows)))
    return [fields for _, fields in sorted(found, key=lambda pair: pair[0])], seconds


def cpu_of_others() -> float:
    """CPU seconds of all processes of this machine but this one and its ended children (Linux; else 0)."""
    if not Path("/proc/stat").exists():
        return 0.0
    fields = [float(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
    return busy - sum(os.times()[:4])


def lasting(fields: dict[str, Any]) -> dict[str, Any]:
    """A verdict without the one mark that depends on the machine."""
    return {**fields, "marks": [mark for mark in fields["marks"] or [] if mark != NEAR]}


def check(good: list[Row], hostile: list[Row], timeout_seconds: float) -> tuple[int, float, float]:
    """Verify the good rows alone, then all; the hanging rows, and the seconds of both."""
    options = {"workers": 2, "timeout_seconds": timeout_seconds, "memory_megabytes": 512}
    alone, good_seconds = verified(good, **options)
    rows = mixed(good, hostile)
    found, seconds = verified(rows, **options)

    assert [lasting(one) for one, row in zip(found, rows, strict=True) if row.kind == "good"] == list(
        map(lasting, alone)
    )
    assert {one["verdict"] for one in alone} == {"correct", "incorrect"}
    bad = [(row, one) for row, one in zip(rows, found, strict=True) if row.kind != "good"]
    assert len(bad) == len(hostile)
    assert {one["verdict"] for _, one in bad} <= {"incorrect", "invalid", "unknown"}
    unexplained = [row.kind for row, one in bad if not one["reason"]]
    assert not unexplained
    return sum(one["reason"] == "timeout" for _, one in bad), good_seconds, seconds


@pytest.mark.slow
def test_hostile_rows_among_good_ones_hang_nothing_and_change_nothing() -> None:
    hanging, *_ = check(good_rows(300), hostile_rows(len(KINDS))[::3], timeout_seconds=0.3)
    assert hanging > 0


@pytest.mark.slow
def test_two_hundred_hostile_rows_among_two_thousand_good_ones() -> None:
    assert len(KINDS) >= 15
    limit, cores = 0.5, os.cpu_count() or 1
    before = cpu_of_others()
    hanging, good_seconds, seconds = check(good_rows(2_000), hostile_rows(200), timeout_seconds=limit)
    assert hanging >= 30
    # On cores that others use it takes longer by what they took.
    taken = (cpu_of_others() - before) / cores
    assert seconds - taken <= 2 * (hanging * limit / 2 + good_seconds)


@pytest.mark.slow
def test_every_kind_of_hostile_row_gets_a_verdict_with_its_reason_and_no_memory() -> None:
    rows = hostile_rows(len(KINDS))
    found, _ = verified(rows, timeout_seconds=0.3, memory_megabytes=512)
    verdicts = {row.kind: (one["verdict"], one["reason"]) for row, one in zip(rows, found, strict=True)}
    assert {verdict for verdict, _ in verdicts.values()} <= {"incorrect", "invalid", "unknown"}
    assert all(reason for _, reason in verdicts.values())
    assert verdicts["tower of powers"] == ("unknown", "timeout")
    assert verdicts["memory bomb"][0] == "unknown"
    assert verdicts["a reference that hangs"] == ("unknown", "timeout")
    assert verdicts["nothing"] == ("invalid", "empty")
    assert not any(str(reason).startswith("error: the worker ended") for _, reason in verdicts.values())
    # This process itself: its imports, and a few copies of ten megabytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 < 2_000
