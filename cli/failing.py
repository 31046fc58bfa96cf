"""Errors: each becomes one line, an exit code, and a traceback in the draft's log."""

import errno
from pathlib import Path
from typing import Any

from ..artifacts import Draft, WhetError
from ..artifacts.files import remove_tree
from ..artifacts.leases import live_workers
from .run import Run
from .signals import KEPT

_FULL = (errno.ENOSPC, errno.EDQUOT)


def describe(error: Exception, kept: bool = False) -> tuple[int, str]:
    """Exit code and line of an error.

    Args:
        kept: whether a draft exists.
    """
    if isinstance(error, WhetError):
        return error.exit_code, str(error)
    if isinstance(error, OSError) and (error.errno in _FULL or "No space left on device" in str(error)):
        what = ": the draft is kept: free space and run the same command again" if kept else ": free space"
        return KEPT if kept else 1, f"disk full ({error.filename or error.strerror or error}){what}"
    return 1, f"{type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"


def fail(run: Run, error: Exception) -> int:
    """One line for an error, its traceback in the log."""
    from loguru import logger

    for draft in run.drafts.values():
        _close(draft)
    code, message = describe(error, kept=bool(run.drafts))
    if run.stop.requested and code == 1 and run.drafts:
        code, message = KEPT, f"stopped ({message}): the draft is kept, run the same command again"
    if code in (2, 3):
        _drop_untouched(run)
    if not isinstance(error, WhetError):
        logger.opt(exception=error).debug("the error above was:" if run.running.verbose else "traceback of the error:")
    logger.error(message + named_log(run))
    return code


def _close(draft: Draft[Any]) -> None:
    """Flush what is open; a disk that is full says so only once."""
    from loguru import logger

    try:
        draft.close()
    except OSError as error:
        logger.debug(f"{draft.folder} could not be closed: {error}")


def _drop_untouched(run: Run) -> None:
    """Remove drafts in which nothing was done, so that a mistyped command leaves no trace."""
    for draft in run.drafts.values():
        work = draft.work
        begun = (work / "plan.json").exists() or any((draft.folder / "data").glob("*"))
        mine = len(list((work / "attempts").glob("*.json"))) <= 1 if work.is_dir() else False
        if mine and not begun and not live_workers(work / "leases"):
            if run.logfile is not None and draft.folder == run.drafts[run.main.name].folder:
                run.logfile.close()
                run.logfile = None
            remove_tree(draft.folder)
            if draft.out.is_dir() and not any(draft.out.iterdir()):
                draft.out.rmdir()


def named_log(run: Run, version: Path | None = None) -> str:
    """` (log: PATH)`, where there is one: in the draft, or in the version it became."""
    if run.logfile is None:
        return ""
    folders = [version] if version is not None else [draft.folder for draft in run.drafts.values()]
    path = next((folder / run.logfile.name for folder in folders if (folder / run.logfile.name).exists()), None)
    return f" (log: {path})" if path is not None else ""
