"""What is known of a draft from outside: how far it is, how fast, and who works on it."""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..artifacts.files import read_json
from ..artifacts.leases import live_workers


@dataclass
class DraftState:
    """A draft, as its files tell.

    Attributes:
        done, total: chunks; None where the stage has no chunks.
        rows: in finished chunks.
        rows_per_second: since the draft was begun.
        step: the last one logged, of a training.
        workers: live processes, as `PID on HOST`.
        idle_seconds: since anything in it changed.
    """

    path: str
    kind: str | None = None
    stage: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    done: int | None = None
    total: int | None = None
    rows: int | None = None
    rows_per_second: float | None = None
    step: int | None = None
    workers: list[str] = field(default_factory=list)
    idle_seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def progress(self) -> str:
        """`3 of 16 chunks`, `step 40`, or nothing."""
        if self.total is not None:
            return f"{self.done} of {self.total} chunks"
        return f"step {self.step}" if self.step is not None else "begun"

    @property
    def crew(self) -> str:
        return ", ".join(self.workers) if self.workers else "nobody"


def read_draft(folder: Path, detail: bool = False) -> DraftState | None:
    """The state of a draft; None when it was published or removed meanwhile.

    Args:
        detail: also count rows, which reads one small file a finished chunk.
    """
    state = DraftState(str(folder))
    try:
        parts = [entry for entry in os.scandir(folder / "data") if entry.name.startswith("part-")]
    except OSError:
        parts = []
    record = _json(folder / "work" / "draft.json")
    state.kind, state.stage, state.options = record.get("kind"), record.get("stage"), record.get("options") or {}
    plan = _json(folder / "work" / "plan.json")
    if "chunks" in plan:
        state.done, state.total = len(parts), plan["chunks"]
    state.step = _last_step(folder / "metrics.jsonl")
    leases = folder / "work" / "leases"
    state.workers = sorted({f"{held.get('pid')} on {held.get('host')}" for held in live_workers(leases)})
    changed = last_change(folder)
    if changed is None:
        return None
    state.idle_seconds = max(0.0, time.time() - changed)
    if detail and parts:
        done = [_json(path) for path in sorted((folder / "work" / "done").glob("*.json"))]
        state.rows = sum(item.get("rows", 0) for item in done)
        finished = max((part.stat().st_mtime for part in parts), default=0.0)
        seconds = finished - record.get("started", finished)
        state.rows_per_second = round(state.rows / seconds, 3) if seconds > 0 else None
    return state


def last_change(folder: Path) -> float | None:
    """When anything in a draft last changed; None when it is gone."""
    try:
        newest = folder.stat().st_mtime
        for place in (folder, folder / "data", folder / "work", *_folders(folder / "work")):
            if place.is_dir():
                newest = max([newest, *(entry.stat(follow_symlinks=False).st_mtime for entry in os.scandir(place))])
    except FileNotFoundError:
        return None
    return newest


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_dir()] if folder.is_dir() else []


def _json(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _last_step(path: Path) -> int | None:
    """The step of the last whole line of a training's log."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 65_536))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            step = json.loads(line).get("step")
        except (ValueError, AttributeError):
            continue
        if isinstance(step, int):
            return step
    return None
