"""The toy stages, and a way to run them like a user does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "toys"))

from toy_running import TOYS, Whet


@pytest.fixture
def command() -> list[str]:
    """The words before a command line: `whet` with the toy stages."""
    return [sys.executable, str(TOYS / "toywhet.py")]


@pytest.fixture
def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}


@pytest.fixture
def whet(tmp_path: Path, command: list[str], environment: dict[str, str]) -> Whet:
    """Run a command line in an empty folder: `whet("write", "--out", "texts")`."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *words], cwd=tmp_path, env={**environment, **more}, capture_output=True, text=True, timeout=60
        )

    return run
