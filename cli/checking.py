"""`whet check`: whether versions are what their manifests say, down to the bytes."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..artifacts import Artifact, WhetError, WrongArtifact
from ..artifacts.files import sha256_file
from ..artifacts.lineage import trace
from ..artifacts.manifest import NAME, File, Manifest
from ..artifacts.recipe import content_digest
from ..artifacts.records import KINDS
from .places import find_places

_ID = {"rollouts": "rollout_id", "verdicts": "rollout_id", "scores": "rollout_id", "texts": "text_id"}
_FREE = ("README.md", "metrics.jsonl", "logs", "tb", NAME)
"""What a version may hold beside the files its manifest lists."""


@dataclass
class Checked:
    """What was found in one version."""

    path: Path
    files: int = 0
    size: int = 0
    damages: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        return {
            "path": str(self.path), "ok": not self.damages, "files": self.files, "bytes": self.size,
            "damages": self.damages, "warnings": self.warnings,
        }  # fmt: skip


def versions_in(path: Path) -> Iterator[Path]:
    """The versions a path means: the one it pins, or all in and below it.

    Raises:
        WrongArtifact: there are none.
    """
    found = False
    for place in find_places(path):
        for version in place.versions:
            found = True
            yield version
    if not found:
        raise WrongArtifact(f"{path} holds no finished artifact, expected at least one to check")


def check_version(path: Path, quick: bool) -> Checked:
    """Check one version.

    Args:
        quick: look at the manifest and the sizes of the files only.
    """
    checked = Checked(path)
    try:
        manifest = Manifest.read(path)
    except WrongArtifact as error:
        checked.damages.append(str(error))
        return checked
    checked.files, checked.size = len(manifest.files), sum(file.size for file in manifest.files)
    digest = content_digest((file.path, file.size, file.sha256) for file in manifest.files)
    if digest != manifest.digest:
        checked.damages.append(f"{path / NAME}: its list of files does not give its digest: it was changed")
    if not manifest.tombstone:
        _check_files(checked, manifest, quick)
        if not quick and not checked.damages and KINDS[manifest.kind].rows:
            _check_rows(checked, manifest)
    if not quick:
        _check_lineage(checked)
    return checked


def _check_files(checked: Checked, manifest: Manifest, quick: bool) -> None:
    for file in manifest.files:
        if damage := _damage(checked.path, file, quick):
            checked.damages.append(damage)
    listed = {file.path for file in manifest.files}
    for path in sorted(checked.path.rglob("*")):
        name = path.relative_to(checked.path).as_posix()
        if path.is_file() and name not in listed and name.split("/")[0] not in _FREE:
            checked.warnings.append(f"{path} is not in the manifest: other tools may read it as part of the artifact")


def _damage(folder: Path, file: File, quick: bool) -> str | None:
    """What is wrong with one file."""
    path = folder / file.path
    try:
        size = path.stat().st_size
        if size != file.size:
            return f"{path} has {size:,} bytes, its manifest says {file.size:,}"
        if not quick and sha256_file(path) != file.sha256:
            return f"{path} has other bytes than when it was made (sha256 differs)"
        if not quick and path.suffix == ".parquet":
            return _parquet_damage(path, file)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror or error})"
    return None


def _parquet_damage(path: Path, file: File) -> str | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        return f"{path} is no readable parquet file ({str(error).splitlines()[0]})"
    return None if rows == file.rows else f"{path} holds {rows:,} rows, its manifest says {file.rows}"


def _check_rows(checked: Checked, manifest: Manifest) -> None:
    """Row counts, unique ids, and whether the embedded problems cover the rollouts."""
    artifact: Artifact[Any] = Artifact(checked.path, manifest)
    counted = sum(file.rows or 0 for file in manifest.files if file.path.startswith("data/"))
    if counted != manifest.rows:
        checked.damages.append(f"{checked.path} holds {counted:,} rows, its manifest says {manifest.rows}")
    try:
        identity = _ID.get(manifest.kind)
        if identity is not None and (twice := _twice(artifact, identity)) is not None:
            checked.damages.append(f"{checked.path} holds {identity} {twice} more than once")
        if manifest.kind == "rollouts":
            known = artifact.problems().keys()
            lacking = {row["problem_id"] for row in artifact.rows(["problem_id"])} - known
            if lacking:
                checked.damages.append(
                    f"{checked.path} lacks {len(lacking):,} of its problems (the first is {min(lacking)})"
                )
    except WhetError as error:
        checked.damages.append(str(error))


def _twice(artifact: Artifact[Any], identity: str) -> str | None:
    """An id that two rows have."""
    seen: set[Any] = set()
    for row in artifact.rows([identity]):
        value = row[identity]
        key = bytes.fromhex(value) if _is_hex(value) else value
        if key in seen:
            return value
        seen.add(key)
    return None


def _is_hex(value: str) -> bool:
    with contextlib.suppress(ValueError):
        return len(bytes.fromhex(value)) * 2 == len(value)
    return False


def _check_lineage(checked: Checked) -> None:
    """Inputs that are nowhere to be found are no damage: folders are moved and cleaned away."""
    try:
        node = trace(checked.path)
    except (WhetError, RecursionError) as error:
        checked.warnings.append(f"{checked.path}: its lineage cannot be followed ({error})")
        return
    for role, child in node.inputs:
        if child.path is None and child.kind in KINDS:
            checked.warnings.append(
                f"{checked.path}: its input {role} ({child.hint or child.digest[:12]}) was not found"
            )
