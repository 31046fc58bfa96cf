"""`whet gc`: what can be removed below a folder, and removing it."""

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..artifacts import WrongArtifact
from ..artifacts.files import TEMPORARY, read_json, remove_tree, temporary_name, write_file
from ..artifacts.leases import live_workers
from ..artifacts.manifest import NAME, Manifest
from ..artifacts.publishing import HIGHEST
from .drafts import read_draft
from .places import Place, find_places
from .readable import age_of, age_text

_TEMPORARY = re.compile(re.escape(TEMPORARY) + r"(?P<host>.+)-(?P<pid>\d+)-\d+-")
_TEMPORARY_SECONDS = 3600.0
"""A file that is being written changes all the time; one untouched for so long was left behind."""


@dataclass(frozen=True)
class Removal:
    """Something that can go.

    Attributes:
        what: "draft", "temporary", "version" or "payload".
        bytes: that would be free.
    """

    what: str
    path: str
    bytes: int
    why: str

    def record(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Policy:
    """What may go: ages in seconds.

    Args:
        drafts_older_than: of drafts that nobody works on.
        versions: whether versions go that are neither the newest nor anybody's input.
        payload: a kind whose data goes, its manifests stay.
        older_than: of versions and payloads.
    """

    drafts_older_than: float
    versions: bool = False
    payload: str | None = None
    older_than: float = 0.0


def plan(folder: Path, policy: Policy) -> list[Removal]:
    """What would be removed. Nothing is changed."""
    places = list(find_places(folder))
    used = _used(places)
    reading = _read_by_drafts(places)
    removals = [removal for place in places for removal in _drafts(place, policy.drafts_older_than)]
    going = {removal.path for removal in removals}
    removals += [found for found in _temporaries(folder) if not any(f"{path}/" in found.path for path in going)]
    if policy.versions:
        removals += [removal for place in places for removal in _versions(place, used | reading, policy.older_than)]
        going = {removal.path for removal in removals}
    if policy.payload is not None:
        for place in places:
            removals += [found for found in _payloads(place, reading, policy) if found.path not in going]
    return removals


def _used(places: Iterable[Place]) -> set[str]:
    """Digests that some version below the folder was made from."""
    digests: set[str] = set()
    for place in places:
        for version in place.versions:
            manifest = _manifest(version)
            digests |= {item.digest for item in manifest.inputs} if manifest else set()
    return digests


def _read_by_drafts(places: Iterable[Place]) -> set[str]:
    """Digests that a draft below the folder needs to be finished."""
    digests: set[str] = set()
    for place in places:
        for draft in place.drafts:
            try:
                digests |= {item["digest"] for item in read_json(draft / "work" / "draft.json").get("inputs", [])}
            except (OSError, ValueError):
                continue
    return digests


def _manifest(version: Path) -> Manifest | None:
    try:
        return Manifest.read(version)
    except WrongArtifact:
        return None


def _drafts(place: Place, older_than: float) -> Iterator[Removal]:
    for path in place.drafts:
        state = read_draft(path)
        # One with a manifest is complete: the same command publishes it.
        complete = (path / NAME).is_file()
        if state is not None and not complete and not state.workers and state.idle_seconds >= older_than:
            idle = age_text(state.idle_seconds)
            why = f"a draft of {state.kind or 'an unknown kind'}, {state.progress}, idle for {idle}"
            yield Removal("draft", str(path), _size(path), why)


def _versions(place: Place, needed: set[str], older_than: float) -> Iterator[Removal]:
    if place.pinned:
        return
    for version in place.versions[:-1]:
        manifest = _manifest(version)
        if manifest is None or manifest.digest in needed:
            continue
        age = age_of(manifest.created)
        if age is not None and age >= older_than:
            why = f"an older version of {manifest.kind} that nothing here was made from, {age_text(age)} old"
            yield Removal("version", str(version), _size(version), why)


def _payloads(place: Place, reading: set[str], policy: Policy) -> Iterator[Removal]:
    for version in place.versions:
        manifest = _manifest(version)
        if manifest is None or manifest.kind != policy.payload or manifest.tombstone or manifest.digest in reading:
            continue
        age = age_of(manifest.created)
        if age is not None and age >= policy.older_than:
            size = sum(file.size for file in manifest.files)
            yield Removal("payload", str(version), size, f"the data of {manifest.kind}, {age_text(age)} old")


def _temporaries(folder: Path) -> Iterator[Removal]:
    """What processes that died left half-written, in drafts and versions too."""
    for place, folders, files in os.walk(folder):
        for name in [*files, *(entry for entry in folders if entry.startswith(TEMPORARY))]:
            path = Path(place) / name
            if name.startswith(TEMPORARY) and (why := _left_behind(path)) is not None:
                yield Removal("temporary", str(path), _size(path), why)
        folders[:] = [entry for entry in folders if not entry.startswith(TEMPORARY)]


def _left_behind(path: Path) -> str | None:
    """Why nobody writes a temporary file any more; None when somebody may."""
    match = _TEMPORARY.match(path.name)
    if match is not None and match["host"] == socket.gethostname() and not _is_running(int(match["pid"])):
        return f"left half-written by process {match['pid']}, which is gone"
    try:
        idle = time.time() - path.lstat().st_mtime
    except OSError:
        return None
    return f"half-written, untouched for {age_text(idle)}" if idle >= _TEMPORARY_SECONDS else None


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(entry.lstat().st_size for entry in path.rglob("*") if not entry.is_dir())


def remove(removal: Removal) -> bool:
    """Carry one removal out; False when it is no longer due (somebody works on the draft again).

    Raises:
        OSError: not ours to remove.
    """
    path = Path(removal.path)
    if removal.what == "draft" and live_workers(path / "work" / "leases"):
        return False
    if removal.what == "payload":
        _drop_payload(path)
        return True
    if removal.what == "version":
        _remember_number(path)
    if removal.what == "temporary" and path.is_file():
        path.unlink(missing_ok=True)
        return True
    # The rename takes it away at once: nobody opens a half-removed version, and a kill leaves a temporary folder.
    aside = path if removal.what == "temporary" else temporary_name(path)
    if aside != path:
        try:
            os.rename(path, aside)
        except FileNotFoundError:
            return False
    remove_tree(aside)
    return True


def _remember_number(version: Path) -> None:
    """Version numbers are never used again."""
    path = version.parent / HIGHEST
    number = int(version.name[1:])
    with contextlib.suppress(FileNotFoundError, ValueError):
        number = max(number, int(path.read_text()))
    write_file(path, f"{number}\n")


def _drop_payload(version: Path) -> None:
    """Keep the manifest, which says so, and what describes the version; remove the data it lists."""
    manifest = Manifest.read(version)
    manifest.tombstone = f"dropped by whet gc on {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
    # First the manifest: after a kill in between, readers are told the truth and gc can go on.
    manifest.write(version)
    for file in manifest.files:
        (version / file.path).unlink(missing_ok=True)
    for folder in sorted({(version / file.path).parent for file in manifest.files} - {version}, reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
