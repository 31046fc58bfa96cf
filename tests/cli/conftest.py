"""The toy stages, and two ways to run them: here, which is fast, or in a process of their own like a user does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "toys"))

import toywhet
from toy_running import TOYS, Done, Whet


@pytest.fixture
def command() -> list[str]:
    """The words before a command line: `whet` with the toy stages."""
    return [sys.executable, str(TOYS / "toywhet.py")]


@pytest.fixture
def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}


@pytest.fixture
def process(tmp_path: Path, command: list[str], environment: dict[str, str]) -> Whet:
    """Run a command line in a process of its own, in an empty folder."""

    def run(*words: str) -> Done:
        done = subprocess.run(
            [*command, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def whet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Whet:
    """Run a command line in an empty folder: `whet("write", "--out", "texts", SOME_VARIABLE="1")`."""

    def run(*words: str, **more: str) -> Done:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["whet", *words])
            for name, module in toywhet.STAGES.items():
                patch.setitem(toywhet.main.STAGES, name, module)
            for name, value in more.items():
                patch.setenv(name, value)
            code = toywhet.main.main(list(words))
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return run
