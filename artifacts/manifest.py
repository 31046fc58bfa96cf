"""The manifest: written last, so an artifact is complete exactly when it has one."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import WrongArtifact
from .files import read_json, write_json
from .records import KINDS

FORMAT = "whet artifact"
FORMAT_VERSION = 1
NAME = "manifest.json"


@dataclass(kw_only=True)
class File:
    """A file of the payload: path inside the folder, bytes, sha256, rows where it holds rows."""

    path: str
    size: int
    sha256: str
    rows: int | None = None


@dataclass(kw_only=True)
class Input:
    """What a stage read. Lineage goes by digest; the path is a hint, relative to the version's folder."""

    role: str
    digest: str
    kind: str
    path: str | None = None


@dataclass(kw_only=True)
class Manifest:
    """All that is known about one version of an artifact."""

    kind: str
    kind_version: int
    version: int
    digest: str
    recipe: str
    stage: str
    stage_version: int
    options: dict[str, Any] = field(default_factory=dict)
    runtime: dict[str, Any] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    rows: int | None = None
    files: list[File] = field(default_factory=list)
    gates: dict[str, str] = field(default_factory=dict)
    incomplete: dict[str, int] | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    created: str = ""
    seconds: float = 0.0
    attempts: list[dict[str, Any]] = field(default_factory=list)
    tombstone: str | None = None

    def write(self, folder: Path) -> None:
        payload = {"format": FORMAT, "format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        write_json(folder / NAME, payload)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read and check a manifest.

        Raises:
            WrongArtifact: not ours, made by a newer whet, of an unknown kind, or pointing outside its folder.
        """
        path = folder / NAME
        try:
            payload = read_json(path)
        except (ValueError, UnicodeDecodeError) as error:
            raise WrongArtifact(f"{path} is damaged ({error}): restore it or make the artifact again") from error
        if not isinstance(payload, dict) or payload.pop("format", None) != FORMAT:
            raise WrongArtifact(f"{path} is not a manifest of whet: give the folder that a whet command printed")
        version = payload.pop("format_version", 0)
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise WrongArtifact(f"{path} has format {version}, this whet reads {FORMAT_VERSION}: update whet")
        try:
            manifest = cls(**payload)
            manifest.inputs = [Input(**item) for item in payload.get("inputs", [])]
            manifest.files = [File(**item) for item in payload.get("files", [])]
        except TypeError as error:
            raise WrongArtifact(f"{path} is damaged or newer than this whet ({error})") from error
        manifest.check(path)
        return manifest

    def check(self, path: Path) -> None:
        kind = KINDS.get(self.kind)
        if kind is None:
            raise WrongArtifact(f"{path} has kind {self.kind!r}, known are {', '.join(KINDS)}: update whet")
        if self.kind_version > kind.version:
            raise WrongArtifact(
                f"{path} holds {self.kind} version {self.kind_version}, this whet reads {kind.version}: update whet"
            )
        for file in self.files:
            parts = PurePosixPath(file.path)
            if parts.is_absolute() or ".." in parts.parts:
                raise WrongArtifact(f"{path} names the file {file.path!r} outside its folder: refused")
