r"""The processes that compare answers which may take for ever: `python -P -m whet.stages.answers.worker SECONDS BYTES`.

One process imports sympy and warms it up, then forks a child for every worker that the pool asks for. A child has a
timer on its own CPU time, whose signal ends it even inside one long multiplication of C code, and a limit on its
memory. It talks with the pool over a socket of its own, so that nothing half read or half written outlives it; the
parent says how it ended. The next child costs milliseconds, not another import.

Standard input is the socket between pool and parent: a byte with the socket of a new child comes in, lines of JSON go
out. Its end ends everything.
"""

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
from typing import Any

from .comparison import Comparison
from .task import LENGTH, Task, decode
from .types import compare_fully
from .warming import warm_up

REQUESTS_PER_CHILD = 1_000
"""A child is replaced after so many tasks, so that sympy's caches cannot grow into the memory limit."""

LEFT = 10
"""Exit status of a child that wants to be replaced."""

NEAR_THE_LIMIT = "near the time limit"
"""Mark of a comparison that took more than half of its CPU time: on another machine it may be a time-out."""


def main() -> None:
    """Fork a child whenever the pool asks for one, and tell it when one ends, until the pool is gone."""
    cpu_seconds, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(name, signal.SIG_IGN)
    control = socket.socket(fileno=sys.stdin.fileno())
    warm_up()
    gc.collect()
    gc.freeze()  # children then share these pages for good
    ended, wake = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    numbers: dict[int, int] = {}
    _say(control, {"ready": os.getpid()})
    for number in range(sys.maxsize):
        while control not in select.select([control, ended], [], [])[0]:
            _bury(control, ended, numbers)
        byte, sockets, _, _ = socket.recv_fds(control, 1, 1)
        if not byte:
            break
        with socket.socket(fileno=sockets[0]) as link:
            pid = os.fork()
            if pid == 0:
                _run_child(control, link, cpu_seconds, memory_bytes)
        numbers[pid] = number
    for pid in numbers:
        os.kill(pid, signal.SIGKILL)


def _bury(control: socket.socket, ended: int, numbers: dict[int, int]) -> None:
    """Say of every child that ended which one it was, and how."""
    with contextlib.suppress(BlockingIOError):
        os.read(ended, 4096)
    while numbers:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _say(control, {"ended": numbers.pop(pid), "cause": _name_of(status)})


def _name_of(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return "left" if os.WEXITSTATUS(status) == LEFT else f"exit {os.WEXITSTATUS(status)}"


def _say(link: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the pool is gone: the end of the input says so too
        link.sendall(json.dumps(message).encode() + b"\n")


def _run_child(control: socket.socket, link: socket.socket, cpu_seconds: float, memory_bytes: int) -> None:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        control.close()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _limit_memory(memory_bytes)
        status = serve(link, cpu_seconds)
    except BaseException:  # noqa: BLE001 - nothing may return from a forked child
        traceback.print_exc()
    finally:
        os._exit(status)


def _limit_memory(size: int) -> None:
    """Limit the address space; where the system has no such limit the CPU limit has to do."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY:
        size = min(size, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (size, hard))
    except (ValueError, OSError) as error:
        print(f"memory limit not set: {error}", file=sys.stderr)


def serve(link: socket.socket, cpu_seconds: float) -> int:
    """Answer tasks until the pool is gone (0) or the child wants to be replaced (`LEFT`)."""
    _say(link, {"ready": os.getpid()})
    for served in range(REQUESTS_PER_CHILD):
        line = _receive(link)
        if not line:
            return 0
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        began = time.process_time()
        outcome, failed = _compared(decode(line))
        near = time.process_time() - began > cpu_seconds / 2
        signal.setitimer(signal.ITIMER_PROF, 0)
        if failed and served:
            # What earlier tasks left in memory may have to do with it: a new child decides.
            return LEFT
        if near:
            outcome = outcome._replace(marks=(*outcome.marks, NEAR_THE_LIMIT))
        _say(link, {"outcome": outcome})
        if failed:
            return LEFT
    return LEFT


def _receive(link: socket.socket) -> bytes:
    """The next task; nothing when the pool is gone."""
    header = link.recv(LENGTH.size, socket.MSG_WAITALL)
    return link.recv(LENGTH.unpack(header)[0], socket.MSG_WAITALL) if len(header) == LENGTH.size else b""


def _compared(task: Task) -> tuple[Comparison, bool]:
    """The outcome, and whether comparing failed: whatever goes wrong inside is an outcome too."""
    try:
        return compare_fully(*task[:-1]), False
    except RecursionError:
        reason = "nested too deeply"
    except MemoryError:
        reason = "out of memory"
    except Exception as error:  # noqa: BLE001 - a row that breaks the parser is a verdict, not the end of the stage
        reason = f"{type(error).__name__}: {error}"[:200]
    return Comparison(None, task.answer_type, f"error: {reason}"), True


if __name__ == "__main__":
    main()
