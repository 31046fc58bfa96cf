"""Artifacts as they are read: resolve a path to a version, check it, stream its rows."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .errors import WrongArtifact
from .files import sha256_file
from .manifest import NAME, File, Manifest
from .records import KINDS, Problem

if TYPE_CHECKING:
    import pyarrow as pa

Row = TypeVar("Row")
_VERSION = re.compile(r"v([1-9][0-9]*)$")


def versions(folder: Path) -> list[Path]:
    """The complete versions of a named artifact, oldest first."""
    found = []
    if folder.is_dir():
        for entry in folder.iterdir():
            match = _VERSION.match(entry.name)
            if match and (entry / NAME).is_file():
                found.append((int(match[1]), entry))
    return [path for _, path in sorted(found)]


def drafts(folder: Path) -> list[Path]:
    """The drafts of a named artifact."""
    return sorted(p for p in folder.glob(".draft-*") if p.is_dir()) if folder.is_dir() else []


def resolve(path: str | Path) -> Path:
    """The version a path means: itself when it pins one, else the newest complete one.

    Raises:
        WrongArtifact: nothing there, only a draft, or something that is no artifact.
    """
    path = Path(path)
    if (path / NAME).is_file():
        return path
    found = versions(path)
    if found:
        return found[-1]
    if path.is_file():
        raise WrongArtifact(
            f"{path} is a file, expected an artifact folder: import it (whet import {path} --out FOLDER)"
        )
    if not path.exists():
        near = difflib.get_close_matches(path.name, _names_beside(path), n=1)
        hint = f": did you mean {path.parent / near[0]}?" if near else ": give the folder that a whet command printed"
        raise WrongArtifact(f"{path} does not exist{hint}")
    if drafts(path):
        raise WrongArtifact(
            f"{path} holds only a draft, expected a finished version: run the command that makes it again"
        )
    raise WrongArtifact(f"{path} holds no artifact (no manifest.json): give the folder that a whet command printed")


def _names_beside(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir() if entry.is_dir()]
    except OSError:
        return []


@dataclass(frozen=True)
class Part:
    """One parquet file of an artifact's rows."""

    index: int
    name: str
    rows: int


