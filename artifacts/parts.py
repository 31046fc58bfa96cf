"""Finished parts of a draft: one chunk becomes one part, whoever did it, with a record of what it holds."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import HashingFile, read_json, sha256_file, sync_folder, write_json


def part_name(index: int) -> str:
    return f"part-{index:05d}.parquet"


def publish_part(folder: Path, index: int, rows: int, counts: Mapping[str, float], file: HashingFile) -> None:
    """Give a part its name; its record is written first, so that a part that exists is a part that is done.

    A part that another process finished meanwhile stays: finished parts keep their inodes.
    """
    part = folder / "data" / part_name(index)
    if part.exists():
        file.discard()
        return
    done = folder / "work" / "done"
    record = {"rows": rows, "size": file.size, "sha256": file.sha256, "counts": dict(counts)}
    write_json(done / f"{index:05d}.{file.sha256[:16]}.json", record)
    file.commit()
    sync_folder(done)


def done_parts(folder: Path) -> dict[int, dict[str, Any]]:
    """Rows, size, sha256 and counts of every finished part of a draft, by the chunk's number."""
    numbers = sorted(int(path.name[5:10]) for path in (folder / "data").glob("part-*.parquet"))
    return {index: _done_record(folder, index) for index in numbers}


def sum_counts(done: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """The counts of all finished parts, added up."""
    total: Counter[str] = Counter()
    for part in done.values():
        total.update(part["counts"])
    return dict(total)


def _done_record(folder: Path, index: int) -> dict[str, Any]:
    records = [read_json(path) for path in (folder / "work" / "done").glob(f"{index:05d}.*.json")]
    if len(records) > 1:  # two processes finished the chunk: the record of the part that got the name counts
        actual = sha256_file(folder / "data" / part_name(index))
        records = [record for record in records if record["sha256"] == actual]
    return records[0]
