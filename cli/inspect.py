"""The commands that look into folders: ls, show, lineage, diff, check, gc; the work is done in modules of their own."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from ..artifacts.wording import counted

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _print_json(value: Any) -> None:
    """JSON in ASCII: texts of models may hold what a terminal obeys."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def _text_output() -> None:
    """A terminal or pipe that is not UTF-8 must not end a listing."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


@click.command(context_settings=_SETTINGS)
@click.argument("folder", metavar="[DIR]", default=".")
@_JSON
def ls(folder: str, as_json: bool) -> int:
    """List the artifacts in and below a folder.

    Path, kind, newest version (and how many there are), rows, size, age, the stage that made it, and drafts: how far
    they are and who works on them. Only manifests are read.

    \b
    Examples:
      whet ls
      whet ls runs/oreal
      whet ls runs --json
    """
    from .listing import HEADINGS, RIGHT, list_artifacts, table_rows
    from .tables import print_table

    records = list_artifacts(Path(folder))
    _text_output()
    if as_json:
        _print_json(records)
    elif records:
        print_table(HEADINGS, table_rows(records), RIGHT)
    else:
        click.echo(f"no artifacts in {folder}", err=True)
    return 0


@click.command(context_settings=_SETTINGS)
@click.argument("path")
@click.option("--rows", "count", type=click.IntRange(min=0), default=3, show_default=True, help="Rows to show.")
@click.option("--where", metavar="TEXT", help="Only rows for which this holds, as in select.")
@click.option(
    "--with", "joined", metavar="FOLDER", multiple=True, help="Verdicts or scores of the rollouts (repeatable)."
)
@_JSON
def show(path: str, count: int, where: str | None, joined: tuple[str, ...], as_json: bool) -> int:
    """Show an artifact: its manifest in words, then what it holds.

    Rows are shown readably, a rollout with its problem and, with --with, its verdicts and scores. Models show their
    configuration and size, reports their metrics. Drafts are shown too.

    \b
    Examples:
      whet show runs/x/rollouts
      whet show runs/x/rollouts --with runs/x/verdicts --where 'verdict=incorrect' --rows 10
      whet show runs/x/policy/v2
    """
    from .show import show as show_it

    _text_output()
    value = show_it(path, count, where, joined, as_json)
    if value is not None:
        _print_json(value)
    return 0


@click.command(context_settings=_SETTINGS)
@click.argument("path")
@_JSON
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Print a Mermaid graph.")
def lineage(path: str, as_json: bool, as_mermaid: bool) -> int:
    """Show what an artifact was made from, down to what has no inputs.

    Inputs are found by digest, so folders may have been moved; those that are gone are named as they were read.

    \b
    Examples:
      whet lineage runs/x/policy
      whet lineage runs/x/report --mermaid > lineage.mmd
    """
    from ..artifacts import WrongOption
    from ..artifacts.lineage import trace
    from .lineages import mermaid, record, tree

    if as_json and as_mermaid:
        raise WrongOption("--json and --mermaid are two forms of the same thing: give one of them")
    _text_output()
    root = trace(path)
    if as_json:
        _print_json(record(root))
    else:
        sys.stdout.writelines(mermaid(root) if as_mermaid else tree(root))
    return 0


@click.command(context_settings=_SETTINGS)
@click.argument("first")
@click.argument("second")
@_JSON
def diff(first: str, second: str, as_json: bool) -> int:
    """Show in what two artifacts differ.

    Stage, options, inputs, counts, facts, metrics of reports, code. Only what differs is shown.

    \b
    Examples:
      whet diff runs/x/rollouts/v1 runs/x/rollouts/v2
      whet diff runs/before/report runs/after/report --json
    """
    from .differences import differences, page_of
    from .page import Page, print_page

    found = differences(first, second)
    _text_output()
    if as_json:
        _print_json(found)
    else:
        page = Page()
        print_page(page_of(page, found), page.colour)
    return 0


@click.command(context_settings=_SETTINGS)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--quick", is_flag=True, help="Look at manifests and sizes only.")
@_JSON
def check(paths: tuple[str, ...], quick: bool, as_json: bool) -> int:
    """Check that artifacts are what their manifests say.

    Every file's size and sha256, rows and their ids, embedded problems; inputs that cannot be found are a warning. A
    folder means all versions in and below it. Exit code 3 when anything is damaged.

    \b
    Examples:
      whet check runs
      whet check runs/x/rollouts/v3 --quick
    """
    from .checking import check_version, versions_in
    from .readable import size_text, visible

    _text_output()
    checks = []
    for path in paths:
        for version in versions_in(Path(path)):
            checked = check_version(version, quick)
            checks.append(checked)
            if not as_json:
                state = "damaged" if checked.damages else "ok"
                files = counted(checked.files, "file")
                click.echo(f"{state:<8} {visible(str(version))}  {files}, {size_text(checked.size)}")
                for damage in checked.damages:
                    click.echo(f"  error: {visible(damage)}")
                for warning in checked.warnings:
                    click.echo(f"  warning: {visible(warning)}")
    if as_json:
        _print_json([checked.record() for checked in checks])
    damaged = sum(bool(checked.damages) for checked in checks)
    if damaged:
        click.echo(
            f"error: {damaged} of {counted(len(checks), 'version')} damaged: restore or make them again", err=True
        )
    return 3 if damaged else 0


@click.command(context_settings=_SETTINGS)
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("--yes", is_flag=True, help="Remove what is listed.")
@click.option(
    "--drafts-older-than", metavar="AGE", default="7d", show_default=True, help="Drafts untouched for so long go."
)
@click.option("--versions", is_flag=True, help="Older versions go too, where nothing here was made from them.")
@click.option("--payload", metavar="KIND", help="Drop the data of a kind; manifest, counts and digests stay.")
@click.option("--older-than", metavar="AGE", help="How old versions and payloads must be [0s; needed with --payload].")
@_JSON
def gc(
    folder: str, yes: bool, drafts_older_than: str, versions: bool, payload: str | None, older_than: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Free space: list what can go below a folder, and remove it with --yes.

    Drafts that nobody works on, what killed processes left half-written, and, when asked for, older versions and the
    data of a kind. Nothing goes that an artifact or a draft below the folder needs; version numbers are never reused.

    \b
    Examples:
      whet gc runs
      whet gc runs --yes
      whet gc runs --payload rollouts --older-than 30d --yes
    """
    from .collecting import Policy
    from .gc import collect, read_policy

    _text_output()
    policy: Policy = read_policy(drafts_older_than, versions, payload, older_than)
    code, records = collect(Path(folder), policy, yes, quiet=as_json)
    if as_json:
        _print_json(records)
    return code