class Artifact(Generic[Row]):
    """One complete version of an artifact, open for reading."""

    def __init__(self, path: Path, manifest: Manifest, limit: int | None = None) -> None:
        self.path, self.manifest = path, manifest
        self.kind, self.digest, self.recipe = manifest.kind, manifest.digest, manifest.recipe
        self._limit = limit
        self._verified: set[str] = set()

    @classmethod
    def open(
        cls,
        path: "str | Path",
        kind: str | Sequence[str] | None = None,
        accept_gated: bool = True,
        accept_incomplete: bool = True,
        flag: str = "",
    ) -> "Artifact[Any]":
        """Open the version a path means.

        Args:
            kind: the kind or kinds expected.
            accept_gated: whether a version that a quality gate marked may be read.
            accept_incomplete: whether a version published before all its chunks were done may be read.
            flag: how the user named this input, for messages.

        Raises:
            WrongArtifact: missing, unfinished, of the wrong kind, damaged, gated or incomplete.
        """
        pinned = resolve(path)
        manifest = Manifest.read(pinned)
        kinds = [kind] if isinstance(kind, str) else list(kind or [])
        if kinds and manifest.kind not in kinds:
            wanted = " or ".join(kinds)
            raise WrongArtifact(f"{pinned} holds {manifest.kind}, expected {wanted}{flag and f' for {flag}'}")
        if manifest.tombstone:
            raise WrongArtifact(f"{pinned} lost its payload ({manifest.tombstone}): make it again with its recipe")
        if manifest.gates and not accept_gated:
            name, message = next(iter(manifest.gates.items()))
            raise WrongArtifact(f"{pinned} was stopped by the gate {name} ({message}): add --accept-gated to read it")
        if manifest.incomplete and not accept_incomplete:
            done = manifest.incomplete
            raise WrongArtifact(
                f"{pinned} is incomplete ({done['done']} of {done['chunks']} chunks): add --accept-incomplete to read"
            )
        artifact = cls(pinned, manifest)
        artifact.check_sizes()
        return artifact

    def __len__(self) -> int:
        rows = self.manifest.rows or 0
        return rows if self._limit is None else min(rows, self._limit)

    def __repr__(self) -> str:
        return f"Artifact({self.kind} {self.path})"

    def head(self, limit: int) -> "Artifact[Row]":
        """The same artifact, read as if it ended after `limit` rows."""
        return type(self)(self.path, self.manifest, limit)

    def check_sizes(self) -> None:
        """Refuse a version with a missing or truncated file."""
        for file in self.manifest.files:
            self._check_size(file)

    def _check_size(self, file: File) -> None:
        try:
            size = (self.path / file.path).stat().st_size
        except OSError as error:
            raise WrongArtifact(f"{self.path / file.path} is missing: restore it or make the artifact again") from error
        if size != file.size:
            raise WrongArtifact(
                f"{self.path / file.path} has {size:,} bytes, its manifest says {file.size:,}: "
                "restore it or make the artifact again"
            )

    def verified(self, name: str) -> Path:
        """The path of a payload file whose bytes were checked against the manifest (once per opened artifact)."""
        if name not in self._verified:
            file = next((f for f in self.manifest.files if f.path == name), None)
            if file is None:
                raise WrongArtifact(f"{self.path} has no file {name} in its manifest")
            if sha256_file(self.path / name) != file.sha256:
                raise WrongArtifact(
                    f"{self.path / name} is damaged (its bytes differ from the manifest): "
                    "restore it or make the artifact again"
                )
            self._verified.add(name)
        return self.path / name

    @property
    def parts(self) -> list[Part]:
        """The parts, in canonical order; with a limit only those it reaches."""
        room = len(self)
        found = []
        for file in sorted((f for f in self.manifest.files if f.path.startswith("data/")), key=lambda f: f.path):
            if room <= 0 and found:
                break
            found.append(Part(len(found), file.path, min(room, file.rows or 0)))
            room -= file.rows or 0
        return found

    def part_batches(self, index: int, columns: Sequence[str] | None = None) -> Iterator["pa.RecordBatch"]:
        """Stream one part as record batches."""
        from .parquet import read_batches

        part = self.parts[index]
        left = part.rows
        for batch in read_batches(self.verified(part.name), columns):
            if left <= 0:
                return
            yield batch.slice(0, left)
            left -= batch.num_rows

    def part_rows(self, index: int, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Stream one part as rows (dicts), migrated to the current version of the kind."""
        kind = KINDS[self.kind]
        migrations = kind.migrations[self.manifest.kind_version - 1 :]
        for batch in self.part_batches(index, None if migrations else columns):
            for row in batch.to_pylist():
                for migrate in migrations:
                    row = migrate(row)
                yield {name: row[name] for name in columns} if migrations and columns is not None else row  # type: ignore[misc]

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Stream all rows (dicts)."""
        for part in self.parts:
            yield from self.part_rows(part.index, columns)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator["pa.RecordBatch"]:
        """Stream all rows as record batches, as they are stored (not migrated)."""
        for part in self.parts:
            yield from self.part_batches(part.index, columns)

    def table(self, columns: Sequence[str] | None = None) -> "pa.Table":
        """All rows as one table (for columns that fit into memory)."""
        import pyarrow as pa

        from .parquet import schema_of, to_batch

        schema = schema_of(KINDS[self.kind].record)
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns])
        if self.manifest.kind_version < KINDS[self.kind].version:
            return pa.Table.from_batches([to_batch(list(self.rows(columns)), schema)])  # type: ignore[arg-type]
        return pa.Table.from_batches([batch.cast(schema) for batch in self.batches(columns)], schema)

    def problems(self) -> dict[str, Problem]:
        """The problems by id: a rollouts artifact embeds them, a problems artifact holds them."""
        from .parquet import read_batches

        if self.kind == "problems":
            return {row["problem_id"]: row for row in self.rows()}  # type: ignore[index,misc]
        if not any(file.path == "problems.parquet" for file in self.manifest.files):
            return {}
        path = self.verified("problems.parquet")
        return {row["problem_id"]: row for batch in read_batches(path) for row in batch.to_pylist()}
