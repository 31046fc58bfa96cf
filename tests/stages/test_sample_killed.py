"""`whet sample` as separate processes: killed, stopped and shared, it ends with the rows of one quiet run."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact

pytestmark = pytest.mark.slow

WHET = [sys.executable, "-m", "whet.cli"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """150 problems and a fresh policy."""
    folder = tmp_path_factory.mktemp("inputs")
    made = [["problems", "addition", "--count", "150"], ["init", "--context", "256"]]
    for arguments in made:
        subprocess.run([*WHET, *arguments, "--out", str(folder / arguments[0]), "-q"], check=True, capture_output=True)
    return folder / "problems", folder / "init"


@pytest.fixture(scope="module")
def start(inputs: tuple[Path, Path]) -> Callable[[Path], subprocess.Popen[str]]:
    """Start one process of the same command: 3 chunks, 1,200 rollouts, some seconds of work."""

    def run(out: Path) -> subprocess.Popen[str]:
        problems, policy = inputs
        command = [
            *WHET, "sample", str(problems), str(policy), "--out", str(out), "--rollouts-per-problem", "8",
            "--max-tokens", "120", "--precision", "float32",
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    return run


def _finish(process: subprocess.Popen[str]) -> str:
    shown, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return shown.strip()


@pytest.fixture(scope="module")
def quiet(
    start: Callable[[Path], subprocess.Popen[str]], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    return list(Artifact.open(_finish(start(tmp_path_factory.mktemp("quiet") / "rollouts"))).rows())


def _assert_equal(found: Artifact[Any], expected: list[dict[str, Any]]) -> None:
    rows = list(found.rows())
    assert len(rows) == len(expected) == 1200
    for row, other in zip(rows, expected, strict=True):
        for name in ("rollout_id", "problem_id", "draw", "seed", "prompt_token_ids", "token_ids", "finish_reason"):
            assert row[name] == other[name], name
        assert list(row["logprobs"]) == pytest.approx(list(other["logprobs"]), abs=1e-4)


def _work_time(draft: Path) -> None:
    """Wait until a process has begun to draw."""
    for _ in range(600):
        if list(draft.glob(".draft-*/work/leases/0*.json")):
            return
        time.sleep(0.1)
    raise AssertionError("nothing began")


def test_killed_at_random_moments_it_loses_and_doubles_nothing(
    start: Callable[[Path], subprocess.Popen[str]], quiet: list[dict[str, Any]], tmp_path: Path
) -> None:
    rng = random.Random(0)
    out = tmp_path / "killed"
    for _ in range(4):
        process = start(out)
        _work_time(out)
        time.sleep(rng.uniform(0, 4))
        process.kill()
        process.communicate()
    _assert_equal(Artifact.open(_finish(start(out))), quiet)
    assert [entry.name for entry in out.iterdir() if entry.name != "v1"] == []


def test_stopped_by_a_signal_it_keeps_what_was_begun(
    start: Callable[[Path], subprocess.Popen[str]], quiet: list[dict[str, Any]], tmp_path: Path
) -> None:
    # A signal that comes before the first token, or between two chunks, finds nothing begun: then again, elsewhere.
    for attempt, seconds in enumerate((5.0, 3.5, 6.5, 4.2, 8.0, 5.7)):
        out = tmp_path / f"stopped-{attempt}"
        process = start(out)
        _work_time(out)
        time.sleep(seconds)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        if list(out.glob(".draft-*/work/pending/*/prefixes.json")):
            assert process.returncode == 75, errors
            _assert_equal(Artifact.open(_finish(start(out))), quiet)
            return
    raise AssertionError("no stopped process kept what it had begun")


def test_four_processes_share_one_command(
    start: Callable[[Path], subprocess.Popen[str]], quiet: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Two of them are killed and started again."""
    out = tmp_path / "shared"
    processes = [start(out) for _ in range(4)]
    _work_time(out)
    time.sleep(2)
    for process in processes[:2]:
        process.kill()
        process.communicate()
    paths = {_finish(process) for process in [*processes[2:], start(out), start(out)]}
    assert paths == {str(out / "v1")}
    _assert_equal(Artifact.open(out), quiet)


def test_four_processes_that_nothing_happens_to_write_what_one_writes(
    start: Callable[[Path], subprocess.Popen[str]], tmp_path: Path
) -> None:
    """The very bytes: a chunk is drawn whole by one process, in the same batches."""
    _finish(start(tmp_path / "one"))
    paths = {_finish(process) for process in [start(tmp_path / "four") for _ in range(4)]}
    assert paths == {str(tmp_path / "four" / "v1")}
    assert Artifact.open(tmp_path / "four").digest == Artifact.open(tmp_path / "one").digest
