"""Artifacts as they are made: a draft is found again by its recipe, and published by one rename."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from . import card, provenance
from .chunks import Chunk
from .errors import DraftGone, Stopped, WrongArtifact
from .files import TEMPORARY, digest_of, read_json, remove_tree, write_json
from .folder import Artifact
from .manifest import NAME
from .parquet import schema_of, write_rows
from .parts import done_parts, sum_counts
from .publishing import describe, find, input_records, move_into_place, published, refuse_foreign_folder
from .recipe import digests_of, recipe_digest
from .records import KINDS, Problem
from .sharing import Share, Stop

Row = TypeVar("Row")


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


class Draft(Generic[Row]):
    """An artifact that is being made.

    Attributes:
        folder: where files go; it becomes the version's folder.
        facts: goes into the manifest (engine, sampling parameters, stop rule, belongs_to ...).
        stop: set when the process was asked to stop.
        gates: the quality gates that marked it, with their messages.
        finishing: publish what is there: `chunks` gives out no more work (`--finish`).
        leads: whether this process writes it; the others of a training on several processes only compute.
    """

    def __init__(self, out: Path, folder: Path, record: dict[str, Any], stop: Stop, inputs: Mapping[str, Any]) -> None:
        self.out, self.folder, self.stop = out, folder, stop
        self.recipe: str = record["recipe"]
        self.facts: dict[str, Any] = {}
        self.work = folder / "work"
        self._record, self._inputs = record, inputs
        self.gates: dict[str, str] = {}
        self.finishing = False
        self.leads = True
        self._share = Share[Row](folder, stop, lambda: schema_of(KINDS[self.kind].record))
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
        leads: bool = True,
    ) -> "Draft[Any]":
        """Open the draft of a recipe, or start it.

        Args:
            out: the named artifact's folder.
            kind: what is made; None when the stage decides (`as_kind`).
            options: the semantic options; with stage, version and the inputs' digests they are the recipe.
            runtime: options that cannot change the result: recorded only.
            inputs: role -> Artifact, Weights, SourceFile, a list of them, or None.
            output: which of a stage's several outputs this is ("" for the main one).
            leads: False for a process that only computes for the one that writes: nothing is written here.
        """
        out, options, inputs = Path(out), dict(options or {}), dict(inputs or {})
        recipe = cls.recipe_of(stage=stage, version=version, options=options, inputs=inputs, output=output)
        refuse_foreign_folder(out)
        folder = out / f".draft-{recipe[:12]}"
        if leads and (folder / NAME).is_file():
            find(out, recipe)
        record = {
            "recipe": recipe, "kind": kind, "stage": stage, "stage_version": version, "options": options,
            "runtime": dict(runtime or {}), "started": time.time(),
            # `gc` keeps what a draft still reads.
            "inputs": [dataclasses.asdict(item) for item in input_records(inputs, out)],
        }  # fmt: skip
        draft = cls(out, folder, record, stop or Stop(), inputs)
        draft.leads = leads
        if not leads:
            return draft
        for name in ("data", "logs", "work", "work/leases", "work/done", "work/attempts"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        draft._keep_record()
        attempt = {**provenance.attempt(), "started": provenance.timestamp(draft._started)}
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

    @property
    def stage(self) -> str:
        return self._record["stage"]

    @property
    def options(self) -> dict[str, Any]:
        """What was asked for and is part of the recipe."""
        return dict(self._record["options"])

    @property
    def begun(self) -> float:
        """When the first process began it, in seconds since 1970."""
        return self._record["started"]

    def as_kind(self, kind: str) -> "Draft[Any]":
        """Fix the kind, for stages that can make several.

        Raises:
            DraftGone: another process published the draft meanwhile.
        """
        self._record["kind"] = kind
        try:
            if self.leads:
                self._keep_record()
        except FileNotFoundError as error:
            raise DraftGone(f"{self.folder} was published by another process meanwhile") from error
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
        self._share.fix_plan(plan)
        if self.finishing:
            self.finish_incomplete()
        else:
            yield from self._share.chunks(plan)

    def is_done(self, index: int) -> bool:
        return self._share.is_done(index)

    def open_chunk(self, index: int, unit: Any = None) -> Chunk[Row]:
        """One chunk of a stage with a single writer; close it with `close_chunk`."""
        chunk = self._share.take(index, unit)
        if chunk is None:
            raise Stopped(f"{self.folder.name}: chunk {index} is being written by another process: wait for it")
        return chunk

    def close_chunk(self, chunk: Chunk[Row]) -> None:
        """Publish the part of a chunk opened with `open_chunk`."""
        self._share.finish(chunk)

    def discard_chunks_from(self, index: int) -> None:
        """Drop the parts from `index` on, with what is pending of them: their rows will be made again."""
        self._share.discard_from(index)

    def finish_incomplete(self) -> None:
        """Turn what is pending into parts, so that a draft can be published before it is done (`--finish`)."""
        self._share.finish_pending()

    def writer(self) -> contextlib.AbstractContextManager[None]:
        """Be the only process that writes this draft.

        Raises:
            Stopped: another live process does.
        """
        assert self.leads, "a process that only computes writes nothing: its stage joins the others first"
        return self._share.writer()

    # --- what goes with the rows ----------------------------------------------------------------------------------

    def embed_problems(self, problems: Iterable[Problem]) -> None:
        """Write the problems beside the rollouts, once.

        Raises:
            DraftGone: another process published the draft meanwhile.
        """
        path = self.folder / "problems.parquet"
        if not path.exists():
            try:
                write_rows(path, problems, schema_of(Problem))  # type: ignore[arg-type]
            except FileNotFoundError as error:
                # A third process may have begun the folder anew: that it is there says nothing.
                raise DraftGone(f"{self.folder} was published by another process meanwhile") from error

    def counts(self) -> dict[str, Any]:
        """Sums of the counts of all finished chunks."""
        return sum_counts(done_parts(self.folder))

    def gate(self, name: str, message: str) -> None:
        """Mark the version that will be published: a quality gate stopped the pipeline here."""
        self.gates[name] = message

    def sibling(self, suffix: str, kind: str) -> "Draft[Any]":
        """A draft of another artifact made by the same recipe, e.g. an intermediate policy (`OUT-SUFFIX`)."""
        return Draft.create(
            self.out.with_name(f"{self.out.name}-{suffix}"), kind=kind, stage=self._record["stage"],
            version=self._record["stage_version"], options={**self._record["options"], "part": suffix},
            runtime=self._record["runtime"], inputs=self._inputs, stop=self.stop, leads=self.leads,
        )  # fmt: skip

    # --- publishing -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Keep what there is: flush the open chunk, give back leases. Publishing calls it too."""
        self._share.close()

    def publish(self) -> Artifact[Row]:
        """Make the draft a version: files, manifest, rename.

        Raises:
            DraftGone: another process was faster.
        """
        self.close()
        lease = self._share.lease("publish")
        if lease is None:
            raise DraftGone(f"{self.folder} is being published by another process")
        try:
            for leftover in self.folder.rglob(f"{TEMPORARY}*"):
                leftover.unlink(missing_ok=True)  # of a process that was killed while it wrote
            manifest = describe(
                self.folder, self._record, input_records(self._inputs, self.out), self.facts, self.gates
            )
            card.write(self.folder, manifest)
            return Artifact(move_into_place(self.folder, self.out, manifest), manifest)
        except FileNotFoundError as error:
            raise DraftGone(f"{self.folder} is gone: another process published it ({error})") from error
