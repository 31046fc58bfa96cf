from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from whet.artifacts import KINDS, Failed
from whet.artifacts import parquet as parquet_module
from whet.artifacts.files import sha256_file
from whet.artifacts.parquet import PartWriter, read_batches, schema_of, to_batch, write_rows
from whet.artifacts.records import Rollout

SCHEMA = schema_of(Rollout)


def rollout(index: int, tokens: int = 4) -> dict[str, object]:
    return {
        "rollout_id": f"{index:032x}", "problem_id": "p", "draw": index, "text": "x" * tokens,
        "token_ids": list(range(tokens)), "logprobs": [-0.5] * tokens,
    }  # fmt: skip


def test_every_kind_of_rows_has_a_schema_with_64_bit_offsets() -> None:
    for kind in KINDS.values():
        if kind.rows:
            for field in schema_of(kind.record):
                assert field.type not in (pa.string(), pa.binary()), (kind.name, field)
                assert not pa.types.is_list(field.type), (kind.name, field)
    assert SCHEMA.field("token_ids").type == pa.large_list(pa.field("element", pa.int32()))
    assert SCHEMA.field("logprobs").type.value_type == pa.float32()
    assert SCHEMA.field("seed").type == pa.int64()
    assert not SCHEMA.field("rollout_id").nullable
    assert SCHEMA.field("token_ids").nullable


def test_arrays_and_lists_give_the_same_column() -> None:
    arrays = {**rollout(0), "token_ids": np.arange(4, dtype=np.int32), "logprobs": np.full(4, -0.5, np.float32)}
    assert to_batch([arrays], SCHEMA).equals(to_batch([rollout(0)], SCHEMA))


def test_an_unknown_column_a_missing_one_and_a_wrong_type_are_refused_by_name() -> None:
    with pytest.raises(Failed, match="unknown column reward"):
        to_batch([{**rollout(0), "reward": 1.0}], SCHEMA)
    with pytest.raises(Failed, match="column draw is required, but 1 of 2 rows lack it"):
        to_batch([rollout(0), {**rollout(1), "draw": None}], SCHEMA)
    with pytest.raises(Failed, match="column draw wants int32"):
        to_batch([{**rollout(0), "draw": "first"}], SCHEMA)


def test_a_lone_surrogate_in_a_text_becomes_a_replacement_and_does_not_stop_the_stage() -> None:
    assert to_batch([{**rollout(0), "text": "a\ud800b"}], SCHEMA).column("text").to_pylist() == ["a?b"]


def test_the_bytes_of_a_part_depend_on_the_rows_and_not_on_how_they_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_module, "ROW_GROUP_BYTES", 4096)
    rows = [rollout(index, tokens=1 + index % 50) for index in range(300)]
    digests = set()
    for cut in (1, 7, 64, 300):
        writer = PartWriter(tmp_path / f"{cut}.parquet", SCHEMA)
        for start in range(0, len(rows), cut):
            writer.write(to_batch(rows[start : start + cut], SCHEMA))
        writer.close().commit()
        digests.add(sha256_file(tmp_path / f"{cut}.parquet"))
    assert len(digests) == 1
    groups = pq.ParquetFile(tmp_path / "7.parquet").metadata
    assert groups.num_rows == 300
    assert groups.num_row_groups > 5


def test_the_digest_taken_while_writing_is_that_of_the_file(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "x.parquet", [rollout(0)], SCHEMA)
    assert file.sha256 == sha256_file(tmp_path / "x.parquet")
    assert file.size == (tmp_path / "x.parquet").stat().st_size


def test_a_part_without_rows_can_be_read(tmp_path: Path) -> None:
    write_rows(tmp_path / "x.parquet", [], SCHEMA)
    assert sum(batch.num_rows for batch in read_batches(tmp_path / "x.parquet")) == 0


def test_a_file_that_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Failed):
        write_rows(tmp_path / "x.parquet", [rollout(0), {"nothing": 1}], SCHEMA)
    assert list(tmp_path.iterdir()) == []
