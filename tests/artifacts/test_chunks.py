"""A chunk's rows: in canonical order, each once, kept from a full disk."""

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Draft, chunks, files

sys.path.insert(0, str(Path(__file__).parent))
import toy


def test_rows_come_out_in_canonical_order_whatever_order_they_were_written_in(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    for chunk in draft.chunks([{"chunk": index} for index in range(toy.CHUNKS)]):
        for order in reversed(range(toy.ROWS)):
            chunk.write(toy.row(chunk.index, order), order, {"rows": 1})
    assert draft.publish().digest == toy.run(tmp_path / "y").digest


def test_prefixes_are_kept_for_whoever_continues_the_chunk(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    chunk = next(draft.chunks([0]))
    assert chunk.prefixes() == []
    chunk.save_prefixes([{"order": 3, "token_ids": [1, 2]}])
    draft.close()
    again = next(Draft.create(tmp_path / "x", **toy.declared()).chunks([0]))
    assert again.prefixes() == [{"order": 3, "token_ids": [1, 2]}]


def test_a_full_disk_is_an_error_that_keeps_the_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    monkeypatch.setattr(chunks, "FLUSH_SECONDS", 0.0)
    real, written = os.write, 0

    def full(handle: int, data: Any) -> int:
        nonlocal written
        written += len(data)
        if written > 20_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr(files.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        for chunk in draft.chunks([{"chunk": index} for index in range(toy.CHUNKS)]):
            for order in range(toy.ROWS):
                chunk.write(toy.row(chunk.index, order), order, {"rows": 1})
    with contextlib.suppress(
        OSError
    ):  # rows that are not on disk yet fail again, and the lease is given back all the same
        draft.close()
    monkeypatch.undo()
    log = tmp_path / "log"
    resumed = toy.run(tmp_path / "x", log)
    assert len(log.read_text().splitlines()) < 30
    assert resumed.digest == toy.run(tmp_path / "y").digest


def test_a_row_that_two_processes_flushed_is_kept_and_counted_once(tmp_path: Path) -> None:
    one = Draft.create(tmp_path / "x", **toy.declared())
    slow = next(one.chunks([0]))
    slow.write(toy.row(0, 0), 0, {"rows": 1, "tokens": 7})
    slow.write(toy.row(0, 1), 1, {"rows": 1, "tokens": 5})
    # The lease goes stale while its holder lives on: another takes the chunk before the holder's rows are on disk.
    (one.work / "leases/00000.json").unlink()
    two = Draft.create(tmp_path / "x", **toy.declared())
    quick = next(two.chunks([0]))
    quick.write(toy.row(0, 1), 1, {"rows": 1, "tokens": 5})
    quick.flush()
    slow.flush()
    quick.write(toy.row(0, 2), 2, {"rows": 1})
    quick.finish()
    one.close()
    artifact = two.publish()
    assert [row["answer"] for row in artifact.rows()] == ["00", "01", "02"]
    assert artifact.manifest.counts == {"rows": 3, "tokens": 12}
