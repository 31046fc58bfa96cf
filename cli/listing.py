"""`whet ls`: one line an artifact, from its newest manifest alone."""

import json
from pathlib import Path
from typing import Any

from ..artifacts.manifest import NAME
from .drafts import DraftState, read_draft
from .places import Place, find_places
from .readable import age_of, age_text, size_text, visible

HEADINGS = ("path", "kind", "versions", "rows", "size", "age", "made by", "state")
RIGHT = ("versions", "rows", "size", "age")


def list_artifacts(folder: Path) -> list[dict[str, Any]]:
    """Every artifact in and below a folder, as JSON records."""
    records = []
    for place in find_places(folder):
        drafts = [state for path in place.drafts if (state := read_draft(path)) is not None]
        if place.versions or drafts:
            records.append(_record(place, drafts))
    return records


def _record(place: Place, drafts: list[DraftState]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "path": str(place.path), "kind": next((draft.kind for draft in drafts if draft.kind), None),
        "versions": len(place.versions), "newest": None, "rows": None, "size": None, "created": None,
        "age_seconds": None, "stage": next((draft.stage for draft in drafts if draft.stage), None), "state": "draft",
        "drafts": [draft.record() for draft in drafts],
    }  # fmt: skip
    if place.newest is None:
        return record
    record["newest"] = place.path.name if place.pinned else place.newest.name
    # Only this one file is read, and not checked: `whet check` does that.
    try:
        manifest = json.loads((place.newest / NAME).read_bytes())
        created = manifest["created"]
        record |= {
            "kind": manifest["kind"], "rows": manifest.get("rows"), "created": created,
            "size": sum(file["size"] for file in manifest["files"]), "stage": manifest["stage"],
            "age_seconds": age_of(created), "state": _state(manifest),
        }  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        record["state"] = "damaged"
    return record


def _state(manifest: dict[str, Any]) -> str:
    if manifest.get("tombstone"):
        return "payload dropped"
    if manifest.get("gates"):
        return "gated: " + ", ".join(manifest["gates"])
    if manifest.get("incomplete"):
        return f"incomplete: {manifest['incomplete']['done']} of {manifest['incomplete']['chunks']} chunks"
    return ""


def table_rows(records: list[dict[str, Any]]) -> list[list[str]]:
    """The records as cells; every draft beyond the first has a line of its own."""
    rows = []
    for record in records:
        drafts = [_draft_text(draft) for draft in record["drafts"]]
        state = "" if record["state"] == "draft" else record["state"]
        first = "; ".join(part for part in [state, *drafts[:1]] if part)
        versions = "-" if not record["versions"] else f"{record['newest']}"
        if record["versions"] > 1:
            versions = f"{record['newest']} ({record['versions']})"
        cells = [
            record["path"],
            record["kind"] or "?",
            versions,
            "" if record["rows"] is None else f"{record['rows']:,}",
            "" if record["size"] is None else size_text(record["size"]),
            "" if record["age_seconds"] is None else age_text(record["age_seconds"]),
            record["stage"] or "?",
            first,
        ]
        rows.append([visible(cell) for cell in cells])
        rows += [[""] * 7 + [visible(draft)] for draft in drafts[1:]]
    return rows


def _draft_text(draft: dict[str, Any]) -> str:
    state = DraftState(**draft)
    idle = "" if state.workers else f", idle for {age_text(state.idle_seconds)}"
    return f"draft: {state.progress}, worked on by {state.crew}{idle}"
