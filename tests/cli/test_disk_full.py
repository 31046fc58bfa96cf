"""A training on a disk that fills up: one clear line, the last good checkpoint, and the same command goes on."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whet.artifacts import Artifact

pytestmark = pytest.mark.slow

WHET = [sys.executable, "-m", "whet.cli"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def whet(*arguments: str, limit: Callable[[], None] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*WHET, *arguments, "-q"], capture_output=True, text=True, check=False, env=ENVIRONMENT, preexec_fn=limit
    )


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A training whose checkpoints take 4.7 MB."""
    folder = tmp_path_factory.mktemp("inputs")
    made = {}
    for name, words in (
        ("problems", ["problems", "addition", "--length", "1..2", "--templates", "1", "--count", "20"]),
        ("policy", ["init", "--context", "64"]),
        ("shown", ["sample", "{problems}", "program:tail-compact", "--tokenizer", "{policy}"]),
    ):
        done = whet(*(word.format(**made) for word in words), "--out", str(folder / name))
        assert done.returncode == 0, done.stderr
        made[name] = done.stdout.strip()
    return [
        "train-policy", made["policy"], "--rollouts", made["shown"], "--objective", "supervised", "--learning-rate",
        "1e-3", "--steps", "6", "--rows-per-step", "8", "--checkpoint-every", "2",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def quiet(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    done = whet(*command, "--out", str(tmp_path_factory.mktemp("quiet") / "out"))
    assert done.returncode == 0, done.stderr
    return Artifact.open(done.stdout.strip())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A memory disk of a given size, which can be made larger; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(size: str) -> Path:
        kind = ["-o", f"remount,size={size}"] if folder.is_mount() else ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
        done = subprocess.run(["mount", *kind, str(folder)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    """The error, after the progress that a slow machine shows."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return errors[0]


def test_a_full_disk_keeps_the_last_good_checkpoint_and_the_run_goes_on(
    command: list[str], quiet: Artifact, small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("7m")
    done = whet(*command, "--out", str(disk / "out"))
    assert done.returncode == 75, done.stderr
    assert "disk full" in last_line(done)
    assert "free space and run the same command again" in last_line(done)
    (draft,) = (disk / "out").glob(".draft-*")
    # What was half written is gone, and left room for the log.
    assert [path.name for path in (draft / "work/checkpoints").iterdir()] == ["step-00000002"]
    again = whet(*command, "--out", str(disk / "out"))
    assert again.returncode == 75, again.stderr
    small_disk("40m")
    done = whet(*command, "--out", str(disk / "out"))
    assert done.returncode == 0, done.stderr
    found = Artifact.open(disk / "out")
    assert found.digest == quiet.digest
    assert [json.loads(line)["step"] for line in (found.path / "metrics.jsonl").read_text().splitlines()] == [
        1, 2, 3, 4, 5, 6,
    ]  # fmt: skip


@pytest.mark.parametrize(("kilobytes", "checkpoint_every"), [(5, "100"), (1200, "2")])
def test_a_file_that_may_not_be_written_is_one_clear_line(
    kilobytes: int, checkpoint_every: str, command: list[str], quiet: Artifact, tmp_path: Path
) -> None:
    """5 kB stop the logs of the steps, 1200 kB the first checkpoint."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1000, resource.RLIM_INFINITY))

    out = tmp_path / "out"
    done = whet(*command[:-1], checkpoint_every, "--out", str(out), limit=limit)
    assert done.returncode == 75, done.stderr
    assert "disk full" in last_line(done)
    assert not list(out.glob(".draft-*/work/checkpoints/*"))
    done = whet(*command, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert Artifact.open(out).digest == quiet.digest
