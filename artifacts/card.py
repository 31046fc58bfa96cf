"""The README of a version: YAML front matter that other tools read, and a summary for a person."""

from pathlib import Path

from .files import write_file
from .manifest import Manifest
from .records import KINDS
from .wording import counted

FRONT_MATTER_OF_ROWS = """---
configs:
- config_name: default
  data_files: data/*.parquet
{more}---
"""
FRONT_MATTER_OF_MODELS = """---
library_name: transformers
tags:
- whet
- {kind}
---
"""
_PROBLEMS = """- config_name: problems
  data_files: problems.parquet
"""


def text(manifest: Manifest) -> str:
    """The card as Markdown."""
    if KINDS[manifest.kind].rows:
        embedded = any(file.path == "problems.parquet" for file in manifest.files)
        front = FRONT_MATTER_OF_ROWS.format(more=_PROBLEMS if embedded else "")
    else:
        front = FRONT_MATTER_OF_MODELS.format(kind=manifest.kind)
    lines = [f"# {manifest.kind}, made by `whet {manifest.stage}`", ""]
    if manifest.rows is not None:
        parts = sum(file.path.startswith("data/") for file in manifest.files)
        lines.append(f"{counted(manifest.rows, 'row')} in {counted(parts, 'part')}.")
    if manifest.incomplete:
        lines.append(f"Incomplete: {manifest.incomplete['done']} of {manifest.incomplete['chunks']} chunks were done.")
    lines += [f"Stopped by the gate `{name}`: {message}." for name, message in manifest.gates.items()]
    lines += _table("Counts", manifest.counts)
    lines += _table("Options", manifest.options)
    lines += _table("Facts", manifest.facts)
    lines += _table(
        "Inputs", {f"{item.role} ({item.kind})": f"{item.path} {item.digest[:12]}" for item in manifest.inputs}
    )
    lines += [
        "",
        f"Content digest `{manifest.digest}`, recipe digest `{manifest.recipe}`. More in `manifest.json`.",
    ]
    return front + "\n".join(lines) + "\n"


def _table(title: str, values: dict[str, object]) -> list[str]:
    if not values:
        return []
    rows = [f"| {name} | {_cell(value)} |" for name, value in values.items()]
    return ["", f"## {title}", "", "| name | value |", "|---|---|", *rows]


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def write(folder: Path, manifest: Manifest) -> None:
    """Write the card, unless the stage wrote a page of its own."""
    if not (folder / "README.md").exists():
        write_file(folder / "README.md", text(manifest))
