import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_running import Whet

from whet.cli.main import STAGES, TOOLS

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "vllm",
    "pyarrow",
    "numpy",
    "scipy",
    "sympy",
    "matplotlib",
    "rich",
    "jinja2",
)

LIST_HEAVY = f"""
import sys
from whet.cli.main import STAGES, main
for words in [["--help"], *([stage, flag] for stage in STAGES for flag in ("--help", "--no-such-flag"))]:
    assert main(words) in (0, 2), words
    heavy = [name for name in {HEAVY!r} if name in sys.modules]
    assert not heavy, (words, heavy)
"""


def test_no_help_and_no_wrong_flag_imports_anything_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", LIST_HEAVY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [*STAGES, *TOOLS])
def test_every_command_has_a_summary_and_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from whet.cli.main import main

    assert main([name, "--help"]) == 0
    own = capsys.readouterr().out
    assert f"whet {name} " in own.partition("Examples:")[2]
    assert main(["--help"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[:1] == [name]]
    assert len(line.split()) > 3


def test_help_is_fast() -> None:
    def seconds(*words: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - start

    pairs = [(seconds("-m", "whet.cli", "--help"), seconds("-c", "pass")) for _ in range(5)]
    # On a busy machine a bare interpreter takes longer than its usual 0.04 s; the limit grows with it.
    assert min(ours for ours, _ in pairs) < 0.3 * max(1, min(bare for _, bare in pairs) / 0.04)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["wrte"], "error: whet has no command wrte: did you mean write?"),
        (["write", "--out", "x", "--row", "3"], "error: whet write has no flag --row: did you mean --rows?"),
        (["tune", "--out", "x", "--temperature", "1"], "--temperature: did you mean --sampling.temperature?"),
        (
            ["write", "--out", "x", "--tone", "lod"],
            "error: --tone is 'lod', expected plain or loud: did you mean loud?",
        ),
        (["write", "--out", "x", "--tone"], "error: option '--tone' requires an argument"),
        (["write", "--out", "x", "more"], "unexpected extra argument"),
        (["write"], "error: --out is missing, expected a folder for the versions"),
        (["join", "--out", "x"], "error: TEXTS is missing, expected a folder of texts"),
        (["tune", "--out", "x", "--steps", "3", "--clip", ".1"], "--clip is read by --objective grpo"),
        (["write", "--out", "x", "--config", "none.yaml"], "error: --config none.yaml does not exist"),
    ],
)
def test_wrong_usage_is_exit_2_with_one_line_on_standard_error(whet: Whet, words: list[str], message: str) -> None:
    done = whet(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_command_help_goes_to_standard_error(whet: Whet) -> None:
    done = whet()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: whet COMMAND" in done.stderr


def test_help_beside_other_flags_is_shown(whet: Whet) -> None:
    done = whet("tune", "--objective", "grpo", "--help")
    assert done.returncode == 0
    assert "--clip" in done.stdout


def test_a_reader_that_leaves_is_no_error(command: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for words in (["--help"], ["yes"]):
        done = subprocess.run([*command, *words], stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
    os.close(writing)


def test_the_form_that_torchrun_needs_runs() -> None:
    done = subprocess.run([sys.executable, "-m", "whet.cli", "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith("whet ")
