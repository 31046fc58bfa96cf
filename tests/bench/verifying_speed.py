"""How fast answers are verified by rules, against a plain loop of math-verify's `parse` and `verify`.

python tests/bench/verifying_speed.py [--tiny] [--rows N] [--runs N]

Rows a second with 1, 2 and 4 workers, on unique rows of two dozen kinds and on groups of 16 rollouts that repeat
answers; then how long a row waits for its verdict when one in a hundred hangs. Ours and the peer run in turn, on new
rows each time, so that neither remembers them; ratio is ours / peer's, higher is better. Workers are started and warmed
up before the clock, as the peer is imported and warmed up before it. Skipped, with a message, where the cores are busy.
"""

import argparse
import importlib.metadata
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from whet.artifacts import Problem, make_problem
from whet.stages.verifying import AnswerPool, Verifying

sys.path.insert(0, str(Path(__file__).parent))
from answer_rows import KINDS, Row, repeated_rows, unique_rows, with_hanging_rows
from paired import show

WORKERS = (1, 2, 4)
PEER = "0.9.0"
BUSY_CORES = 0.25
"""Cores that others may use while speeds are compared."""

Item = tuple[int, str, str, Problem]


def items_of(rows: list[Row]) -> list[Item]:
    def problem(row: Row) -> Problem:
        return make_problem([{"role": "user", "content": row.question}], row.reference, "math")

    return [(index, row.completion, "stop", problem(row)) for index, row in enumerate(rows)]


def started(workers: int, **options: Any) -> AnswerPool:
    """A pool whose workers are all there."""
    pool = AnswerPool(Verifying(workers=workers, **options))
    warm = make_problem([{"role": "user", "content": "warm up"}], "x", "math")
    while len([worker for worker in pool.workers.workers if worker.pid]) < workers:
        list(pool.verify((n, rf"\boxed{{y+{time.time_ns()}}}", "stop", warm) for n in range(4 * workers)))
    return pool


def ours(rows: list[Row], workers: int) -> float:
    """Seconds for all rows."""
    items = items_of(rows)
    with started(workers) as pool:
        start = time.perf_counter()
        verdicts = dict(pool.verify(items))
        taken = time.perf_counter() - start
    assert len(verdicts) == len(rows)
    return taken


def peer_verdict(row: Row, seconds: int = 5) -> bool:
    from math_verify import parse, verify  # pyright: ignore[reportMissingImports]

    gold = parse(f"${row.reference}$", parsing_timeout=seconds)
    return verify(gold, parse(row.completion, parsing_timeout=seconds), timeout_seconds=seconds)


def peer(rows: list[Row]) -> float:
    """Seconds for all rows, one after the other."""
    start = time.perf_counter()
    for row in rows:
        peer_verdict(row)
    return time.perf_counter() - start


def compared(rows_of: Callable[[int], list[Row]], runs: int, with_peer: bool) -> dict[str, Any]:
    """Rows a second of ours by number of workers and of the peer, and their ratios, in turn on the rows of each run."""
    speeds: dict[str, list[float]] = {_name(workers): [] for workers in WORKERS}
    for run in range(runs):
        rows = rows_of(run)
        for workers in WORKERS:
            speeds[_name(workers)].append(len(rows) / ours(rows, workers))
        if with_peer:
            speeds.setdefault("peer", []).append(len(rows) / peer(rows))
    found: dict[str, Any] = {
        "rows": len(rows_of(0)),
        "rows_a_second": {name: round(statistics.median(found), 1) for name, found in speeds.items()},
    }
    if with_peer:
        ratios = {
            name: sorted(mine / other for mine, other in zip(speeds[name], speeds["peer"], strict=True))
            for name in speeds
            if name != "peer"
        }
        found["ratio"] = {name: round(statistics.median(values), 2) for name, values in ratios.items()}
        found["ratio_spread"] = {name: [round(values[0], 2), round(values[-1], 2)] for name, values in ratios.items()}
    return found


