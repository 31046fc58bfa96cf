"""A toy stage that makes rows, and can be told to misbehave."""

import os
import time
from dataclasses import dataclass
from typing import Annotated, Literal

from whet.artifacts import Draft, Text, WrongArtifact
from whet.stages.options import Runtime

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """What is written."""

    rows: int = 3
    """How many rows"""

    chunk_rows: int = 10
    """Rows of a chunk"""

    tone: Literal["plain", "loud"] = "plain"
    """How the texts sound"""

    token: str | None = None
    """Stands for a secret"""

    seconds: Annotated[float, Runtime] = 0.0
    """Time a row takes"""

    fault: Annotated[Literal["none", "bug", "input", "full", "stdout", "hang", "die"], Runtime] = "none"
    """What goes wrong after the first row"""

    max_unknown: Annotated[float, Runtime] = 1.0
    """Gate: the share of unknown rows that is too much"""


def write(texts: Draft[Text], options: WriteOptions) -> None:
    """Write some texts.

    Every text says which one it is.

    Examples:
        whet write --rows 5 --out runs/texts
    """
    starts = range(0, options.rows, options.chunk_rows)
    for chunk in texts.chunks([[start, min(start + options.chunk_rows, options.rows)] for start in starts]):
        first, end = chunk.unit
        for number in range(first, end):
            if number - first not in chunk.done:
                time.sleep(options.seconds)
                word = "TEXT" if options.tone == "loud" else "text"
                row = {"text_id": f"{number}", "text": f"{word} {number}", "source": None}
                chunk.write(row, order=number - first, counts={"words": 2})
                texts.progress(number + 1, options.rows)
                misbehave(options.fault)
    if options.max_unknown < 1:
        texts.gate("max-unknown", "0.5 of the rows are unknown")


def misbehave(fault: str) -> None:
    if fault == "bug":
        raise ZeroDivisionError("a bug that knows https://me:secret@host/x?key=1")
    if fault == "input":
        raise WrongArtifact("the input ends here")
    if fault == "full":
        with open("/dev/full", "wb") as file:
            file.write(b"x")
    if fault == "stdout":
        print("a library's chatter")
        os.system("echo chatter of a process")
    if fault == "hang":
        time.sleep(600)
    if fault == "die":
        os._exit(9)
