"""A small stage for the tests of artifacts, also run as a program: `python toy.py OUT LOG [SECONDS_A_ROW]`."""

import sys
import time
from pathlib import Path
from typing import Any

from whet.artifacts import Artifact, DraftGone, find, make_problem, open_draft

CHUNKS, ROWS = 6, 5


def declared(**options: Any) -> dict[str, Any]:
    return {"kind": "problems", "stage": "toy", "options": {"rows": ROWS, **options}}


def row(chunk: int, order: int) -> dict[str, Any]:
    return dict(make_problem([{"role": "user", "content": f"{chunk}-{order}"}], f"{chunk}{order}", "number"))


def run(out: Path, log: Path | None = None, seconds: float = 0.0, **options: Any) -> Artifact[Any]:
    draft = open_draft(out, **declared(**options))
    if isinstance(draft, Artifact):
        return draft
    try:
        for chunk in draft.chunks([{"chunk": index} for index in range(CHUNKS)]):
            for order in range(ROWS):
                if order not in chunk.done:
                    time.sleep(seconds)
                    if log:
                        with open(log, "a") as file:
                            file.write(f"{chunk.index} {order}\n")
                    chunk.write(row(chunk.index, order), order, {"rows": 1})
        return draft.publish()
    except DraftGone:
        for _ in range(100):
            if (done := find(out, draft.recipe)) is not None:
                return done
            time.sleep(0.05)
        raise


if __name__ == "__main__":
    artifact = run(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
    print(artifact.path)
