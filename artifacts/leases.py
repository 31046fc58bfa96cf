"""Leases: who works on what, kept in files; they save work, correctness never rests on them.

A lease is a file created exclusively, kept fresh by its modification time. On the same host a dead process is seen at
once; a process on another host is taken for dead when its lease has not been touched for `STALE_SECONDS`.
"""

import contextlib
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

from .files import TEMPORARY, temporary_name

HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 90.0


def _process_started(pid: int) -> str | None:
    """When a process of this host started (clock ticks since boot), None when there is none: pids are reused."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        if not os.path.isdir("/proc/self"):  # without /proc: alive or not is all that can be told
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, 0)
                return "alive"
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def identity() -> dict[str, Any]:
    """Who this process is, as written into a lease."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": _process_started(os.getpid()),
        "job": os.environ.get("SLURM_JOB_ID"),
    }


def _file_system_now(folder: Path) -> float:
    """The file system's own clock: hosts may disagree about the time, one server does not."""
    probe = temporary_name(folder / "clock")
    probe.touch()
    try:
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def holder(path: Path) -> dict[str, Any] | None:
    """Who holds a lease, with `alive`; None when nobody does."""
    try:
        held = json.loads(path.read_text() or "{}")
        touched = path.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return None if not path.exists() else {"host": "?", "pid": 0, "alive": _fresh(path)}
    if held.get("host") == socket.gethostname():
        held["alive"] = held.get("started") is not None and _process_started(held["pid"]) == held["started"]
    else:
        held["alive"] = time.time() - touched < STALE_SECONDS if not os.access(path.parent, os.W_OK) else _fresh(path)
    return held


def _fresh(path: Path) -> bool:
    try:
        return _file_system_now(path.parent) - path.stat().st_mtime < STALE_SECONDS
    except OSError:
        return False


def _create(path: Path, content: bytes) -> bool:
    """Create a file with its content, only if there is none: a lease is never seen half-written."""
    whole = temporary_name(path)
    handle = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(handle, content)
    finally:
        os.close(handle)
    try:
        os.link(whole, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: the name decides, the content follows
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        except FileExistsError:
            return False
        path.write_bytes(content)
    finally:
        os.unlink(whole)
    return True


def _remove_stale(path: Path) -> None:
    """Remove a lease whose holder is dead, looking again where nobody else removes it: it may be a new one by now."""
    guard = path.with_name(f"{TEMPORARY}taking-{path.name}")
    if not _create(guard, json.dumps(identity()).encode()):
        held = holder(guard)
        if held is None or held["alive"]:
            time.sleep(0.01)
            return
        guard.unlink(missing_ok=True)  # its process died between these lines
        return
    try:
        held = holder(path)
        if held is not None and not held["alive"]:
            path.unlink(missing_ok=True)
    finally:
        guard.unlink(missing_ok=True)


class Lease:
    """A lease this process holds; `release` when done."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def take(cls, path: Path) -> "Lease | None":
        """Take a free or stale lease; None when a live process holds it."""
        for _ in range(20):
            if _create(path, json.dumps(identity()).encode()):
                return cls(path)
            held = holder(path)
            if held is not None and held["alive"]:
                return None
            _remove_stale(path)
        return None

    def touch(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.path)

    def release(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            held = holder(self.path)
            mine = identity()
            if held is not None and (held.get("host"), held.get("pid")) == (mine["host"], mine["pid"]):
                os.unlink(self.path)


class Heartbeat:
    """A thread that keeps leases fresh and calls what is due, until closed."""

    def __init__(self, interval: float = HEARTBEAT_SECONDS) -> None:
        self.leases: set[Lease] = set()
        self.due: list[Any] = []
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="whet-heartbeat", daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        while not self._ended.wait(self._interval):
            for lease in list(self.leases):
                # A full disk or a folder renamed away must not end the heartbeat of the other leases.
                with contextlib.suppress(OSError):
                    lease.touch()
            for call in list(self.due):
                call()

    def close(self) -> None:
        self._ended.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)


def live_workers(leases: Path) -> list[dict[str, Any]]:
    """The live holders of the leases in a folder."""
    if not leases.is_dir():
        return []
    held = [holder(path) for path in sorted(leases.iterdir()) if not path.name.startswith(TEMPORARY)]
    return [h for h in held if h is not None and h["alive"]]
