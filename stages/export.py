"""whet export ARTIFACT --out FILE.jsonl: rows in the form of another tool."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..artifacts import Artifact, WrongArtifact, WrongOption
from ..artifacts.files import HashingFile
from ..artifacts.wording import counted

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The form rows take."""

    form: Literal["jsonl", "trl", "verl", "openai", "lm-eval"] = "jsonl"
    """Which tool reads it; jsonl holds every column and whet import reads it back"""


def export(rows: Artifact[Any], options: ExportOptions, *, out: Path) -> None:
    """Write rows as JSON lines for another tool.

    The file appears whole: it is written beside and renamed. An older one of its name is replaced.

    Examples:
        whet export runs/x/rollouts --out rollouts.jsonl
        whet export runs/x/train --form verl --out train.jsonl
        whet export runs/x/best --form trl --out demonstrations.jsonl
    """
    from .exporting import COLUMNS, FORMS

    if rows.kind not in FORMS[options.form]:
        held = " or ".join(FORMS[options.form])
        able = " or ".join(form for form, kinds in FORMS.items() if rows.kind in kinds)
        instead = f"give {held}, or --form {able}" if able else f"give {held}"
        raise WrongArtifact(f"{rows.path} holds {rows.kind}, --form {options.form} takes {held}: {instead}")
    if out.is_dir():
        raise WrongOption(f"--out {out} is a folder, expected a file name such as {out / (rows.kind + '.jsonl')}")
    columns = None if options.form == "jsonl" else COLUMNS[rows.kind]
    problems = rows.problems() if rows.kind == "rollouts" else {}
    records = FORMS[options.form][rows.kind](_with_text(rows, columns), problems)
    out.parent.mkdir(parents=True, exist_ok=True)
    file = HashingFile(out)
    try:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        file.commit()
    except BaseException:
        file.discard()
        raise


def _with_text(rows: Artifact[Any], columns: list[str] | None) -> Iterator[dict[str, Any]]:
    """The rows; other tools get no rollouts that failed and have no text."""
    from loguru import logger

    left_out = 0
    for row in rows.rows(columns):
        if columns is not None and "text" in columns and row["text"] is None:
            left_out += 1
        else:
            yield row
    if left_out:
        logger.warning(f"{counted(left_out, 'rollout')} without text (the draw failed) left out")
