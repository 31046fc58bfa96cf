"""A pool of worker processes for comparisons that may hang: they are killed and replaced, and the row says so.

The limit is the CPU time of the worker, so that a busy machine changes no verdict; ten times as much wall time is the
outer bound. Workers run in sessions of their own: a Ctrl-C at the terminal reaches this process alone. Nothing here
uses alarm signals or threads, so it works beside whatever the caller does with either.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from .comparison import Comparison
from .task import Task, encode

WALL_FACTOR = 10
"""Wall time allowed for each second of CPU time."""

STARTING_SECONDS = 300
"""A worker that cannot import its modules in this time will not come."""


class WorkersFailed(RuntimeError):
    """Workers do not start; the message holds what they printed."""


class _Worker:
    """One worker process and the task it works on."""

    def __init__(self) -> None:
        self.printed = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", "whet.stages.answers.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.printed,
            start_new_session=True,
            env={**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.source, self.sink = self.process.stdout, self.process.stdin
        self.started = time.monotonic()
        self.pending = b""
        self.child: int | None = None
        self.task: Task | None = None
        self.sent = 0.0
        self.number = 0
        self.over_wall = False

    @property
    def free(self) -> bool:
        return self.child is not None and self.task is None

    def send(self, task: Task, cpu_seconds: float, memory_bytes: int) -> None:
        self.number += 1
        self.task, self.sent, self.over_wall = task, time.monotonic(), False
        fields = {"task": encode(task).decode(), "cpu_seconds": cpu_seconds, "memory_bytes": memory_bytes}
        line = json.dumps({"id": self.number, **fields}).encode()
        with contextlib.suppress(BrokenPipeError):  # it just died: the end of its output says so
            self.sink.write(f"{len(line)}\n".encode() + line)
            self.sink.flush()

    def read(self) -> list[dict[str, Any]] | None:
        """The messages that have arrived; None when the process is gone."""
        arrived = os.read(self.source.fileno(), 65_536)
        if not arrived:
            return None
        *lines, self.pending = (self.pending + arrived).split(b"\n")
        return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]

    def kill_child(self) -> None:
        self.over_wall = True
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)

    def close(self) -> None:
        """End the process group of the worker, its child included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.source, self.sink):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self.printed.close()

    def last_words(self) -> str:
        self.printed.seek(0)
        lines = self.printed.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no message"


class WorkerPool:
    """Runs tasks on up to `workers` processes, started as work arrives.

    `submit` never waits; `results` gives what is finished. Leaving it as a context manager ends the processes at once.
    """

    def __init__(self, workers: int, cpu_seconds: float, memory_bytes: int) -> None:
        self.size = workers
        self.cpu_seconds = cpu_seconds
        self.memory_bytes = memory_bytes
        self.waiting: deque[Task] = deque()
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._failures = 0

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()
        self._workers.clear()
        self._selector.close()

    @property
    def unfinished(self) -> int:
        """Tasks that wait or run."""
        return len(self.waiting) + sum(worker.task is not None for worker in self._workers)

    def submit(self, task: Task) -> None:
        """Queue a task."""
        self.waiting.append(task)
        self._hand_out()

    def results(self, wait: bool) -> list[tuple[Task, Comparison]]:
        """What has finished; with `wait`, at least one result unless nothing is unfinished."""
        while True:
            found: list[tuple[Task, Comparison]] = []
            for key, _ in self._selector.select(self._next_deadline() if wait else 0):
                found += self._hear(key.data)
            self._enforce_wall()
            self._hand_out()
            if found or not wait or not self.unfinished:
                return found

    def _hand_out(self) -> None:
        for worker in self._workers:
            if self.waiting and worker.free:
                worker.send(self.waiting.popleft(), self.cpu_seconds, self.memory_bytes)
        starting = sum(worker.child is None for worker in self._workers)
        if len(self.waiting) > starting and len(self._workers) < self.size:
            worker = _Worker()
            self._workers.append(worker)
            self._selector.register(worker.source, selectors.EVENT_READ, worker)

    def _hear(self, worker: _Worker) -> Iterator[tuple[Task, Comparison]]:
        messages = worker.read()
        if messages is None:
            yield from self._replace(worker)
            return
        for message in messages:
            task = worker.task
            if "ready" in message:
                worker.child = message["ready"]
                self._failures = 0
            elif "died" in message:
                worker.child = None
                if task is not None:
                    worker.task = None
                    yield task, Comparison(None, "math", self._cause(message["died"], worker))
            elif task is not None and message["id"] == worker.number:
                worker.task = None
                if message["fresh"]:
                    worker.child = None
                yield task, Comparison(**{**message["outcome"], "marks": tuple(message["outcome"]["marks"])})

    def _cause(self, death: str, worker: _Worker) -> str:
        if death == "SIGPROF" or worker.over_wall:
            return "timeout"
        return f"error: the worker ended with {death}"

    def _replace(self, worker: _Worker) -> Iterator[tuple[Task, Comparison]]:
        """A whole worker is gone, not only its child: its task is lost; three that never start are an error."""
        self._selector.unregister(worker.source)
        self._workers.remove(worker)
        words = worker.last_words()
        worker.close()
        self._failures += 1
        if self._failures >= 3:
            raise WorkersFailed(f"the worker processes that compare answers do not start: {words}")
        if worker.task is not None:
            yield worker.task, Comparison(None, "math", f"error: the worker ended: {words}")

    def _next_deadline(self) -> float:
        deadlines = [
            worker.sent + WALL_FACTOR * self.cpu_seconds for worker in self._workers if worker.task is not None
        ]
        deadlines += [worker.started + STARTING_SECONDS for worker in self._workers if worker.child is None]
        return max(0.0, min(deadlines, default=time.monotonic() + 1) - time.monotonic()) + 0.01

    def _enforce_wall(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.task is not None and now > worker.sent + WALL_FACTOR * self.cpu_seconds:
                worker.kill_child()
            elif worker.child is None and worker.task is None and now > worker.started + STARTING_SECONDS:
                worker.process.kill()
