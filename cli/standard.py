"""Standard output carries one thing: what libraries and their processes print there goes to standard error instead."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def protected_stdout() -> Iterator[None]:
    """Send everything that is written to standard output to standard error while the block runs."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # closed by the caller: nothing to protect
        kept = None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


def open_closed() -> None:
    """Give Python streams where the caller closed them (`>&-`): what is written there is lost, as asked."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - stays open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - stays open to the end


def reader_is_gone() -> None:
    """Nobody reads standard output any more (`| head`): keep the interpreter from complaining when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
