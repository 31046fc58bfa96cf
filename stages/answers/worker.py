r"""A worker process that compares answers which may take for ever: `python -P -m whet.stages.answers.worker`.

The process imports sympy once, then forks a child that does the work. The child has a timer on its own CPU time, whose
signal ends it even inside one long multiplication of C code, and a limit on its memory. When a child dies, the parent
says how and forks the next one, which costs milliseconds, not another import. Lines of JSON come in on standard input
and go out on standard output; the end of the input ends both.
"""

import json
import os
import resource
import signal
import sys
from fractions import Fraction
from typing import Any, BinaryIO

from .comparison import Comparison
from .task import decode
from .types import compare_fully

REQUESTS_PER_CHILD = 256
"""A child is replaced after so many requests, so that sympy's caches cannot grow into the memory limit."""

FRESH = 10
"""Exit status of a child that wants to be replaced."""


def main() -> None:
    """Fork children until the input ends."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(name, signal.SIG_DFL if name == signal.SIGTERM else signal.SIG_IGN)
    _import_everything()
    while True:
        child = os.fork()
        if child == 0:
            os._exit(serve(sys.stdin.buffer, sys.stdout.buffer))
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return
        if not (os.WIFEXITED(status) and os.WEXITSTATUS(status) == FRESH):
            _say({"died": _name_of(status)})


def _import_everything() -> None:
    """Import the parser and run it once, so that children inherit its tables."""
    from .expression import read_expression
    from .symbolic import equal_expressions

    tolerance = Fraction(1, 10_000)
    equal_expressions(read_expression(r"\frac{x+1}{2}"), read_expression(r"\frac{x}{2}+\frac{1}{2}"), tolerance)
    equal_expressions(read_expression(r"\sqrt{8}"), read_expression(r"2\sqrt{2}"), tolerance)


def _name_of(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit {os.WEXITSTATUS(status)}"


def _say(message: dict[str, Any]) -> None:
    """One line in one write; the leading newline ends what a dying child may have left unfinished."""
    os.write(sys.stdout.fileno(), b"\n" + json.dumps(message).encode() + b"\n")


def serve(source: BinaryIO, sink: BinaryIO) -> int:
    """Answer requests until the input ends (0) or the child has worked enough (`FRESH`)."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _say({"ready": os.getpid()})
    for _ in range(REQUESTS_PER_CHILD):
        line = _read_line(source)
        if not line:
            return 0
        request = json.loads(line)
        _limit_memory(request["memory_bytes"])
        signal.setitimer(signal.ITIMER_PROF, request["cpu_seconds"])
        outcome = _compared(request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _say({"id": request["id"], **outcome})
        if outcome.get("fresh"):
            return FRESH
    return FRESH


def _read_line(source: BinaryIO) -> bytes:
    """One line without reading ahead: what is buffered in a child would die with it."""
    raw = getattr(source, "raw", source)
    size = b""
    while not size.endswith(b"\n"):
        byte = raw.read(1)
        if not byte:
            return b""
        size += byte
    wanted, pieces = int(size), []
    while wanted > 0:
        piece = raw.read(wanted)
        if not piece:
            return b""
        pieces.append(piece)
        wanted -= len(piece)
    return b"".join(pieces)


def _limit_memory(size: int) -> None:
    """Limit the address space; where the system has no such limit the CPU limit has to do."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY:
        size = min(size, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (size, hard))
    except (ValueError, OSError) as error:
        print(f"memory limit not set: {error}", file=sys.stderr)


def _compared(request: dict[str, Any]) -> dict[str, Any]:
    """Compare; whatever goes wrong inside is an answer too, and makes the child leave."""
    task = decode(request["task"].encode())
    try:
        outcome = compare_fully(*task[:-1])
    except RecursionError:
        outcome, fresh = Comparison(None, task.answer_type, "error: nested too deeply"), True
    except MemoryError:
        outcome, fresh = Comparison(None, task.answer_type, "error: out of memory"), True
    except Exception as error:  # noqa: BLE001 - a row that breaks the parser is a verdict, not the end of the stage
        outcome, fresh = Comparison(None, task.answer_type, f"error: {type(error).__name__}: {error}"[:200]), True
    else:
        fresh = False
    return {"outcome": outcome._asdict(), "fresh": fresh}


if __name__ == "__main__":
    main()
