import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy_running import TOYS, Whet


def test_a_dry_run_says_what_would_happen_and_writes_nothing(whet: Whet, tmp_path: Path) -> None:
    words = ["write", "--out", "texts", "--rows", "4", "--chunk-rows", "1", "--dry-run"]
    first = whet(*words)
    assert (first.returncode, first.stdout) == (0, "")
    assert "would make texts/v1" in first.stderr
    assert "rows = 4" in first.stderr
    assert os.listdir(tmp_path) == []
    assert whet(*words[:-1], "--fault", "bug").returncode == 1
    assert "goes on with texts/.draft-" in whet(*words).stderr
    assert whet(*words[:-1]).returncode == 0
    assert "done already, texts/v1" in whet(*words).stderr
    assert "would make texts/v2" in whet(*words, "--again").stderr


def test_a_dry_run_reads_the_inputs_and_gives_its_plan_as_json(whet: Whet, tmp_path: Path) -> None:
    assert whet("write", "--out", "texts").returncode == 0
    done = whet("join", "texts", "all", "texts", "--out", "joined", "--limit", "2", "--json", "--dry-run")
    plan = json.loads(done.stdout)
    assert [(item["name"], item["path"], item["kind"], item["rows"]) for item in plan["inputs"]] == [
        ("texts", "texts/v1", "texts", 2),
        ("more", "texts/v1", "texts", 3),
    ]
    assert [(item["path"], item["state"]) for item in plan["outputs"]] == [("joined", "new"), ("joined-lengths", "new")]
    assert plan["options"] == {"between": " ", "upper": False, "manner": "all", "limit": 2}
    assert plan["details"] == ["first text: text 0"]
    made = whet("join", "texts", "all", "texts", "--out", "joined", "--limit", "2")
    assert made.stdout == "joined/v1\n"
    manifest = json.loads((tmp_path / "joined/v1/manifest.json").read_text())
    assert manifest["recipe"] == plan["outputs"][0]["recipe"]


def test_a_dry_run_refuses_what_a_run_would_refuse(whet: Whet) -> None:
    assert whet("join", "texts", "all", "texts", "--out", "joined", "--dry-run").returncode == 3
    assert whet("write", "--out", "texts", "--rows", "x", "--dry-run").returncode == 2


def test_a_dry_run_imports_no_torch(whet: Whet, tmp_path: Path, environment: dict[str, str]) -> None:
    assert whet("write", "--out", "texts").returncode == 0
    program = f"""
import sys
sys.path.insert(0, {str(TOYS)!r})
import toywhet
toywhet.main.STAGES.update(toywhet.STAGES)
code = toywhet.main.main(["join", "texts", "all", "texts", "--out", "joined", "--dry-run"])
print(code, [name for name in ("torch", "transformers", "datasets", "vllm") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "0 []\n"


DRY_RUNS = """
import sys
from whet.cli.main import main
for line in sys.argv[1:]:
    assert main([*line.split(), "--out", "new", "--dry-run"]) == 0, line
    heavy = [name for name in ("torch", "transformers", "datasets", "vllm") if name in sys.modules]
    assert not heavy, (line, heavy)
"""


@pytest.mark.slow
def test_dry_runs_of_the_real_stages_import_no_torch(
    whet: Whet, process: Whet, tmp_path: Path, environment: dict[str, str]
) -> None:
    assert process("init", "--out", "start").returncode == 0
    assert whet("problems", "addition", "--count", "8", "--out", "problems").returncode == 0
    words = ["sample", "problems", "program:tail-compact", "--tokenizer", "start", "--out", "rollouts"]
    assert whet(*words).returncode == 0
    assert whet("verify", "rollouts", "--out", "verdicts").returncode == 0
    lines = [
        "init --size nano",
        "problems addition --count 9",
        "import rows.jsonl --kind texts",
        "select rollouts --verdicts verdicts --where verdict=correct",
        "sample problems start",
        "verify rollouts",
        "train-policy start --rollouts rollouts --objective supervised",
        "train-policy start --problems problems --steps 2",
        "eval rollouts verdicts",
    ]
    (tmp_path / "rows.jsonl").write_text('{"text": "one"}\n')
    done = subprocess.run(
        [sys.executable, "-c", DRY_RUNS, *lines], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("would make new/v1") == len(lines)
    assert not (tmp_path / "new").exists()
