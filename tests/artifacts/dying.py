"""Runs a small stage over and over, each time dying at a later file operation, then runs it to its end.

Called as a program by test_crash.py: `python dying.py FOLDER FIRST STEP`. Forks, so that the imports are paid for once.
Prints one JSON line a death: which operation, which rows had been computed before, whether all is well.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from whet.artifacts import KINDS, Draft, DraftGone, chunks, find, make_problem, provenance
from whet.artifacts.parquet import schema_of, write_rows

CHUNKS, ROWS = 2, 2
OPERATIONS = ("write", "fsync", "rename", "replace", "unlink")


def die_at(n: int) -> None:
    """Make the n-th file operation the last thing this process does; a write gets half of its bytes out."""
    count = 0

    def dying(name: str, real: Any) -> Any:
        def operation(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == n:
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return operation

    for name in OPERATIONS:
        setattr(os, name, dying(name, getattr(os, name)))


def declared() -> dict[str, Any]:
    return {"kind": "problems", "stage": "toy", "options": {"rows": ROWS}}


def run(out: Path, log: Path) -> None:
    """The stage: every computed row leaves a line in the log, flushed rows are not computed again."""
    if find(out, Draft.recipe_of(**declared())) is not None:
        return
    draft = Draft.create(out, **declared())
    try:
        for chunk in draft.chunks([{"chunk": index} for index in range(CHUNKS)]):
            for order in reversed(range(ROWS)):
                if order not in chunk.done:
                    with open(log, "a") as file:
                        file.write(f"{chunk.index} {order}\n")
                    text = f"{chunk.index}-{order}"
                    chunk.write(make_problem([{"role": "user", "content": text}], text), order, {"rows": 1})
        draft.publish()
    except DraftGone:
        assert find(out, draft.recipe) is not None


def in_child(call: Any) -> int:
    """Exit status of a forked child that runs `call`; -9 when it was killed."""
    pid = os.fork()
    if pid == 0:
        call()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def parts(out: Path) -> dict[str, int]:
    """Inode of every finished part, in the draft or in a version."""
    return {path.name: path.stat().st_ino for path in out.glob("*/data/part-*.parquet")}


def death(folder: Path, n: int) -> dict[str, Any]:
    """Die at operation n, look, run again, look."""
    out, log = folder / f"out-{n}", folder / f"log-{n}"

    def doomed() -> None:
        die_at(n)
        run(out, log)

    status = in_child(doomed)
    before = parts(out)
    computed = log.read_text().split("\n")[:-1] if log.exists() else []
    log.write_text("")
    again = in_child(lambda: run(out, log))
    recomputed = log.read_text().split("\n")[:-1]
    versions = sorted(path.name for path in out.glob("v*"))
    artifact = find(out, Draft.recipe_of(**declared()))
    after = parts(out)
    return {
        "n": n,
        "survived": status == 0,
        "second_status": again,
        "versions": versions,
        "left": sorted(path.name for path in [*out.glob(".*"), *out.rglob(".tmp-*")]),
        "digest": artifact.digest if artifact else None,
        "rows": len(artifact) if artifact else None,
        "distinct": len({row["problem_id"] for row in artifact.rows()}) if artifact else None,
        "counts": artifact.manifest.counts if artifact else None,
        "inodes_kept": all(after.get(name) == inode for name, inode in before.items()),
        "computed_twice": sorted(set(computed) & set(recomputed)),
        "finished_parts_redone": sorted({line.split()[0] for line in recomputed} & {str(int(p[5:10])) for p in before}),
    }


def main() -> None:
    folder, n, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    # Paid for once, in the parent: the children would each ask git and import pyarrow (and what it finds) again.
    provenance.code()
    row = make_problem([{"role": "user", "content": "1"}], "1")
    write_rows(folder / "warm.parquet", [row], schema_of(KINDS["problems"].record))
    if sys.argv[4] == "every-row":
        chunks.FLUSH_SECONDS = 0.0
    while True:
        result = death(folder, n)
        print(json.dumps(result), flush=True)
        if result["survived"]:
            return
        n += step


if __name__ == "__main__":
    main()
