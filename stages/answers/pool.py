"""A pool of worker processes for comparisons that may hang: they are killed and replaced, and the row says so.

The limit is the CPU time of the worker, so that a busy machine changes no verdict; ten times as much wall time is the
outer bound, for a worker that stands still. A worker that is killed from outside (by hand, for want of memory) loses
nothing: its task is given to a new one, once. Nothing here uses alarm signals or threads, so it works beside whatever
the caller does with either.
"""

import os
import selectors
import time
from collections import deque

from ...artifacts import Failed
from .comparison import Comparison
from .processes import Parent, Worker
from .task import Task

WALL_FACTOR = 10
"""Wall time allowed for each second of CPU time; more where there are more workers than cores."""

STARTING_SECONDS = 300
"""A process that cannot import its modules in this time will not come."""

STUCK_SECONDS = 60
"""A killed worker whose parent has not said so by then has none."""

GIVEN_AHEAD = 2
"""Tasks a worker holds while there are plenty: it need not wait for us between two."""


class WorkersFailed(Failed):
    """Workers do not start; the message holds what they printed."""


def available_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerPool:
    """Runs tasks on up to `workers` processes, started as work arrives.

    `submit` never waits; `results` gives what is finished. Leaving it as a context manager ends the processes at once.
    """

    def __init__(self, workers: int, cpu_seconds: float, memory_bytes: int) -> None:
        self.size = workers
        self.cpu_seconds = cpu_seconds
        self.memory_bytes = memory_bytes
        self.submitted = 0
        self.waiting: deque[Task] = deque()
        self.workers: list[Worker] = []
        self.parent: Parent | None = None
        self._selector = selectors.DefaultSelector()
        self._wall_seconds = WALL_FACTOR * cpu_seconds * max(1.0, workers / available_cores())
        self._failures = 0
        self._tried: set[Task] = set()

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *_: object) -> None:
        self._end_processes()
        self._selector.close()

    @property
    def unfinished(self) -> int:
        """Tasks that wait or run."""
        return len(self.waiting) + sum(len(worker.tasks) for worker in self.workers)

    def submit(self, task: Task) -> None:
        """Queue a task."""
        self.submitted += 1
        self.waiting.append(task)
        self._hand_out()

    def results(self, wait: bool) -> list[tuple[Task, Comparison]]:
        """What has finished; with `wait`, at least one result unless nothing is unfinished."""
        while True:
            found: list[tuple[Task, Comparison]] = []
            for key, events in self._selector.select(self._next_deadline() if wait else 0):
                if key.data is self.parent:
                    found += self._hear_parent(key.data)
                elif key.data in self.workers:
                    if events & selectors.EVENT_WRITE:
                        key.data.send()
                        self._watch(key.data)
                    found += self._hear(key.data)
            self._enforce_wall()
            self._hand_out()
            if found or not wait or not self.unfinished:
                return found

    def _hand_out(self) -> None:
        """Give every idle worker a task, start more while tasks are left, then give some ahead."""
        if not self.waiting:
            return
        for worker in self.workers:
            if self.waiting and worker.takes_tasks and not worker.tasks:
                self._give(worker)
        starting = sum(worker.pid is None for worker in self.workers)
        while len(self.waiting) > starting and len(self.workers) < self.size:
            if not self._start():
                return
            starting += 1
        for worker in self.workers:
            # With few tasks left none may wait behind one that hangs.
            plenty = len(self.waiting) > self.size
            if plenty and worker.takes_tasks and len(worker.tasks) < GIVEN_AHEAD:
                self._give(worker)

    def _give(self, worker: Worker) -> None:
        worker.give(self.waiting.popleft())
        if worker.unsent:
            self._watch(worker)

    def _watch(self, worker: Worker) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.unsent else 0)
        self._selector.modify(worker.link, events, worker)

    def _start(self) -> bool:
        """Start one more worker, and first their parent; False when that one is just dying."""
        if self.parent is None:
            try:
                self.parent = Parent(self.cpu_seconds, self.memory_bytes)
            except OSError as error:
                raise WorkersFailed(f"the worker processes that compare answers do not start: {error}") from error
            self._selector.register(self.parent.control, selectors.EVENT_READ, self.parent)
        try:
            worker = self.parent.fork()
        except OSError:
            return False
        self.workers.append(worker)
        self._selector.register(worker.link, selectors.EVENT_READ, worker)
        return True

    def _hear(self, worker: Worker) -> list[tuple[Task, Comparison]]:
        outcomes = worker.outcomes()
        if outcomes is None:
            self._selector.unregister(worker.link)
            return []
        if worker.pid is not None:
            self._failures = 0
        self._tried.difference_update(task for task, _ in outcomes)
        return outcomes

    def _hear_parent(self, parent: Parent) -> list[tuple[Task, Comparison]]:
        messages = parent.messages()
        if messages is None:
            return self._replace(parent)
        found = []
        for message in messages:
            if "ready" in message:
                parent.ready = True
                continue
            worker = next(one for one in self.workers if one.number == message["ended"])
            if worker.pid is None:
                self._count_failure(parent)
            found += self._bury(worker, message["cause"])
        return found

    def _replace(self, parent: Parent) -> list[tuple[Task, Comparison]]:
        """The parent is gone, and with it all workers."""
        if not parent.ready:
            self._count_failure(parent)
        found = [one for worker in list(self.workers) for one in self._bury(worker, "its parent")]
        self._end_processes()
        return found

    def _count_failure(self, parent: Parent) -> None:
        """Processes that end before they are ready, three times in a row, are an error."""
        self._failures += 1
        if self._failures >= 3:
            raise WorkersFailed(f"the worker processes that compare answers do not start: {parent.last_words()}")

    def _bury(self, worker: Worker, cause: str) -> list[tuple[Task, Comparison]]:
        """Take what a worker said before it ended, decide about the task it worked on, and queue the others again."""
        found = []
        while outcomes := worker.outcomes():
            found += outcomes
        if worker.link in self._selector.get_map():
            self._selector.unregister(worker.link)
        worker.link.close()
        self.workers.remove(worker)
        self.waiting.extendleft(reversed(worker.tasks))
        if worker.tasks and cause != "left":
            task = self.waiting.popleft()
            if cause == "SIGPROF" or worker.over_wall:
                found.append((task, Comparison(None, task.answer_type, "timeout")))
            elif task in self._tried:
                found.append((task, Comparison(None, task.answer_type, f"error: the worker ended with {cause}")))
            else:  # killed from outside, perhaps: another worker tries it
                self._tried.add(task)
                self.waiting.appendleft(task)
        self._tried.difference_update(task for task, _ in found)
        return found

    def _end_processes(self) -> None:
        for worker in self.workers:
            worker.link.close()
        self.workers.clear()
        if self.parent is not None:
            self.parent.close()
            self.parent = None
        self._selector.close()
        self._selector = selectors.DefaultSelector()

    def _next_deadline(self) -> float:
        deadlines = [worker.since + self._wall_seconds for worker in self.workers if worker.tasks]
        if self.parent is not None and not self.parent.ready:
            deadlines.append(self.parent.started + STARTING_SECONDS)
        return max(0.0, min(deadlines, default=time.monotonic() + 1) - time.monotonic()) + 0.01

    def _enforce_wall(self) -> None:
        now = time.monotonic()
        for worker in self.workers:
            late = now - worker.since - self._wall_seconds if worker.tasks else 0
            if late > 0:
                worker.kill()
            if late > STUCK_SECONDS and self.parent is not None:
                self.parent.process.kill()  # it says nothing of its children, so it must stand still itself
        if self.parent is not None and not self.parent.ready and now > self.parent.started + STARTING_SECONDS:
            self.parent.process.kill()
