"""From a draft to a version: hash what it holds, write the manifest last, rename."""

import contextlib
import os
import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import provenance
from .errors import WrongArtifact
from .files import TEMPORARY, read_json, remove_tree, sha256_file, sync_folder, write_json
from .folder import Artifact, versions
from .manifest import NAME, File, Input, Manifest
from .parts import done_parts, part_name, sum_counts
from .recipe import content_digest
from .records import KINDS

OUTSIDE_DIGEST = (NAME, "README.md", "metrics.jsonl", "logs", "tb", "work")
"""Top-level names that are not payload: they do not change what the artifact is."""
HIGHEST = ".highest"
"""The highest version number that was ever removed from a named artifact: numbers are never reused."""


def published(out: Path, recipe: str) -> Artifact[Any] | None:
    """The newest version that a recipe made, None when there is none."""
    for path in reversed(versions(out)):
        manifest = Manifest.read(path)
        if manifest.recipe == recipe and not manifest.tombstone:
            return Artifact(path, manifest)
    return None


def find(out: Path, recipe: str) -> Artifact[Any] | None:
    """The version a recipe made; a draft that was complete when its process died is published first."""
    complete = out / f".draft-{recipe[:12]}"
    if (complete / NAME).is_file():
        with contextlib.suppress(FileNotFoundError):
            move_into_place(complete, out, Manifest.read(complete))
    return published(out, recipe)


def describe(
    folder: Path,
    record: Mapping[str, Any],
    inputs: list[Input],
    facts: dict[str, Any],
    gates: dict[str, str],
) -> Manifest:
    """The manifest of a draft as it stands; its version number is given by `move_into_place`.

    Args:
        record: the draft's own record (recipe, kind, stage, options, when it was begun).
    """
    kind, work = KINDS[record["kind"]], folder / "work"
    done = done_parts(folder)
    files = [
        File(path=f"data/{part_name(i)}", size=r["size"], sha256=r["sha256"], rows=r["rows"]) for i, r in done.items()
    ]
    files += [File(**read_json(path)) for path in sorted((work / "hashes").glob("*.json"))]
    files += payload_files(folder, {file.path for file in files})
    plan = read_json(work / "plan.json")["chunks"] if (work / "plan.json").exists() else len(done)
    # Parts that --finish made of what an unfinished chunk had.
    whole = len(done) - sum((work / "partial" / f"{index:05d}.json").exists() for index in done)
    if not kind.rows and not done:
        with contextlib.suppress(OSError):
            (folder / "data").rmdir()
    return Manifest(
        kind=kind.name,
        kind_version=kind.version,
        version=0,
        digest=content_digest((file.path, file.size, file.sha256) for file in files),
        recipe=record["recipe"],
        stage=record["stage"],
        stage_version=record["stage_version"],
        options=record["options"],
        runtime=record["runtime"],
        inputs=inputs,
        facts=facts,
        counts=sum_counts(done),
        rows=sum(part["rows"] for part in done.values()) if kind.rows else None,
        files=files,
        gates=gates,
        incomplete={"done": whole, "chunks": plan} if whole < plan else None,
        environment=provenance.environment(),
        created=provenance.timestamp(time.time()),
        seconds=round(time.time() - record["started"], 3),
        attempts=[read_json(path) for path in sorted((work / "attempts").glob("[0-9]*.json"))],
    )


def input_records(inputs: Mapping[str, Any], out: Path) -> list[Input]:
    """What the manifest says of the inputs; paths are relative to a version's folder."""
    # No version has this name, so that an older version of the same artifact is `../v1`, never the folder itself.
    version, found = out / "vN", []
    for role, value in inputs.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if item is None:
                continue
            path = getattr(item, "path", None)
            hint = os.path.relpath(path, version) if path else getattr(item, "spec", None)
            found.append(Input(role=role, digest=item.digest, kind=item.kind, path=hint))
    return found


def payload_files(folder: Path, known: set[str] = frozenset()) -> list[File]:  # type: ignore[assignment]
    """Every payload file below a folder that is not known yet, hashed and durable."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = name.split("/")[0] in OUTSIDE_DIGEST or path.name.startswith(TEMPORARY)
        if path.is_file() and not hidden and name not in known:
            found.append(_hashed(folder, path))
    return found


def note_hash(folder: Path, path: Path) -> None:
    """Hash a file that this process wrote into a draft, so that the process that publishes need not read it."""
    notes = folder / "work" / "hashes"
    notes.mkdir(parents=True, exist_ok=True)
    write_json(notes / f"{path.name}.json", asdict(_hashed(folder, path)))


def _hashed(folder: Path, path: Path) -> File:
    """A payload file, durable and hashed."""
    import pyarrow.parquet as pq

    work = folder / "work"
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    # Some libraries write files that only their owner may read; others read an artifact too, as far as the umask lets.
    path.chmod(work.stat().st_mode & 0o666 if work.is_dir() else 0o644)
    rows = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else None
    name = path.relative_to(folder).as_posix()
    return File(path=name, size=path.stat().st_size, sha256=sha256_file(path), rows=rows)


def move_into_place(draft: Path, out: Path, manifest: Manifest) -> Path:
    """Write the manifest, clear away what was only for the making, and give the folder its number."""
    while True:
        number = next_version(out)
        if manifest.version != number or not (draft / NAME).exists():
            manifest.version = number
            manifest.write(draft)
        remove_tree(draft / "work")
        if rename_version(draft, out / f"v{number}"):
            return out / f"v{number}"


def next_version(out: Path) -> int:
    """The next free number; removed versions keep theirs."""
    numbers = [int(p.name[1:]) for p in out.iterdir() if re.fullmatch(r"v[1-9][0-9]*", p.name)]
    with contextlib.suppress(FileNotFoundError, ValueError):
        numbers.append(int((out / HIGHEST).read_text()))
    return max(numbers, default=0) + 1


def rename_version(draft: Path, target: Path) -> bool:
    """Rename a complete draft to a version; False when another process took the number.

    Raises:
        FileNotFoundError: the draft is gone.
    """
    try:
        os.rename(draft, target)
    except FileNotFoundError:
        raise
    except OSError:
        if target.exists():
            return False
        raise
    sync_folder(target.parent)
    return True


def refuse_foreign_folder(out: Path) -> None:
    """Refuse an `--out` that would mix versions into something that is not a named artifact."""
    if out.is_file():
        raise WrongArtifact(f"{out} is a file, expected a folder for the versions of the artifact")
    if (out / NAME).exists():
        raise WrongArtifact(f"{out} is itself a version of an artifact: give its parent, {out.parent}, as --out")
    if re.fullmatch(r"v[1-9][0-9]*", out.name):
        raise WrongArtifact(f"{out} has the name of a version: give a folder name of your own, e.g. {out.parent}")
