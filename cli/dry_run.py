"""`--dry-run`: what a command would read, under which recipe, and what it would do. It writes nothing."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from ..artifacts.files import read_json
from ..artifacts.leases import live_workers
from ..artifacts.provenance import mask_url
from ..artifacts.publishing import next_version, published, refuse_foreign_folder
from ..artifacts.wording import counted
from ..stages.options import AS_TOKENS, TOKEN_MARK
from . import log
from .run import Run
from .signature import Output
from .values import spell


def dry_run(run: Run) -> str | None:
    """Print the plan to standard error.

    Returns:
        the plan as JSON where that was asked for: the one thing for standard output.
    """
    run.prepare()
    declared = [] if run.main.file else [_output_plan(run, output) for output in reversed(run.wanted)]
    inputs = [_input_plan(name, item) for name, item in _flat_inputs(run)]
    details = run.stage.plan(run.options, **run.inputs) if run.stage.plan is not None else []
    asked = run.declared(run.main)
    plan: dict[str, Any] = {
        "stage": run.stage.name, "version": run.stage.version, "inputs": inputs, "options": asked["options"],
        "runtime": asked["runtime"], "outputs": declared, "details": details,
    }  # fmt: skip
    log.to_stderr("\n".join(_lines(plan)) + "\n")
    return json.dumps(plan, ensure_ascii=False) if run.running.json else None


def _flat_inputs(run: Run) -> list[tuple[str, Any]]:
    pairs = []
    for name, value in run.artifacts.items():
        items = value if isinstance(value, list) else [value]
        pairs += [(name, item) for item in items if item is not None]
    return pairs


def _input_plan(name: str, item: Any) -> dict[str, Any]:
    path = getattr(item, "path", None)
    found: dict[str, Any] = {
        "name": name,
        "path": str(path or mask_url(item.spec)),
        "kind": item.kind,
        "digest": item.digest,
    }
    manifest = getattr(item, "manifest", None)
    if manifest is not None and manifest.rows is not None:
        found["rows"] = len(item)
    return found


def _output_plan(run: Run, output: Output) -> dict[str, Any]:
    out, recipe = run.out(output), run.recipe(output)
    refuse_foreign_folder(out)
    kind = " or ".join(output.kinds) or None
    return {"name": output.name, "path": str(out), "kind": kind, "recipe": recipe} | _state(run, output, out, recipe)


def _state(run: Run, output: Output, out: Path, recipe: str) -> dict[str, Any]:
    """What would happen: it is done, a draft goes on, or a new version begins."""
    done = None if run.running.again else published(out, recipe)
    if done is not None:
        return {"state": "done", "version": str(done.path)}
    folder = run.folder(output)
    if folder.is_dir():
        plan = folder / "work" / "plan.json"
        parts = len(list((folder / "data").glob("part-*.parquet")))
        return {
            "state": "resume", "draft": str(folder), "chunks_done": parts,
            "chunks": read_json(plan)["chunks"] if plan.exists() else None,
            "workers": len(live_workers(folder / "work" / "leases")),
        }  # fmt: skip
    return {"state": "new", "version": str(out / f"v{next_version(out) if out.is_dir() else 1}")}


def _lines(plan: dict[str, Any]) -> list[str]:
    lines = [f"whet {plan['stage']} (version {plan['version']})"] + ["reads"] * bool(plan["inputs"])
    for item in plan["inputs"]:
        rows = f", {counted(item['rows'], 'row')}" if "rows" in item else ""
        lines.append(f"  {item['name']}: {item['path']} ({item['kind']}{rows}, digest {item['digest'][:12]})")
    for title, options in (("options", plan["options"]), ("options outside the recipe", plan["runtime"])):
        if options:
            lines.append(title)
            lines += [f"  {key} = {spell(value)}" for key, value in options.items()]
    lines.append("makes")
    for item in plan["outputs"]:
        kind = item["kind"] or "kind set by the stage"
        lines.append(f"  {item['path']} ({kind}), recipe {item['recipe'][:12]}: {_sentence(item)}")
    return [*lines, *(_coloured(line) for line in plan["details"])]


def _coloured(line: str) -> str:
    """A line that shows tokens, with every other one in another colour on a colour terminal."""
    if not line.startswith(AS_TOKENS) or not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return line
    pieces = line.removeprefix(AS_TOKENS).split(TOKEN_MARK)
    colours = ("cyan", "yellow")
    return AS_TOKENS + "".join(click.style(piece, fg=colours[number % 2]) for number, piece in enumerate(pieces))


def _sentence(item: dict[str, Any]) -> str:
    if item["state"] == "done":
        return f"done already, {item['version']}"
    if item["state"] == "resume":
        total = "" if item["chunks"] is None else f" of {item['chunks']}"
        at_work = f", {item['workers']} processes at work" if item["workers"] else ""
        return f"goes on with {item['draft']}, {item['chunks_done']}{total} chunks done{at_work}"
    return f"would make {item['version']}"