def _name(workers: int) -> str:
    return f"{workers} worker{'s' * (workers > 1)}"


def latencies(rows: list[Row], workers: int, seconds: float) -> tuple[list[float], float]:
    """How long each row waited for its verdict, and the seconds for all."""
    taken_at: dict[int, float] = {}

    def taken() -> Iterator[Item]:
        for item in items_of(rows):
            taken_at[item[0]] = time.perf_counter()
            yield item

    waited = [0.0] * len(rows)
    with started(workers, timeout_seconds=seconds) as pool:
        start = time.perf_counter()
        for key, _ in pool.verify(taken()):
            waited[key] = time.perf_counter() - taken_at[key]
        return waited, time.perf_counter() - start


def hanging(count: int, seconds: int, with_peer: bool) -> dict[str, Any]:
    """Waiting times with one row in a hundred that hangs."""
    rows = with_hanging_rows(unique_rows(count), 100)
    good = [index for index, row in enumerate(rows) if row in set(unique_rows(count))]
    waited, total = latencies(rows, 2, seconds)
    found: dict[str, Any] = {
        "rows": count, "hanging": count - len(good), "timeout_seconds": seconds, "workers": 2,
        "seconds": round(total, 2), "milliseconds": _percentiles([waited[index] for index in good]),
    }  # fmt: skip
    if with_peer:
        times = []
        for row in rows:
            start = time.perf_counter()
            peer_verdict(row, seconds)
            times.append(time.perf_counter() - start)
        # The peer takes a row when it is done with the one before: a row waits for itself alone.
        found["peer"] = {"seconds": round(sum(times), 2), "milliseconds": _percentiles([times[one] for one in good])}
        found["ratio"] = round(sum(times) / total, 2)
    return found


def _percentiles(seconds: list[float]) -> dict[str, float]:
    found = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50": round(1000 * found[49], 1), "p99": round(1000 * found[98], 1)}


def missing_peer() -> str | None:
    """Why there is no peer to compare with."""
    try:
        version = importlib.metadata.version("math-verify")
        if version != PEER:
            return f"math-verify {version} is installed, not {PEER}"
        logging.getLogger("math_verify").setLevel(logging.CRITICAL)
        peer(unique_rows(len(KINDS)))
    except Exception as error:  # noqa: BLE001 - whatever keeps it from running is the reason to go on without it
        return f"math-verify {PEER} does not run: {type(error).__name__}: {error}"
    return None


def busy_cores() -> float:
    """Cores that other processes use just now (Linux), over one second."""

    def busy() -> float:
        fields = [float(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")

    if not Path("/proc/stat").exists():
        return 0.0
    before = busy()
    time.sleep(1)
    return max(0.0, busy() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a few rows, to see that it runs; never skipped")
    parser.add_argument("--rows", type=int, default=960)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    rows, runs = (24, 1) if asked.tiny else (asked.rows, asked.runs)
    why = missing_peer()
    others = 0.0 if asked.tiny else busy_cores()
    result: dict[str, Any] = {
        "benchmark": "verifying answers",
        "settings": {"runs": runs, "cores": os.cpu_count(), "peer": f"math-verify {PEER}", "no_peer": why},
        "ratio": None,
    }
    if others > BUSY_CORES:
        show({**result, "skipped": f"others use {others:.1f} cores: run it again on a quiet machine"})
        return
    result["unique rows"] = compared(lambda run: unique_rows(rows, start=run * rows), runs, why is None)
    groups = max(2, rows // 4)
    result["16 rollouts a problem"] = compared(lambda run: repeated_rows(groups, run * groups), runs, why is None)
    result["one row in 100 hangs"] = hanging(100 if asked.tiny else 1000, 1, why is None)
    result["ratio"] = result["unique rows"].get("ratio")
    show(result)


if __name__ == "__main__":
    main()
