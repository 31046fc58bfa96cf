import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from toy_running import Whet

from whet.artifacts import Artifact

LONG = ["write", "--out", "texts", "--rows", "1000", "--seconds", "0.02"]


def started(command: list[str], environment: dict[str, str], folder: Path, *words: str) -> "subprocess.Popen[str]":
    """A running command that has begun to write rows."""
    process = subprocess.Popen(
        [*command, *words], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not list(folder.glob("texts/.draft-*/work/leases/00000.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_the_first_signal_keeps_every_finished_row_and_exits_75(
    command: list[str], environment: dict[str, str], tmp_path: Path, whet: Whet, number: signal.Signals
) -> None:
    words = [*LONG[:-3], "40", "--chunk-rows", "40", "--seconds", "0.05"]
    process = started(command, environment, tmp_path, *words)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (75, "")
    assert f"{number.name}: saving, up to 20 s" in err
    assert "the draft is kept, run the same command again" in err
    assert list(tmp_path.glob("texts/.draft-*/work/pending/00000/*.parquet"))
    if number == signal.SIGTERM:
        assert whet(*words[:-2]).stdout == "texts/v1\n"
        assert [row["text"] for row in Artifact.open(tmp_path / "texts").rows()] == [f"text {i}" for i in range(40)]


def test_the_second_signal_leaves_at_once(command: list[str], environment: dict[str, str], tmp_path: Path) -> None:
    process = started(command, environment, tmp_path, *LONG, "--fault", "hang")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None  # it hangs, with 20 seconds of grace
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 75
    assert "error: second signal" in err


def test_after_the_grace_it_leaves(command: list[str], environment: dict[str, str], tmp_path: Path) -> None:
    process = started(command, environment, tmp_path, *LONG, "--fault", "hang", "--grace-seconds", "0.4")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 75
    assert "not done after 0.4 s" in err


def test_before_there_is_a_draft_a_signal_keeps_nothing(
    command: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    process = subprocess.Popen(
        [*command, "slow", "file", "--out", "texts"], cwd=tmp_path, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert "opening" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "interrupted, nothing was kept" in err
    assert not (tmp_path / "texts").exists()


def test_a_signal_to_the_whole_group_counts_once_although_there_are_workers(
    command: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [*command, "fork", "--out", "texts"], cwd=tmp_path, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert "forked" in process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 75
    assert "error: second signal" not in err
    assert "worker ended well" in err
