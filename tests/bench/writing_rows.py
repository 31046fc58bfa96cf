"""Write rollouts from Python dicts: a draft with chunks, hashes and fsync, against pyarrow alone.

python tests/bench/writing_rows.py [--tiny]          ratio to pa.Table.from_pylist + write_table (zstd)
python tests/bench/writing_rows.py --large           10,000 rollouts of 16k tokens: MB/s and peak memory
"""

import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from whet.artifacts import Draft
from whet.artifacts.parquet import schema_of
from whet.artifacts.records import Rollout

sys.path.insert(0, str(Path(__file__).parent))
from paired import compare, show


def rollouts(count: int, tokens: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows as an engine hands them over: lists of Python numbers."""
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        ids, logprobs = rng.integers(0, 50_000, tokens).tolist(), (-rng.exponential(1.0, tokens)).tolist()
        rows.append(
            {
                "rollout_id": f"{index:032x}", "problem_id": f"{index // 8:032x}", "draw": index % 8, "token_ids": ids,
                "logprobs": logprobs, "sampling_logprobs": logprobs, "text": "token " * tokens, "finish_reason": "stop",
                "seed": index,
            }
        )  # fmt: skip
    return rows


def against_pyarrow(count: int, tokens: int, runs: int) -> dict[str, Any]:
    rows, schema, folder = rollouts(count, tokens), schema_of(Rollout), Path(tempfile.mkdtemp())

    def ours() -> None:
        shutil.rmtree(folder / "x", ignore_errors=True)
        draft = Draft.create(folder / "x", kind="rollouts", stage="bench")
        for chunk in draft.chunks([0]):
            for order, row in enumerate(rows):
                chunk.write(row, order)
        draft.publish()

    def peer() -> None:
        pq.write_table(pa.Table.from_pylist(rows, schema), folder / "peer.parquet", compression="zstd")

    try:
        result = compare(ours, peer, runs)
    finally:
        shutil.rmtree(folder)
    return {**result, "rows": count, "tokens_a_row": tokens, "peer": "pa.Table.from_pylist + pq.write_table, zstd"}


def large(count: int, tokens: int, chunk_rows: int) -> dict[str, Any]:
    """Stream many long rollouts through a draft; memory is read after the first chunk and at the end."""
    folder = Path(tempfile.mkdtemp())
    rows = rollouts(8, tokens)
    start = time.perf_counter()
    draft = Draft.create(folder / "x", kind="rollouts", stage="bench")
    peaks = []
    for chunk in draft.chunks(list(range(count // chunk_rows))):
        for order in range(chunk_rows):
            chunk.write({**rows[order % 8], "rollout_id": f"{chunk.index:016x}{order:016x}"}, order)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    artifact = draft.publish()
    elapsed = time.perf_counter() - start
    payload = count * tokens * 12 + count * tokens * 6
    shutil.rmtree(folder)
    return {
        "rows": len(artifact), "tokens_a_row": tokens, "seconds": round(elapsed, 1),
        "megabytes_a_second": round(payload / 1e6 / elapsed, 1),
        "peak_mib_after_two_chunks": peaks[min(1, len(peaks) - 1)],
        "peak_mib_at_the_end": peaks[-1],
    }  # fmt: skip


if __name__ == "__main__":
    if "--large" in sys.argv:
        show(large(10_000, 16_384, 500))
    elif "--tiny" in sys.argv:
        show({**against_pyarrow(20, 16, 2), "large": large(16, 64, 8)})
    else:
        show(against_pyarrow(2_000, 500, 5))
