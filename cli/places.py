"""Finding artifacts below a folder: names are looked at, versions are not entered, nothing is read."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..artifacts import WrongArtifact
from ..artifacts.manifest import NAME

_VERSION = re.compile(r"v([1-9][0-9]*)$")
_DRAFT = ".draft-"


@dataclass
class Place:
    """A named artifact: a folder with versions, drafts, or both.

    Attributes:
        versions: the complete ones, oldest first.
        drafts: the unfinished ones.
        pinned: whether the path is itself one version, outside or inside a named artifact.
    """

    path: Path
    versions: list[Path] = field(default_factory=list)
    drafts: list[Path] = field(default_factory=list)
    pinned: bool = False

    @property
    def newest(self) -> Path | None:
        return self.versions[-1] if self.versions else None


def find_places(folder: Path) -> Iterator[Place]:
    """Every artifact in and below a folder, sorted by path. Links are not followed.

    Raises:
        WrongArtifact: there is no such folder.
    """
    if not folder.is_dir():
        raise WrongArtifact(f"{folder} is no folder: give one that holds artifacts")
    if (folder / NAME).is_file():
        yield Place(folder, [folder], pinned=True)
        return
    if folder.name.startswith(_DRAFT):
        yield Place(folder.parent, drafts=[folder])
        return
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        place, below = _look(current)
        if place.versions or place.drafts:
            yield place
        waiting.extend(sorted(below, reverse=True))


def _look(folder: Path) -> tuple[Place, list[Path]]:
    """The artifact a folder is, and the folders in it that may hold others."""
    versions: list[tuple[int, Path]] = []
    place, below = Place(folder), []
    try:
        entries = list(os.scandir(folder))
    except OSError:  # removed meanwhile, or not ours to read: not an artifact we can tell about
        return place, []
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            continue
        number = _VERSION.match(entry.name)
        path = folder / entry.name
        if entry.name.startswith(_DRAFT):
            place.drafts.append(path)
        elif entry.name.startswith("."):
            continue
        elif os.path.isfile(os.path.join(entry.path, NAME)):
            if number:
                versions.append((int(number[1]), path))
            else:
                below.append(path)
        elif not number:
            below.append(path)
    place.versions = [path for _, path in sorted(versions)]
    place.drafts.sort()
    if not place.versions and not place.drafts and any(entry.name == NAME for entry in entries):
        place.versions, place.pinned = [folder], True
        below = []
    return place, below
