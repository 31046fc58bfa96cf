"""The graph of inputs: every artifact names what it was made from, by digest; paths are hints."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import WrongArtifact
from .folder import resolve
from .manifest import NAME, Input, Manifest


@dataclass
class Node:
    """An artifact in the graph.

    Attributes:
        path: where it lies; None when it could not be found (moved away or removed).
        inputs: (role, node) of what it was made from.
    """

    digest: str
    kind: str
    path: Path | None
    hint: str | None = None
    manifest: Manifest | None = None
    inputs: list[tuple[str, "Node"]] = field(default_factory=list)


def trace(path: str | Path, search: Path | None = None) -> Node:
    """The lineage of an artifact, down to what has no inputs.

    Args:
        search: folder below which moved inputs are looked for by digest (default: where the named artifact lies).
    """
    pinned = resolve(path)
    root = search or _root_of(pinned)
    found: dict[str, list[Path]] | None = None
    # By folder, not by digest: a stage that changed nothing has the digest of its input and would be its own parent.
    seen: dict[Path, Node] = {}

    def locate(item: Input, base: Path) -> Path | None:
        nonlocal found
        if item.path:
            hinted = Path(os.path.normpath(base / item.path))
            itself = hinted.resolve() == base.resolve()
            if not itself and (hinted / NAME).is_file() and _digest(hinted) == item.digest:
                return hinted
        if found is None:
            found = {}
            for place, digest in _all_versions(root):
                found.setdefault(digest, []).append(place)
        places = found.get(item.digest, ())
        return next((place for place in places if place.resolve() != base.resolve()), None)

    def visit(place: Path) -> Node:
        key = place.resolve()
        if key in seen:
            return seen[key]
        manifest = Manifest.read(place)
        node = seen[key] = Node(manifest.digest, manifest.kind, place, str(place), manifest)
        for item in manifest.inputs:
            where = locate(item, place)
            child = visit(where) if where is not None else Node(item.digest, item.kind, None, item.path)
            node.inputs.append((item.role, child))
        return node

    return visit(pinned)


def ancestors(node: Node) -> Iterator[Node]:
    """The node and all it was made from, each once."""
    stack, seen = [node], set[int]()
    while stack:
        current = stack.pop()
        if id(current) not in seen:
            seen.add(id(current))
            yield current
            stack.extend(child for _, child in current.inputs)


def _root_of(pinned: Path) -> Path:
    return pinned.resolve().parent.parent


def _digest(folder: Path) -> str | None:
    try:
        return Manifest.read(folder).digest
    except WrongArtifact:
        return None


def _all_versions(root: Path) -> Iterator[tuple[Path, str]]:
    """Every version below a folder, with its digest."""
    for place, folders, files in os.walk(root):
        if NAME in files:
            folders.clear()
            digest = _digest(Path(place))
            if digest:
                yield Path(place), digest
        else:
            folders[:] = [name for name in folders if not name.startswith(".")]
