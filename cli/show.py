"""`whet show`: find what a path means, a version or a draft, and print it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..artifacts import KINDS, Artifact, WrongArtifact
from ..artifacts.folder import resolve
from ..artifacts.manifest import NAME, Manifest
from .drafts import DraftState
from .page import Page, print_page
from .shading import encoder_of
from .showing import body_page, draft_page, manifest_page, newest_draft, record
from .showing_rows import check_rows, draft_rows, open_joined, rows_of, rows_page


def show(path: str, count: int, where: str | None, joined: Sequence[str], as_json: bool) -> Any:
    """Print a version or a draft.

    Returns:
        what is to be printed as JSON, None when text was printed.
    """
    state = _draft_meant(Path(path))
    if state is not None:
        return _show_draft(state, count, where, joined, as_json)
    pinned = resolve(path)
    manifest = Manifest.read(pinned)
    # A version without its payload still has a manifest to show.
    artifact: Artifact[Any] = Artifact(pinned, manifest) if manifest.tombstone else Artifact.open(pinned)
    check_rows(artifact.kind, where, joined)
    has_rows = KINDS[artifact.kind].rows and not manifest.tombstone
    rows = rows_of(artifact, count, where, open_joined(joined)) if has_rows else []
    if as_json:
        found = record(artifact)
        return found | {"rows": [row.record() for row in rows]} if has_rows else found
    page = Page()
    if page.colour and artifact.kind == "rollouts" and rows:
        encoder = encoder_of(artifact)
        for row in rows:
            row.encoder = encoder

    def lines() -> Iterator[str]:
        yield from manifest_page(page, artifact)
        if not manifest.tombstone:
            yield from body_page(page, artifact)
            yield from rows_page(page, artifact.kind, rows, len(artifact))

    print_page(lines(), page.colour)
    return None


def _draft_meant(path: Path) -> DraftState | None:
    """The draft a path means, None when it means a version (or nothing)."""
    if (path / NAME).is_file():
        return None
    if path.name.startswith(".draft-"):
        return newest_draft(path)
    try:
        resolve(path)
    except WrongArtifact:
        return newest_draft(path)
    return None


def _show_draft(state: DraftState, count: int, where: str | None, joined: Sequence[str], as_json: bool) -> Any:
    if joined:
        raise WrongArtifact(
            f"{state.path} is a draft, expected a finished version for --with: wait until it is published"
        )
    rows = draft_rows(state, count, where)
    if as_json:
        return {"path": state.path, "draft": state.record(), "rows": [row.record() for row in rows]}
    page = Page()

    def lines() -> Iterator[str]:
        yield from draft_page(page, state)
        if state.kind is not None:
            yield from rows_page(page, state.kind, rows, state.rows)

    print_page(lines(), page.colour)
    return None
