"""`whet gc`: read what may go, list it, and remove it where that was asked for."""

from pathlib import Path
from typing import Any

import click

from ..artifacts import KINDS, WrongOption
from ..artifacts.wording import counted
from .collecting import Policy, plan, remove
from .readable import parse_age, size_text, visible
from .suggest import hint


def read_policy(drafts_older_than: str, versions: bool, payload: str | None, older_than: str | None) -> Policy:
    """The policy that the flags give.

    Raises:
        WrongOption: an age or a kind that is none, or a payload without an age.
    """
    if payload is not None and payload not in KINDS:
        raise WrongOption(f"--payload is {payload!r}, expected a kind{hint(payload, KINDS, ': ' + ', '.join(KINDS))}")
    if payload is not None and older_than is None:
        raise WrongOption("--payload drops data for good: say how old it must be, such as --older-than 30d")
    if older_than is not None and payload is None and not versions:
        raise WrongOption("--older-than is about --payload and --versions: add one of them, or use --drafts-older-than")
    return Policy(
        parse_age(drafts_older_than, "--drafts-older-than"),
        versions,
        payload,
        parse_age(older_than, "--older-than") if older_than is not None else 0.0,
    )


def collect(folder: Path, policy: Policy, yes: bool, quiet: bool) -> tuple[int, list[dict[str, Any]]]:
    """List what can go, and remove it when that was asked for.

    Returns:
        the exit code (1 when something could not be removed) and one record a removal.
    """
    removals = plan(folder, policy)
    records, failed, freed = [], 0, 0
    for removal in removals:
        done, note = yes, ""
        if yes:
            try:
                done = remove(removal)
                note = "" if done else ": kept, it is in use again"
            except OSError as error:
                done, note = False, f": not removed ({error.strerror or error})"
                failed += 1
        freed += removal.bytes if done or not yes else 0
        records.append(removal.record() | {"removed": done})
        if not quiet:
            click.echo(f"{size_text(removal.bytes):>8}  {visible(removal.path)}  {removal.why}{note}")
    if not quiet:
        click.echo(_ending(removals, freed, yes), err=True)
    return (1 if failed else 0), records


def _ending(removals: list[Any], freed: int, yes: bool) -> str:
    if not removals:
        return "nothing to remove"
    if yes:
        return f"freed {size_text(freed)}"
    return f"{counted(len(removals), 'entry', 'entries')}, {size_text(freed)}: add --yes to remove them"
