"""Artifacts as they are made: a draft is found again by its recipe, and published by one rename."""

import contextlib
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from . import card, provenance
from .chunks import Chunk, done_record, part_name
from .errors import DraftGone, Stopped, WrongArtifact
from .files import TEMPORARY, digest_of, read_json, remove_tree, sha256_file, sync_folder, write_json
from .folder import Artifact, versions
from .leases import Heartbeat, Lease, holder
from .manifest import NAME, File, Input, Manifest
from .parquet import schema_of, write_rows
from .recipe import content_digest, recipe_digest
from .records import KINDS, Problem

Row = TypeVar("Row")

OUTSIDE_DIGEST = (NAME, "README.md", "metrics.jsonl", "logs", "tb", "work")
"""Top-level names that are not payload: they do not change what the artifact is."""
HIGHEST = ".highest"
"""The highest version number that was ever removed from a named artifact: numbers are never reused."""


class Stop:
    """Whether the process was asked to stop; a signal handler sets it, the stages look at it."""

    requested = False


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
            _rename(complete, out, Manifest.read(complete))
    return published(out, recipe)


def open_draft(out: str | Path, *, again: bool = False, **declared: Any) -> "Artifact[Any] | Draft[Any]":
    """The finished version of a recipe, or the draft in which it is (or will be) made.

    Args:
        again: make a new version although the recipe is finished.
        declared: as for `Draft.create`.
    """
    out = Path(out)
    recipe = Draft.recipe_of(**declared)
    done = find(out, recipe)
    if done is not None and not again:
        return done
    draft = Draft.create(out, **declared)
    # Another process may have published between the look and the creation: then this draft is an empty new one.
    late = None if again else published(out, recipe)
    if late is not None:
        remove_tree(draft.folder)
        return late
    return draft


