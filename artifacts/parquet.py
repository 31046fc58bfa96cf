"""Rows to parquet and back: the schema comes from the record, the bytes depend on the rows alone.

Row groups are cut by the size of the rows, not by how they arrived, so equal rows give equal files.
"""

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from .errors import Failed
from .files import HashingFile

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES = 64 << 20


@cache
def schema_of(record: type) -> "pa.Schema":
    """The arrow schema of a record: 64-bit offsets throughout, a column is nullable when its type allows None."""
    import pyarrow as pa

    fields = []
    for name, annotation in get_type_hints(record, include_extras=True).items():
        kind, nullable = _arrow_type(annotation)
        fields.append(pa.field(name, kind, nullable=nullable))
    return pa.schema(fields)


def _arrow_type(annotation: Any) -> tuple["pa.DataType", bool]:
    import pyarrow as pa

    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is NotRequired:
        return _arrow_type(arguments[0])[0], True
    if origin is Annotated:
        return pa.type_for_alias(annotation.__metadata__[0]), False
    if origin in (Union, types.UnionType):
        return _arrow_type(next(a for a in arguments if a is not types.NoneType))[0], True
    if origin is list:
        return pa.large_list(pa.field("element", _arrow_type(arguments[0])[0])), False
    if is_typeddict(annotation):
        return pa.struct([pa.field(f.name, f.type) for f in schema_of(annotation)]), False
    plain = {str: pa.large_string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return plain[annotation], False


def to_batch(rows: Sequence[Mapping[str, Any]], schema: "pa.Schema") -> "pa.RecordBatch":
    """Rows as one record batch.

    Raises:
        Failed: a row has a column the kind does not know, lacks a required one, or holds a value of another type.
    """
    import pyarrow as pa

    names = set(schema.names)
    for row in rows:
        if not row.keys() <= names:
            unknown = ", ".join(sorted(row.keys() - names))
            raise Failed(f"a row has the unknown column {unknown}; known are {', '.join(schema.names)}")
    arrays = []
    for field in schema:
        name = field.name
        values = [row.get(name) for row in rows]
        try:
            array = pa.array(values, type=field.type)
        except UnicodeEncodeError:
            # Models can write lone surrogates; parquet text is UTF-8, so they become the replacement character.
            array = pa.array([_encodable(value) for value in values], type=field.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise Failed(f"column {field.name} wants {field.type}: {error}") from error
        if array.null_count and not field.nullable:
            raise Failed(f"column {field.name} is required, but {array.null_count} of {len(rows)} rows lack it")
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value


def _row_bytes(table: "pa.Table | pa.RecordBatch") -> Any:
    """The size of every row: what its values hold, wherever the batch was cut ([rows] int64, bytes)."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    total = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        kind = column.type
        if pa.types.is_large_string(kind):
            lengths, width = pc.call_function("binary_length", [column]), 1
        elif pa.types.is_large_list(kind):
            lengths, width = pc.call_function("list_value_length", [column]), _width(kind.value_type)
        else:
            total += _width(kind)
            continue
        total += np.asarray(pc.fill_null(lengths, 0), dtype=np.int64) * width
    return total


def _width(kind: Any) -> int:
    """Bytes of a value; text inside structs and lists is counted as a fixed 64."""
    try:
        return max(1, kind.bit_width // 8)
    except ValueError:
        return 64


class PartWriter:
    """Writes one parquet file of a kind; `file` carries its size and sha256 once closed."""

    def __init__(self, path: Path, schema: "pa.Schema") -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.file = HashingFile(path)
        self.rows = 0
        self._waiting: list[Any] = []
        self._waiting_bytes = 0
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self.file, mode="w"),
            schema,
            compression="zstd",
            # Log-probabilities hardly repeat: a dictionary of them costs time and saves nothing.
            use_dictionary=_dictionary_columns(schema),  # pyright: ignore[reportArgumentType]
        )

    def write(self, batch: "pa.RecordBatch | pa.Table") -> None:
        """Take rows in their final order; a full row group is written as soon as it is complete."""
        import numpy as np

        ends = np.cumsum(_row_bytes(batch))
        start = 0
        while start < batch.num_rows:
            room = ROW_GROUP_BYTES - self._waiting_bytes
            before = int(ends[start - 1]) if start else 0
            stop = int(np.searchsorted(ends, before + room, side="left")) + 1
            if stop > batch.num_rows:
                self._keep(batch.slice(start), int(ends[-1]) - before)
                return
            self._keep(batch.slice(start, stop - start), int(ends[stop - 1]) - before)
            self._write_group()
            start = stop

    def _keep(self, batch: Any, size: int) -> None:
        self._waiting.append(batch)
        self._waiting_bytes += size
        self.rows += batch.num_rows

    def _write_group(self) -> None:
        import pyarrow as pa

        tables = [part if isinstance(part, pa.Table) else pa.Table.from_batches([part]) for part in self._waiting]
        # One contiguous array a column: pages are then cut by the rows, not by how they arrived.
        table = pa.concat_tables(tables).combine_chunks()
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._waiting, self._waiting_bytes = [], 0

    def close(self) -> HashingFile:
        """Write the last row group; the file is durable but not yet under its name (`file.commit()`)."""
        if self._waiting or not self.rows:
            if not self._waiting:
                self._waiting = [self._writer.schema.empty_table()]
            self._write_group()
        self._writer.close()
        self.file.sync()
        return self.file

    def discard(self) -> None:
        self.file.discard()
        self._writer.close()


def _dictionary_columns(schema: "pa.Schema") -> list[str]:
    """Parquet paths of the leaf columns that are not floating point."""
    import pyarrow as pa

    def walk(path: str, kind: Any) -> Iterator[str]:
        if pa.types.is_large_list(kind):
            yield from walk(f"{path}.list.element", kind.value_type)
        elif pa.types.is_struct(kind):
            for index in range(kind.num_fields):
                yield from walk(f"{path}.{kind.field(index).name}", kind.field(index).type)
        elif not pa.types.is_floating(kind):
            yield path

    return [path for field in schema for path in walk(field.name, field.type)]


def read_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator["pa.RecordBatch"]:
    """Stream a parquet file, one batch of at most 1,024 rows at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, memory_map=False) as file:
        yield from file.iter_batches(batch_size=1024, columns=list(columns) if columns is not None else None)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], schema: "pa.Schema") -> HashingFile:
    """Write a table whole, under its name, as its rows come."""
    writer = PartWriter(path, schema)
    try:
        coming = iter(rows)
        while some := list(islice(coming, 4096)):
            writer.write(to_batch(some, schema))
        file = writer.close()
        file.commit()
    except BaseException:
        writer.discard()
        raise
    return file
