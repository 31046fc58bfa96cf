"""The event file as TensorBoard reads it."""

import errno
import resource
import subprocess
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from whet.stages.board import Board

FILLING = """
import sys
from pathlib import Path
from whet.stages.board import Board
board = Board(Path(sys.argv[1]), 1)
for step in range(1, 1000):
    try:
        board.write(step, {"loss": 0.5})
    except OSError as error:
        print(error.errno)
        break
"""


def shown(folder: Path, name: str) -> list[tuple[int, float]]:
    board = EventAccumulator(str(folder))
    board.Reload()
    return [(event.step, event.value) for event in board.Scalars(name)]


def test_numbers_come_out_by_name_and_step_at_once(tmp_path: Path) -> None:
    board = Board(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []
    board.write(1, {"loss": 0.5, "reward": 1.0})
    board.write(2, {"loss": 0.25})
    assert shown(tmp_path, "loss") == [(1, 0.5), (2, 0.25)]
    assert shown(tmp_path, "reward") == [(1, 1.0)]


def test_steps_that_are_made_again_are_shown_once(tmp_path: Path) -> None:
    killed, resumed = Board(tmp_path, 1), Board(tmp_path, 3)
    for step in (1, 2, 3, 4):
        killed.write(step, {"loss": float(step)})
    for step in (3, 4):
        resumed.write(step, {"loss": 10.0 * step})
    assert shown(tmp_path, "loss") == [(1, 1.0), (2, 2.0), (3, 30.0), (4, 40.0)]


def test_a_file_that_may_not_grow_is_an_error_of_whoever_writes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(tmp_path)], capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY)),
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (f"{errno.EFBIG}\n", "")