def digests_of(inputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """Content digests by role; roles that were not given are left out."""
    found = {}
    for role, value in inputs.items():
        items = value if isinstance(value, list | tuple) else [value]
        if digests := [item.digest for item in items if item is not None]:
            found[role] = digests
    return found


class Draft(Generic[Row]):
    """An artifact that is being made.

    Attributes:
        folder: where files go; it becomes the version's folder.
        facts: goes into the manifest (engine, sampling parameters, stop rule, belongs_to ...).
        stop: set when the process was asked to stop.
        gates: the quality gates that marked it, with their messages.
        finishing: publish what is there: `chunks` gives out no more work (`--finish`).
    """

    def __init__(self, out: Path, folder: Path, record: dict[str, Any], stop: Stop, inputs: Mapping[str, Any]) -> None:
        self.out, self.folder, self.stop = out, folder, stop
        self.recipe: str = record["recipe"]
        self.facts: dict[str, Any] = {}
        self.work = folder / "work"
        self._record, self._inputs = record, inputs
        self.gates: dict[str, str] = {}
        self.finishing = False
        self._heartbeat: Heartbeat | None = None
        self._chunk: Chunk[Any] | None = None
        self._writer: Lease | None = None
        self._started = time.time()

    @classmethod
    def create(
        cls,
        out: str | Path,
        *,
        kind: str | None,
        stage: str,
        version: int = 1,
        options: Mapping[str, Any] | None = None,
        runtime: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        output: str = "",
        stop: Stop | None = None,
    ) -> "Draft[Any]":
        """Open the draft of a recipe, or start it.

        Args:
            out: the named artifact's folder.
            kind: what is made; None when the stage decides (`as_kind`).
            options: the semantic options; with stage, version and the inputs' digests they are the recipe.
            runtime: options that cannot change the result: recorded only.
            inputs: role -> Artifact, Weights, SourceFile, a list of them, or None.
            output: which of a stage's several outputs this is ("" for the main one).
        """
        out, options, inputs = Path(out), dict(options or {}), dict(inputs or {})
        recipe = cls.recipe_of(stage=stage, version=version, options=options, inputs=inputs, output=output)
        refuse_foreign_folder(out)
        folder = out / f".draft-{recipe[:12]}"
        if (folder / NAME).is_file():
            find(out, recipe)
        for name in ("data", "logs", "work", "work/leases", "work/done", "work/attempts"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        record = {
            "recipe": recipe, "kind": kind, "stage": stage, "stage_version": version, "options": options,
            "runtime": dict(runtime or {}), "started": time.time(),
        }  # fmt: skip
        draft = cls(out, folder, record, stop or Stop(), inputs)
        draft._keep_record()
        attempt = {**provenance.attempt(), "started": _time(draft._started)}
        write_json(folder / "work" / "attempts" / f"{time.time_ns()}-{os.getpid()}.json", attempt)
        return draft

    @staticmethod
    def recipe_of(
        *,
        stage: str,
        version: int = 1,
        options: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        output: str = "",
        **_: Any,
    ) -> str:
        """The recipe digest of what `create` would make."""
        recipe = recipe_digest(stage, version, options or {}, digests_of(inputs or {}))
        return digest_of([recipe, output]) if output else recipe

    def _keep_record(self) -> None:
        """The draft's own record lets `ls` describe it and `--finish` publish it."""
        path = self.work / "draft.json"
        if path.exists():
            kept = read_json(path)
            self._record["started"] = kept["started"]
            if kept["kind"] == self._record["kind"] or self._record["kind"] is None:
                self._record["kind"] = kept["kind"]
                return
        write_json(path, self._record)

    @property
    def kind(self) -> str:
        kind = self._record["kind"]
        if kind is None:
            raise WrongArtifact(
                f"{self.out}: the draft's kind is not known yet: run the command again without --finish"
            )
        return kind

    def as_kind(self, kind: str) -> "Draft[Any]":
        """Fix the kind, for stages that can make several."""
        self._record["kind"] = kind
        self._keep_record()
        return self

    def progress(self, done: float, total: float | None, unit: str = "rows", **shown: Any) -> None:
        """Tell how far the work is; the command line replaces this."""

    # --- chunks ---------------------------------------------------------------------------------------------------

    def chunks(self, plan: Sequence[Any]) -> Iterator[Chunk[Row]]:
        """The chunks this process has to do, one after the other; ends when all are done, by whomever.

        Args:
            plan: one JSON-able entry a chunk, fixed by the recipe.

        Raises:
            Stopped: the process was asked to stop.
            DraftGone: another process published the draft.
        """
        self._fix_plan(list(plan))
        if self.finishing:
            self.finish_incomplete()
            return
        wait = 0.05
        while True:
            worked = False
            for index, unit in enumerate(plan):
                if self.stop.requested:
                    raise Stopped("stopped between two chunks: the draft is kept, run the same command again")
                if not self.is_done(index) and (chunk := self._take(index, unit)) is not None:
                    worked, wait = True, 0.05
                    yield chunk
                    self._finish(chunk)
            if all(self.is_done(index) for index in range(len(plan))):
                return
            if not worked:
                time.sleep(wait)
                wait = min(2.0, wait * 1.5)
            self._check_here()

    def is_done(self, index: int) -> bool:
        return (self.folder / "data" / part_name(index)).exists()

    def open_chunk(self, index: int, unit: Any = None) -> Chunk[Row]:
        """One chunk of a stage with a single writer; close it with `close_chunk`."""
        chunk = self._take(index, unit)
        if chunk is None:
            raise Stopped(f"{self.folder.name}: chunk {index} is being written by another process: wait for it")
        return chunk

    def close_chunk(self, chunk: Chunk[Row]) -> None:
        """Publish the part of a chunk opened with `open_chunk`."""
        self._finish(chunk)

    def discard_chunks_from(self, index: int) -> None:
        """Drop the parts from `index` on, with what is pending of them: their rows will be made again."""
        for folder in (self.folder / "data", self.work / "done", self.work / "leases", self.work / "pending"):
            for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
                number = re.search(r"\d{5}", entry.name)
                if number and int(number[0]) >= index:
                    remove_tree(entry) if entry.is_dir() else entry.unlink()

    def _take(self, index: int, unit: Any) -> Chunk[Row] | None:
        self._check_here()
        lease = Lease.take(self.work / "leases" / f"{index:05d}.json")
        if lease is None:
            return None
        if self.is_done(index):  # finished between the look and the lease
            lease.release()
            return None
        schema = schema_of(KINDS[self.kind].record)
        chunk = Chunk[Row](self.folder, index, unit, schema, lease, lambda: self.stop.requested)
        heartbeat = self._beat()
        heartbeat.leases.add(lease)
        heartbeat.due = [chunk.flush_if_due]
        self._chunk = chunk
        return chunk

    def _finish(self, chunk: Chunk[Row]) -> None:
        try:
            chunk.finish()
        except FileNotFoundError:
            self._check_here()
            if not self.is_done(chunk.index):
                raise
            chunk.closed = True
        self._forget(chunk)

    def _forget(self, chunk: Chunk[Any]) -> None:
        if self._heartbeat is not None:
            self._heartbeat.leases.discard(chunk._lease)
            self._heartbeat.due = []
        self._chunk = None

    def _fix_plan(self, plan: list[Any]) -> None:
        self._check_here()
        path = self.work / "plan.json"
        digest = digest_of(plan)
        if path.exists():
            if read_json(path)["digest"] != digest:
                raise WrongArtifact(
                    f"{self.folder} was begun with another list of chunks: remove it and run the command again"
                )
            return
        write_json(path, {"digest": digest, "chunks": len(plan)})

    def _check_here(self) -> None:
        if not self.work.is_dir():
            raise DraftGone(f"{self.folder} is gone: another process published or removed it")

    def _beat(self) -> Heartbeat:
        if self._heartbeat is None:
            self._heartbeat = Heartbeat()
        return self._heartbeat

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Be the only process that writes this draft.

        Raises:
            Stopped: another live process does.
        """
        self._check_here()
        path = self.work / "leases" / "writer.json"
        lease = Lease.take(path)
        if lease is None:
            held = holder(path) or {}
            raise Stopped(
                f"{self.folder} is being written by process {held.get('pid')} on {held.get('host')}: "
                "wait for it, then run the same command again"
            )
        self._beat().leases.add(lease)
        self._writer = lease
        try:
            yield
        finally:
            self._beat().leases.discard(lease)
            lease.release()

    # --- what goes with the rows ----------------------------------------------------------------------------------

    def embed_problems(self, problems: Iterable[Problem]) -> None:
        """Write the problems beside the rollouts, once."""
        path = self.folder / "problems.parquet"
        if not path.exists():
            write_rows(path, problems, schema_of(Problem))  # type: ignore[arg-type]

    def counts(self) -> dict[str, Any]:
        """Sums of the counts of all finished chunks."""
        total: Counter[str] = Counter()
        for index in self._done_indices():
            total.update(self._done(index)["counts"])
        return dict(total)

    def gate(self, name: str, message: str) -> None:
        """Mark the version that will be published: a quality gate stopped the pipeline here."""
        self.gates[name] = message

    def sibling(self, suffix: str, kind: str) -> "Draft[Any]":
        """A draft of another artifact made by the same recipe, e.g. an intermediate policy (`OUT-SUFFIX`)."""
        return Draft.create(
            self.out.with_name(f"{self.out.name}-{suffix}"), kind=kind, stage=self._record["stage"],
            version=self._record["stage_version"], options={**self._record["options"], "part": suffix},
            runtime=self._record["runtime"], inputs=self._inputs, stop=self.stop,
        )  # fmt: skip

    # --- publishing -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Keep what there is: flush the open chunk, give back leases. Publishing calls it too."""
        chunk, self._chunk = self._chunk, None
        try:
            if chunk is not None:
                with contextlib.suppress(FileNotFoundError):
                    chunk.release()
        finally:
            if self._heartbeat is not None:
                self._heartbeat.close()
                self._heartbeat = None

    def finish_incomplete(self) -> None:
        """Turn what is pending into parts, so that a draft can be published before it is done (`--finish`)."""
        for pending in sorted((self.work / "pending").iterdir()) if (self.work / "pending").is_dir() else []:
            index = int(pending.name)
            chunk = None if self.is_done(index) else self._take(index, None)
            if chunk is not None:
                self._finish(chunk)

    def publish(self) -> Artifact[Row]:
        """Make the draft a version: files, manifest, rename.

        Raises:
            DraftGone: another process was faster.
        """
        self.close()
        self._check_here()
        lease = Lease.take(self.work / "leases" / "publish.json")
        if lease is None:
            raise DraftGone(f"{self.folder} is being published by another process")
        try:
            for leftover in self.folder.rglob(f"{TEMPORARY}*"):
                leftover.unlink(missing_ok=True)  # of a process that was killed while it wrote
            manifest = self._manifest()
            card.write(self.folder, manifest)
            return Artifact(_rename(self.folder, self.out, manifest), manifest)
        except FileNotFoundError as error:
            raise DraftGone(f"{self.folder} is gone: another process published it ({error})") from error

    def _done_indices(self) -> list[int]:
        names = [p.name for p in (self.folder / "data").glob("part-*.parquet")]
        return sorted(int(name[5:10]) for name in names)

    def _done(self, index: int) -> dict[str, Any]:
        return done_record(self.folder, index, lambda: sha256_file(self.folder / "data" / part_name(index)))

    def _manifest(self) -> Manifest:
        kind = KINDS[self.kind]
        indices = self._done_indices()
        done = {index: self._done(index) for index in indices}
        files = [
            File(path=f"data/{part_name(i)}", size=r["size"], sha256=r["sha256"], rows=r["rows"])
            for i, r in done.items()
        ]
        files += payload_files(self.folder, {file.path for file in files})
        plan = read_json(self.work / "plan.json")["chunks"] if (self.work / "plan.json").exists() else len(indices)
        if not kind.rows and not indices:
            with contextlib.suppress(OSError):
                (self.folder / "data").rmdir()
        attempts = [read_json(path) for path in sorted((self.work / "attempts").glob("[0-9]*.json"))]
        record = self._record
        return Manifest(
            kind=kind.name,
            kind_version=kind.version,
            version=0,
            digest=content_digest((file.path, file.size, file.sha256) for file in files),
            recipe=self.recipe,
            stage=record["stage"],
            stage_version=record["stage_version"],
            options=record["options"],
            runtime=record["runtime"],
            inputs=self._input_records(),
            facts=self.facts,
            counts=self.counts(),
            rows=sum(r["rows"] for r in done.values()) if kind.rows else None,
            files=files,
            gates=self.gates,
            incomplete={"done": len(indices), "chunks": plan} if len(indices) < plan else None,
            environment=provenance.environment(),
            created=_time(time.time()),
            seconds=round(time.time() - record["started"], 3),
            attempts=attempts,
        )

    def _input_records(self) -> list[Input]:
        found = []
        for role, value in self._inputs.items():
            for item in value if isinstance(value, list | tuple) else [value]:
                if item is None:
                    continue
                path = getattr(item, "path", None)
                hint = os.path.relpath(path, self.out / "v1") if path else getattr(item, "spec", None)
                found.append(Input(role=role, digest=item.digest, kind=item.kind, path=hint))
        return found


def payload_files(folder: Path, known: set[str] = frozenset()) -> list[File]:  # type: ignore[assignment]
    """Every payload file below a folder that is not known yet, hashed and durable."""
    import pyarrow.parquet as pq

    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = name.split("/")[0] in OUTSIDE_DIGEST or path.name.startswith(TEMPORARY)
        if path.is_file() and not hidden and name not in known:
            with open(path, "rb") as file:
                os.fsync(file.fileno())
            rows = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else None
            found.append(File(path=name, size=path.stat().st_size, sha256=sha256_file(path), rows=rows))
    return found


def _rename(draft: Path, out: Path, manifest: Manifest) -> Path:
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


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
