"""How long a command takes to start and to look around: `whet --help` and `whet ls` against `python -c pass`.

python tests/bench/listing.py [--tiny]          1,000 artifacts of one version (20 with --tiny), a draft in every tenth
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from whet.artifacts import Draft, make_problem

sys.path.insert(0, str(Path(__file__).parent))
from paired import compare, show


def fill(folder: Path, count: int) -> None:
    """Real artifacts: one is made, the others are copies of it, since making each would take a fsync a file."""
    draft = Draft.create(folder / "model", kind="problems", stage="bench", options={"seed": 0})
    for chunk in draft.chunks([0, 1]):
        chunk.write(make_problem([{"role": "user", "content": f"{chunk.index}"}], "1"), 0)
    made = draft.publish()
    begun = Draft.create(folder / "model", kind="problems", stage="bench", options={"seed": 1})
    begun.close()
    for number in range(count):
        place = folder / f"run-{number // 10:03d}" / f"artifact-{number % 10}"
        shutil.copytree(made.path, place / "v1")
        if number % 10 == 0:
            shutil.copytree(begun.folder, place / begun.folder.name)
    shutil.rmtree(folder / "model")


def whet(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "whet.cli", *arguments], check=True, stdout=subprocess.PIPE)


def nothing() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def main() -> None:
    tiny = "--tiny" in sys.argv
    count, runs = (20, 2) if tiny else (1000, 5)
    folder = Path(tempfile.mkdtemp())
    try:
        fill(folder, count)
        results: dict[str, Any] = {
            "help": compare(lambda: whet("--help"), nothing, runs),
            "ls": compare(lambda: whet("ls", str(folder)), nothing, runs),
        }
    finally:
        shutil.rmtree(folder)
    peer = {"command": f"{Path(sys.executable).name} -c pass", "python": sys.version.split()[0]}
    show({"benchmark": "listing", "settings": {"artifacts": count, "drafts": count // 10, "peer": peer}, **results})


if __name__ == "__main__":
    main()
