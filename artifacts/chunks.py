"""Units of work while they are done: a kill loses at most the rows since the last flush."""

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .errors import Stopped
from .files import TEMPORARY, canonical_json, read_json, remove_tree, write_json
from .leases import Lease
from .parquet import PartWriter, read_batches, to_batch
from .parts import part_name, publish_part

if TYPE_CHECKING:
    import pyarrow as pa

Row = TypeVar("Row")

FLUSH_SECONDS = 30.0
FLUSH_BYTES = 32 << 20
_BATCH_BYTES = 4 << 20
_ORDER = "__order"
_COUNTS = "__counts"


@lru_cache(maxsize=1024)
def _as_json(counts: tuple[tuple[str, float], ...]) -> str:
    return canonical_json(dict(counts))


class Chunk(Generic[Row]):
    """One unit of work while this process holds it.

    Args:
        folder: the draft's folder.
        index: which chunk; its part is `data/part-NNNNN.parquet`.
        unit: the chunk's entry of the plan.
        schema: columns of a row.
        lease: held while the chunk is worked on.
        stopping: whether the process was asked to stop.
    """

    def __init__(
        self, folder: Path, index: int, unit: Any, schema: "pa.Schema", lease: Lease, stopping: Callable[[], bool]
    ) -> None:
        import pyarrow as pa

        self.index, self.unit = index, unit
        self.closed = False
        self._folder, self._schema, self.lease, self._stopping = folder, schema, lease, stopping
        # Counts stay with their row until the part is written: a row that was flushed twice must count once.
        own = [pa.field(_ORDER, pa.int64(), nullable=False), pa.field(_COUNTS, pa.large_string())]
        self._held = pa.schema([*schema, *own])
        self._pending = folder / "work" / "pending" / f"{index:05d}"
        self._rows: list[dict[str, Any]] = []
        self._batches: list[pa.RecordBatch] = []
        self._bytes, self._rows_a_batch = 0, 32
        self._flushed_at = time.monotonic()
        self._lock = threading.RLock()
        self.done = self._orders_on_disk()
        self.written = 0
        self.tally: Callable[[pa.Table], Mapping[str, float]] | None = None
        """Counts that need all rows of the part side by side, such as repeats inside a group"""

    def write(self, row: Mapping[str, Any], order: int, counts: Mapping[str, float] | None = None) -> None:
        """Add a finished row.

        Args:
            row: its columns; optional ones may be missing.
            order: its position in the part, unique inside the chunk.
            counts: numbers that this row adds to the artifact's counts.

        Raises:
            Stopped: the process was asked to stop; this row and all before it are on disk.
        """
        self.write_all([(row, order, counts)])

    def write_all(self, rows: Sequence[tuple[Mapping[str, Any], int, Mapping[str, float] | None]]) -> None:
        """Add finished rows that belong together, each as for `write`: all of them get to the disk, or none."""
        with self._lock:
            for row, order, counts in rows:
                told = _as_json(tuple(counts.items())) if counts else None
                self._rows.append({**row, _ORDER: order, _COUNTS: told})
                self.written += 1
                if len(self._rows) >= self._rows_a_batch:
                    self._pack()
            if self._bytes >= FLUSH_BYTES or time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
                self.flush()
        if self._stopping():
            self.release()
            raise Stopped("stopped between two rows: the draft is kept, run the same command again")

    def flush_if_due(self) -> None:
        """Called by the heartbeat: rows that came long ago must not wait for the next one."""
        with self._lock:
            waiting = bool(self._rows or self._batches)
            if not self.closed and waiting and time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
                # What fails here (a full disk) fails again, and is reported, in the working thread's next flush.
                with contextlib.suppress(OSError):
                    self.flush()

    def flush(self) -> None:
        """Make every row so far durable."""
        with self._lock:
            self._pack()
            if self._batches:
                self._pending.mkdir(parents=True, exist_ok=True)
                path = self._pending / f"{time.time_ns():020d}-{id(self) & 0xFFFF:04x}.parquet"
                writer = PartWriter(path, self._held)
                try:
                    for batch in self._batches:
                        writer.write(batch)
                    writer.close().commit()
                except BaseException:
                    writer.discard()
                    raise
                self._batches, self._bytes = [], 0
            self._flushed_at = time.monotonic()

    def save_prefixes(self, rows: list[dict[str, Any]]) -> None:
        """Keep unfinished rows (JSON) for whoever continues the chunk; replaces what was kept before."""
        self._pending.mkdir(parents=True, exist_ok=True)
        write_json(self._pending / "prefixes.json", rows)

    def prefixes(self) -> list[dict[str, Any]]:
        """The unfinished rows that an earlier process kept."""
        try:
            return read_json(self._pending / "prefixes.json")
        except FileNotFoundError:
            return []

    def finish(self) -> None:
        """Publish the part: rows in canonical order, each once."""
        with self._lock:
            self._pack()
            batches = [batch for path in self._pending_files() for batch in read_batches(path)]
            writer = PartWriter(self._folder / "data" / part_name(self.index), self._schema)
            try:
                counts = self._write_sorted(writer, [*batches, *self._batches])
                publish_part(self._folder, self.index, writer.rows, counts, writer.close())
            except BaseException:
                writer.discard()
                raise
            self._batches, self._rows = [], []
            self.closed = True
        self.lease.release()
        remove_tree(self._pending)

    def release(self) -> None:
        """Flush and give the chunk back unfinished."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            try:
                self.flush()
            finally:  # a full disk must not keep the chunk from whoever comes next
                self.lease.release()

    def _pack(self) -> None:
        if not self._rows:
            return
        batch = to_batch(self._rows, self._held)
        self._batches.append(batch)
        self._bytes += batch.nbytes
        self._rows_a_batch = max(1, min(4096, _BATCH_BYTES * len(self._rows) // max(1, batch.nbytes)))
        self._rows = []

    def _pending_files(self) -> list[Path]:
        try:
            names = sorted(p for p in self._pending.iterdir() if p.suffix == ".parquet")
        except FileNotFoundError:
            return []
        return [path for path in names if not path.name.startswith(TEMPORARY)]

    def _orders_on_disk(self) -> set[int]:
        orders: set[int] = set()
        for path in self._pending_files():
            for batch in read_batches(path, [_ORDER]):
                orders.update(batch.column(0).to_pylist())
        return orders

    def flushed(self, columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """The order and these columns of every row that is on disk already."""
        for path in self._pending_files():
            for batch in read_batches(path, [*columns, _ORDER]):
                for row in batch.to_pylist():
                    yield row.pop(_ORDER), row

    def _write_sorted(self, writer: PartWriter, batches: "list[pa.RecordBatch]") -> Counter[str]:
        """Write the rows by their order, each once; the sums of their counts."""
        import numpy as np
        import pyarrow as pa

        counts: Counter[str] = Counter()
        if not batches:
            counts.update(self.tally(self._schema.empty_table()) if self.tally is not None else {})
            return counts
        orders = np.concatenate([batch.column(_ORDER).to_numpy() for batch in batches])
        # Two processes on one chunk (a stale lease taken over) may both have flushed a row: the first counts.
        _, first = np.unique(orders, return_index=True)
        told = pa.chunked_array([batch.column(_COUNTS) for batch in batches]).take(pa.array(first))
        for item in told.value_counts().to_pylist():
            for name, value in json.loads(item["values"] or "{}").items():
                counts[name] += value * item["counts"]
        table = pa.Table.from_batches([batch.drop_columns([_ORDER, _COUNTS]) for batch in batches]).cast(self._schema)
        if np.array_equal(first, np.arange(len(orders))):
            writer.write(table)
        else:
            for start in range(0, len(first), 1024):
                writer.write(table.take(first[start : start + 1024]))
        if self.tally is not None:
            counts.update(self.tally(table.take(first) if len(first) < len(orders) else table))
        return counts
