"""The worker processes as the pool sees them: their parent, and each of its children with the tasks it was given."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from typing import Any

from .comparison import Comparison
from .task import Task, encode


class Parent:
    """The process that imports what comparing takes and forks the workers.

    It runs in a session of its own: a Ctrl-C at the terminal reaches the caller alone.
    """

    def __init__(self, cpu_seconds: float, memory_bytes: int) -> None:
        self.printed = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.control, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-W", "ignore", "-m", "whet.stages.answers.worker", str(cpu_seconds),
                 str(memory_bytes)],
                stdin=theirs.fileno(),
                stdout=self.printed,
                stderr=self.printed,
                start_new_session=True,
                env={**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        self.control.setblocking(False)
        self.started = time.monotonic()
        self.ready = False
        self._forked = 0
        self._lines = _Lines(self.control)

    def fork(self) -> "Worker":
        """A new worker; tasks can be given to it once it says that it is ready.

        Raises:
            OSError: the parent is gone.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.control, [b"+"], [theirs.fileno()])
        self._forked += 1
        return Worker(self._forked - 1, ours)

    def messages(self) -> list[dict[str, Any]] | None:
        """What it has said since: `ready`, or which worker `ended` and why; None when it is gone."""
        return self._lines.arrived()

    def close(self) -> None:
        """End the parent and all workers at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.control.close()
        self.printed.close()

    def last_words(self) -> str:
        """The last line that any of the processes printed."""
        self.printed.seek(0)
        lines = self.printed.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no message"


class Worker:
    """One child: its socket, and the tasks it was given and has not answered, the one it works on first."""

    def __init__(self, number: int, link: socket.socket) -> None:
        self.number, self.link = number, link
        self.pid: int | None = None
        self.tasks: deque[Task] = deque()
        self.since = time.monotonic()
        """When it began with the first of its tasks"""
        self.over_wall = False
        self.ended = False
        """Its socket is closed; the parent will say why"""
        self.unsent = bytearray()
        link.setblocking(False)
        self._lines = _Lines(link)

    @property
    def takes_tasks(self) -> bool:
        """Whether it is there, as far as we know."""
        return self.pid is not None and not self.ended

    def give(self, task: Task) -> None:
        """Hand over a task; what the socket does not take at once stays in `unsent`."""
        if not self.tasks:
            self.since = time.monotonic()
        self.tasks.append(task)
        self.unsent += encode(task)
        self.send()

    def send(self) -> None:
        """Send what the socket takes."""
        # A worker that just died takes nothing: its parent will say so.
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self.unsent:
                del self.unsent[: self.link.send(self.unsent)]

    def outcomes(self) -> list[tuple[Task, Comparison]] | None:
        """The tasks it has answered since; None when it has ended and said all."""
        messages = self._lines.arrived()
        if messages is None:
            self.ended = True
            return None
        found = []
        for message in messages:
            if "ready" in message:
                self.pid = message["ready"]
            else:
                *fields, marks = message["outcome"]
                found.append((self.tasks.popleft(), Comparison(*fields, marks=tuple(marks))))
                self.since = time.monotonic()
        return found

    def kill(self) -> None:
        """End it because it stands still."""
        self.over_wall = True
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class _Lines:
    """Lines of JSON from a socket that does not block."""

    def __init__(self, link: socket.socket) -> None:
        self._link, self._pending = link, b""

    def arrived(self) -> list[dict[str, Any]] | None:
        """The whole lines that have come; None at the end, when all have been given."""
        try:
            piece = self._link.recv(1 << 20)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            piece = b""
        if not piece:
            return None
        *lines, self._pending = (self._pending + piece).split(b"\n")
        return [json.loads(line) for line in lines]
