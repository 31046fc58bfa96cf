"""Files of records: cut into units that can be read apart, and read as dictionaries with their line numbers."""

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ...artifacts import WrongArtifact, WrongOption

RECORDS_A_UNIT = 10_000
BYTES_A_UNIT = 32 << 20

_EXTENSIONS: dict[str, str] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip


class BadRow(Exception):
    """A record that cannot be imported; the text says why."""


@dataclass(frozen=True)
class Unit:
    """Records that are read in one go.

    Args:
        first: number of records before it.
        records: how many it holds.
        offset: where its bytes begin (JSONL, CSV).
        line: the line (of parquet: the row) of its first record, counted from 1.
    """

    first: int
    records: int
    offset: int
    line: int

    def plan(self) -> dict[str, int]:
        """The unit as the entry of a plan."""
        return asdict(self)


def format_of(path: Path, name: str) -> str:
    """The format by the file's extension; standard input and files without one are JSONL.

    Raises:
        WrongOption: another extension.
    """
    suffix = Path(name).suffix.lower()
    if not suffix:
        return "jsonl"
    if suffix not in _EXTENSIONS:
        raise WrongOption(f"{path} ends in {suffix}, expected {', '.join(_EXTENSIONS)}: say --format jsonl|csv|parquet")
    return _EXTENSIONS[suffix]


def units(path: Path, format: str, limit: int | None = None) -> list[Unit]:
    """Cut a file into units of at most 10,000 records or about 32 MB; depends on its bytes alone.

    Args:
        limit: leave out what comes after so many records.
    """
    if format == "parquet":
        return _parquet_units(path, limit)
    found: list[Unit] = []
    records = size = 0
    first, start, start_line = 0, -1, 1
    with open(path, "rb") as file:
        for offset, line, length in _csv_spans(file) if format == "csv" else _jsonl_spans(file, path):
            if limit is not None and first + records >= limit:
                break
            if records and (records >= RECORDS_A_UNIT or size + length > BYTES_A_UNIT):
                found.append(Unit(first, records, start, start_line))
                first, records, size, start = first + records, 0, 0, -1
            if start < 0:
                start, start_line = offset, line
            records, size = records + 1, size + length
    if records:
        found.append(Unit(first, records, start, start_line))
    return found


def read(path: Path, format: str, unit: Unit) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """Line number and record of each record of a unit; what cannot be read comes as its `BadRow`."""
    if format == "parquet":
        yield from _read_parquet(path, unit)
        return
    with open(path, "rb") as file:
        lines = _csv_records(file, unit) if format == "csv" else _jsonl_records(file, unit)
        for count, record in enumerate(lines, 1):
            yield record
            if count == unit.records:
                return


def _jsonl_spans(file: BinaryIO, path: Path) -> Iterator[tuple[int, int, int]]:
    """Offset, line number and length of every line that is not blank."""
    offset = 0
    for number, line in enumerate(file, 1):
        if number == 1 and line.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
            raise WrongArtifact(f"{path} holds one JSON list, expected one object a line: convert it with jq -c '.[]'")
        if not line.isspace():
            yield offset, number, len(line)
        offset += len(line)


def _jsonl_records(file: BinaryIO, unit: Unit) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    file.seek(unit.offset)
    for number, line in enumerate(file, unit.line):
        if not line.isspace():
            yield number, _parse(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)


def _parse(line: bytes) -> dict[str, Any] | BadRow:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return BadRow(f"is not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        return BadRow(f"is not JSON: {error.msg} at character {error.pos}")
    except (RecursionError, ValueError) as error:
        return BadRow(f"is not JSON that can be read: {error}")
    return value if isinstance(value, dict) else BadRow(f"is a JSON {type(value).__name__}, expected an object")


class _Lines:
    """Lines of text for the csv module, which takes as many as a record needs; counts what it took."""

    def __init__(self, file: BinaryIO, line: int) -> None:
        self._file = file
        self.offset, self.line = file.tell(), line

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.offset += len(line)
        self.line += 1
        return line.decode("utf-8", "surrogateescape")


def _csv_rows(file: BinaryIO, line: int) -> Iterator[tuple[int, int, list[str] | BadRow]]:
    """Offset, line number and fields of every record from where the file stands."""
    csv.field_size_limit(sys.maxsize)
    lines = _Lines(file, line)
    reader = csv.reader(lines, strict=True)
    while True:
        offset, number = lines.offset, lines.line
        try:
            fields: list[str] | BadRow = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fields = BadRow(f"is not CSV: {error}")
            reader = csv.reader(lines, strict=True)
        if fields:
            yield offset, number, fields


def _csv_spans(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    previous: tuple[int, int] | None = None
    next(rows := _csv_rows(file, 1), None)  # the header
    for offset, number, _ in rows:
        if previous:
            yield (*previous, offset - previous[0])
        previous = offset, number
    if previous:
        file.seek(0, 2)
        yield (*previous, file.tell() - previous[0])


def _csv_records(file: BinaryIO, unit: Unit) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    header = next(_csv_rows(file, 1), (0, 1, []))[2]
    if isinstance(header, BadRow):
        header = []
    names = [name.removeprefix("\udcef\udcbb\udcbf").removeprefix("\ufeff").strip() for name in header]
    file.seek(unit.offset)
    for _, number, fields in _csv_rows(file, unit.line):
        if isinstance(fields, BadRow):
            yield number, fields
        elif len(fields) != len(names):
            yield number, BadRow(f"has {len(fields)} fields, the header has {len(names)}")
        elif any("\udc80" <= character <= "\udcff" for field in fields for character in field):
            yield number, BadRow("is not UTF-8")
        else:
            yield number, {name: field if field else None for name, field in zip(names, fields, strict=True)}


def _open_parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise WrongArtifact(f"{path} is no parquet file ({str(error).splitlines()[0]}): give --format") from error


def _parquet_units(path: Path, limit: int | None) -> list[Unit]:
    with _open_parquet(path) as file:
        rows = file.metadata.num_rows if limit is None else min(limit, file.metadata.num_rows)
        # Rows are cut by number; wide ones so that a unit stays near the size of the others.
        wide = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        step = max(1, min(RECORDS_A_UNIT, BYTES_A_UNIT * file.metadata.num_rows // max(1, wide)))
    return [Unit(first, min(step, rows - first), 0, first + 1) for first in range(0, rows, step)]


def _read_parquet(path: Path, unit: Unit) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    with _open_parquet(path) as file:
        start = 0
        for group in range(file.metadata.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            if end > unit.first and start < unit.first + unit.records:
                position = start
                for batch in file.iter_batches(batch_size=1024, row_groups=[group]):
                    first = max(unit.first - position, 0)
                    count = min(unit.first + unit.records - position, batch.num_rows) - first
                    if count > 0:
                        for k, record in enumerate(batch.slice(first, count).to_pylist()):
                            yield position + first + k + 1, record
                    position += batch.num_rows
            start = end
