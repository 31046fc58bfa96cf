"""How processes share the making of a draft: who takes which chunk, who is the only writer, until all of it is done."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .chunks import Chunk
from .errors import DraftGone, Stopped, WrongArtifact
from .files import digest_of, read_json, remove_tree, write_json
from .leases import Heartbeat, Lease, holder
from .parts import part_name

if TYPE_CHECKING:
    import pyarrow as pa

Row = TypeVar("Row")


class Stop:
    """Whether the process was asked to stop; a signal handler sets it, the stages look at it."""

    requested = False
    grace_seconds = 20.0
    """How long everything may take to be saved after a first signal"""


class Share(Generic[Row]):
    """What one process does of a draft, and the leases by which the others know.

    Args:
        folder: the draft's folder.
        stop: set when the process was asked to stop.
        schema: gives the columns of a row; asked when the first chunk is taken.
    """

    def __init__(self, folder: Path, stop: Stop, schema: "Callable[[], pa.Schema]") -> None:
        self._folder, self._work, self._stop, self._schema = folder, folder / "work", stop, schema
        self._heartbeat: Heartbeat | None = None
        self._chunk: Chunk[Row] | None = None

    def chunks(self, plan: Sequence[Any]) -> Iterator[Chunk[Row]]:
        """The chunks this process has to do; ends when all are done, by whomever.

        Raises:
            Stopped: the process was asked to stop.
            DraftGone: another process published the draft.
        """
        wait = 0.05
        while True:
            worked = False
            for index, unit in enumerate(plan):
                if self._stop.requested:
                    raise Stopped("stopped between two chunks: the draft is kept, run the same command again")
                if not self.is_done(index) and (chunk := self.take(index, unit)) is not None:
                    worked, wait = True, 0.05
                    yield chunk
                    self.finish(chunk)
            if all(self.is_done(index) for index in range(len(plan))):
                return
            if not worked:
                time.sleep(wait)
                wait = min(2.0, wait * 1.5)
            self.check_here()

    def fix_plan(self, plan: Sequence[Any]) -> None:
        """Keep what the chunks are, once.

        Raises:
            WrongArtifact: the draft was begun with other ones.
        """
        self.check_here()
        path = self._work / "plan.json"
        digest = digest_of(list(plan))
        if path.exists():
            if read_json(path)["digest"] != digest:
                raise WrongArtifact(
                    f"{self._folder} was begun with another list of chunks: remove it and run the command again"
                )
            return
        write_json(path, {"digest": digest, "chunks": len(plan)})

    def is_done(self, index: int) -> bool:
        return (self._folder / "data" / part_name(index)).exists()

    def take(self, index: int, unit: Any) -> Chunk[Row] | None:
        """Take a chunk; None where another process has it, or it is done."""
        lease = self.lease(f"{index:05d}")
        if lease is None:
            return None
        if self.is_done(index):  # finished between the look and the lease
            lease.release()
            return None
        (self._work / "partial" / f"{index:05d}.json").unlink(missing_ok=True)
        chunk = Chunk[Row](self._folder, index, unit, self._schema(), lease, lambda: self._stop.requested)
        heartbeat = self._beat()
        heartbeat.leases.add(lease)
        heartbeat.due = [chunk.flush_if_due]
        self._chunk = chunk
        return chunk

    def finish(self, chunk: Chunk[Row]) -> None:
        """Publish the part of a chunk."""
        try:
            chunk.finish()
        except FileNotFoundError:
            self.check_here()
            if not self.is_done(chunk.index):
                raise
            chunk.closed = True
        self._forget(chunk)

    def finish_pending(self) -> None:
        """Turn what is pending into parts, so that a draft can be published before it is done."""
        for pending in sorted((self._work / "pending").iterdir()) if (self._work / "pending").is_dir() else []:
            index = int(pending.name)
            chunk = None if self.is_done(index) else self.take(index, None)
            if chunk is None:
                continue
            if chunk.done:
                # First of all: rows that are missing must never pass for done, wherever a kill comes.
                partial = self._work / "partial"
                partial.mkdir(exist_ok=True)
                write_json(partial / f"{index:05d}.json", {"rows": len(chunk.done)})
                self.finish(chunk)
            else:
                chunk.release()
                self._forget(chunk)

    def discard_from(self, index: int) -> None:
        """Drop the parts from `index` on, with what is pending of them: their rows will be made again."""
        kept = (self._work / name for name in ("done", "leases", "pending", "partial"))
        for folder in (self._folder / "data", *kept):
            for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
                number = re.search(r"\d{5}", entry.name)
                if number and int(number[0]) >= index:
                    remove_tree(entry) if entry.is_dir() else entry.unlink()

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Be the only process that writes the draft.

        Raises:
            Stopped: another live process does.
        """
        lease = self.lease("writer")
        if lease is None:
            held = holder(self._work / "leases" / "writer.json") or {}
            raise Stopped(
                f"{self._folder} is being written by process {held.get('pid')} on {held.get('host')}: "
                "wait for it, then run the same command again"
            )
        self._beat().leases.add(lease)
        try:
            yield
        finally:
            self._beat().leases.discard(lease)
            lease.release()

    def lease(self, name: str) -> Lease | None:
        """A lease of the draft's; None where another live process holds it.

        Raises:
            DraftGone: the draft is not there any more.
        """
        self.check_here()
        try:
            return Lease.take(self._work / "leases" / f"{name}.json")
        except FileNotFoundError as error:  # between the check and the lease
            raise DraftGone(f"{self._folder} is gone: another process published or removed it") from error

    def check_here(self) -> None:
        if not self._work.is_dir():
            raise DraftGone(f"{self._folder} is gone: another process published or removed it")

    def close(self) -> None:
        """Flush the open chunk, give back its lease, end the heartbeat."""
        chunk, self._chunk = self._chunk, None
        try:
            if chunk is not None:
                with contextlib.suppress(FileNotFoundError):
                    chunk.release()
        finally:
            if self._heartbeat is not None:
                self._heartbeat.close()
                self._heartbeat = None

    def _forget(self, chunk: Chunk[Row]) -> None:
        if self._heartbeat is not None:
            self._heartbeat.leases.discard(chunk.lease)
            self._heartbeat.due = []
        self._chunk = None

    def _beat(self) -> Heartbeat:
        if self._heartbeat is None:
            self._heartbeat = Heartbeat()
        return self._heartbeat
