"""The first look at a whole file: every bad record with its reason, and how often each problem came before.

Rows depend on it (the third record of a problem is its third rollout), so it comes before the chunks; what it finds is
kept in the draft, and whoever continues or shares the import reads it there. Memory: 16 bytes a record.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...artifacts import Failed
from ...artifacts.files import read_json, temporary_name, write_json
from .reading import BadRow, Unit, read, units
from .rows import Entry

SHOWN = 10
"""Bad records that the error names."""


class Reads(Protocol):
    """What turns records into rows."""

    def entry(self, record: dict[str, Any]) -> Entry: ...

    def rows(self, entry: Entry, earlier: int) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class Source:
    """A file and how its records are read.

    Args:
        name: what messages call it.
        limit: read only so many records.
    """

    path: Path
    name: str
    format: str
    reads: Reads
    limit: int | None = None

    def entries(self, unit: Unit) -> Iterator[tuple[int, int, Entry | BadRow]]:
        """Position in the file, line and entry of every record of a unit; a bad record comes as its reason."""
        for position, (line, record) in enumerate(read(self.path, self.format, unit), unit.first):
            try:
                yield position, line, record if isinstance(record, BadRow) else self.reads.entry(record)
            except BadRow as reason:
                yield position, line, reason


@dataclass(frozen=True)
class Survey:
    """What a file holds.

    Args:
        units: its parts.
        records: how many records there are, bad ones included.
        bad: how many of them cannot be imported.
        repeats: how many have the identity of an earlier one.
        earlier: [records] int32, records of the same identity before each.
    """

    units: list[Unit]
    records: int
    bad: int
    repeats: int
    earlier: Any


class Bad:
    """Collects bad records, reports each, and gives up when there are too many."""

    def __init__(self, name: str, allowed: int, before: int = 0) -> None:
        self._name, self._allowed = name, allowed
        self.count = before
        self.found: list[tuple[int, str]] = []

    def add(self, line: int, reason: BadRow) -> None:
        """Count a bad record.

        Raises:
            Failed: so many more than allowed that the error names as many as it shows.
        """
        from loguru import logger

        self.count += 1
        if len(self.found) < SHOWN:
            self.found.append((line, str(reason)))
        logger.warning(f"{self._name} line {line}: {reason}")
        if self.count > self._allowed + SHOWN:
            self.check(more=True)

    def check(self, more: bool = False) -> None:
        """Refuse more bad records than allowed.

        Raises:
            Failed: with the first ones.
        """
        if self.count > self._allowed:
            number = f"{'at least ' if more else ''}{self.count:,} bad row{'s' * (self.count != 1)}"
            listed = "".join(f"; line {line} {reason}" for line, reason in self.found)
            raise Failed(
                f"{self._name} has {number}, --max-bad allows {self._allowed:,}: mend them or allow as many{listed}"
            )


def survey(
    source: Source, work: Path, max_bad: int = 0, looked: Callable[[int], None] = lambda records: None
) -> Survey:
    """Read a file once, or take what an earlier process found.

    Args:
        work: where the result is kept.
        looked: called with the number of records so far, now and then; may raise.

    Raises:
        Failed: more bad records than `max_bad`.
    """
    import numpy as np

    kept, counted = work / "survey.json", work / "earlier.npy"
    if not kept.exists():
        bad = Bad(source.name, max_bad)
        identities = array("Q")
        cut = units(source.path, source.format, source.limit)
        for unit in cut:
            for _, line, entry in source.entries(unit):
                if isinstance(entry, BadRow):
                    bad.add(line, entry)
                identities.append(_BAD if isinstance(entry, BadRow) else _digest(entry.identity))
                if len(identities) % 1000 == 0:
                    looked(len(identities))
        bad.check()
        earlier = _earlier(np.array(identities, dtype=np.uint64))
        written = temporary_name(counted)
        with open(written, "wb") as file:
            np.save(file, earlier)
        written.replace(counted)
        found = {"units": [unit.plan() for unit in cut], "records": len(identities), "bad": bad.count}
        write_json(kept, found | {"repeats": int((earlier > 0).sum())})
    found = read_json(kept)
    Bad(source.name, max_bad, found["bad"]).check()
    cut = [Unit(**unit) for unit in found["units"]]
    return Survey(cut, found["records"], found["bad"], found["repeats"], np.load(counted, mmap_mode="r"))


_BAD = 0


def _digest(identity: str) -> int:
    """64 bits of an identity, never 0."""
    return int.from_bytes(hashlib.sha256(identity.encode("utf-8", "surrogatepass")).digest()[:8], "big") or 1


def _earlier(identities: Any) -> Any:
    """For every record the number of records with its identity before it ([records] int32); 0 for bad ones."""
    import numpy as np

    order = np.argsort(identities, kind="stable")
    ordered = identities[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.empty(0, np.int64)
    lengths = np.diff(np.r_[starts, len(ordered)])
    earlier = np.empty(len(ordered), dtype=np.int32)
    earlier[order] = np.arange(len(ordered)) - np.repeat(starts, lengths)
    earlier[identities == _BAD] = 0
    return earlier
