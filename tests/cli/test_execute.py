import json
import os
import re
import subprocess
from pathlib import Path

from toy_running import TOYS, Whet

from whet.artifacts import Artifact


def texts_of(path: Path) -> list[str]:
    return [row["text"] for row in Artifact.open(path, "texts").rows()]


def log_of(stderr: str) -> str:
    """The log that an error names."""
    found = re.search(r"\(log: (.*?)\)", stderr)
    assert found is not None, stderr
    return found[1]


def test_standard_output_is_the_path_and_a_second_run_makes_nothing(process: Whet, tmp_path: Path) -> None:
    first = process("write", "--out", "runs/texts")
    assert (first.returncode, first.stdout) == (0, "runs/texts/v1\n")
    assert "runs/texts/v1: texts, 3 rows" in first.stderr
    assert "words 6" in first.stderr
    again = process("write", "--out", "runs/texts", "--seconds", "0.001")  # a runtime option is not part of the recipe
    assert (again.returncode, again.stdout) == (0, "runs/texts/v1\n")
    assert "nothing to do" in again.stderr
    assert texts_of(tmp_path / "runs/texts") == ["text 0", "text 1", "text 2"]


def test_a_changed_option_makes_a_version_and_the_old_recipe_warns_of_it(whet: Whet) -> None:
    assert whet("write", "--out", "texts").stdout == "texts/v1\n"
    assert whet("write", "--out", "texts", "--tone", "loud").stdout == "texts/v2\n"
    old = whet("write", "--out", "texts")
    assert old.stdout == "texts/v1\n"
    assert "warning: texts/v2 is newer than texts/v1" in old.stderr
    assert whet("write", "--out", "texts", "--again").stdout == "texts/v3\n"
    assert whet("write", "--out", "texts", "--quiet").stderr == ""


def test_json_gives_path_version_digest_and_counts(whet: Whet, tmp_path: Path) -> None:
    done = whet("write", "--out", "texts", "--rows", "4", "--json")
    shown = json.loads(done.stdout)
    digest = Artifact.open(tmp_path / "texts").digest
    assert shown == {"path": "texts/v1", "version": 1, "digest": digest, "stats": {"rows": 4, "words": 8}}


def test_flags_win_over_files_and_the_manifest_says_what_was_asked(whet: Whet, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("rows: 5\ntone: loud\n")
    (tmp_path / "b.yaml").write_text("write:\n  rows: 6\n")
    done = whet("write", "--config", "a.yaml", "--config", "b.yaml", "--out", "texts", "--chunk-rows", "2")
    assert done.stdout == "texts/v1\n", done.stderr
    manifest = Artifact.open(tmp_path / "texts").manifest
    assert manifest.options == {"rows": 6, "chunk_rows": 2, "tone": "loud", "token": None}
    assert manifest.runtime == {"seconds": 0.0, "fault": "none", "max_unknown": 1.0}
    assert whet("write", "--config", "texts/v1", "--out", "texts").stdout == "texts/v1\n"
    assert whet("write", "--config", "a.yaml", "--rows", "7", "--out", "texts").returncode == 0
    assert len(Artifact.open(tmp_path / "texts")) == 7


def test_a_gate_publishes_marks_and_exits_4_each_time_and_readers_ask(whet: Whet) -> None:
    for _ in range(2):
        done = whet("write", "--out", "texts", "--max-unknown", "0.1")
        assert (done.returncode, done.stdout) == (4, "texts/v1\n")
        assert "error: gate max-unknown: 0.5 of the rows are unknown: texts/v1 is marked" in done.stderr
    reads = ["join", "texts", "all", "texts", "--out", "joined"]
    refused = whet(*reads)
    assert refused.returncode == 3
    assert "add --accept-gated" in refused.stderr
    assert whet(*reads, "--accept-gated").returncode == 0


def test_a_bug_is_one_line_with_the_log_that_has_the_traceback(whet: Whet, tmp_path: Path) -> None:
    done = whet("write", "--out", "texts", "--fault", "bug")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "error: ZeroDivisionError: a bug that knows https://***@host/x?*** (log: texts/.draft-"
    )
    assert done.stderr.count("\n") == 1
    log = (tmp_path / log_of(done.stderr)).read_text()
    assert "Traceback (most recent call last)" in log
    assert "secret" not in log
    assert "Traceback" in whet("write", "--out", "texts", "--fault", "bug", "-v").stderr
    assert whet("write", "--out", "texts").stdout == "texts/v1\n"  # the draft goes on


def test_secrets_are_masked_in_the_log_and_the_manifest(whet: Whet, tmp_path: Path) -> None:
    done = whet("write", "--out", "texts", "--token", "hunter2hunter2", "--rows", "1", "--fault", "stdout")
    assert done.returncode == 0
    (log,) = (tmp_path / "texts/v1/logs").iterdir()
    assert "--token ***" in log.read_text()
    attempts = json.loads((tmp_path / "texts/v1/manifest.json").read_text())["attempts"]
    assert "hunter2" not in json.dumps(attempts)
    leaked = whet("write", "--out", "x", "--fault", "input", "-v", MY_API_KEY="the input ends")
    assert "*** here" in leaked.stderr


def test_chatter_on_standard_output_goes_to_standard_error(whet: Whet) -> None:
    done = whet("write", "--out", "texts", "--fault", "stdout", "--rows", "1")
    assert done.stdout == "texts/v1\n"
    assert "a library's chatter" in done.stderr
    assert "chatter of a process" in done.stderr


def test_a_full_disk_keeps_the_draft(whet: Whet) -> None:
    done = whet("write", "--out", "texts", "--fault", "full")
    assert done.returncode == 75
    assert "disk full" in done.stderr
    assert "the draft is kept: free space and run the same command again" in done.stderr
    assert whet("write", "--out", "texts").stdout == "texts/v1\n"


def test_a_killed_stage_goes_on_and_finish_publishes_what_there_is(whet: Whet, process: Whet, tmp_path: Path) -> None:
    words = ["write", "--out", "texts", "--rows", "4", "--chunk-rows", "1"]
    assert whet(*words, "--finish").returncode == 3
    assert not (tmp_path / "texts").exists()
    assert process(*words, "--fault", "die").returncode == 9
    assert "no finished rows to publish" in whet(*words, "--finish").stderr
    for done in range(2):  # each time one row is written, then its process dies before the chunk ends
        assert process(*words, "--fault", "die").returncode == 9, done
    assert whet(*words, "--fault", "bug").returncode == 1  # an error flushes the row it had
    done = whet(*words, "--finish")
    assert (done.returncode, done.stdout) == (0, "texts/v1\n"), done.stderr
    assert "incomplete (0 of 4 chunks)" in done.stderr  # whether the chunk had more rows is not known
    assert texts_of(tmp_path / "texts") == ["text 0"]
    assert "add --accept-incomplete" in whet("join", "texts", "all", "texts", "--out", "joined").stderr


def test_a_mistake_found_by_the_stage_leaves_no_draft(whet: Whet, tmp_path: Path) -> None:
    assert whet("tune", "--out", "tuned", "--steps", "x").returncode == 2
    done = whet("write", "--out", "texts", "--fault", "input", "--rows", "2")
    assert done.returncode == 3
    assert list((tmp_path / "texts").glob(".draft-*/work/plan.json"))  # rows were begun: kept
    assert not (tmp_path / "tuned").exists()


def test_inputs_that_are_no_artifacts_are_exit_3_with_what_to_do(whet: Whet, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    done = whet("join", "rows.jsonl", "all", "rows.jsonl", "--out", "joined")
    assert done.returncode == 3
    assert "import it first: whet import rows.jsonl --kind texts --out runs/rows" in done.stderr
    assert whet("write", "--out", "texts").returncode == 0
    done = whet("join", "txts", "all", "texts", "--out", "joined")
    assert (done.returncode, "did you mean texts?" in done.stderr) == (3, True)
    done = whet("join", "texts", "all", "texts", "--policy", "Qwen/Qwen3-0.6B", "--out", "joined")
    assert (done.returncode, "write hub:Qwen/Qwen3-0.6B" in done.stderr) == (3, True)
    done = whet("join", "texts", "al", "texts", "--out", "joined")
    assert (done.returncode, "did you mean all?" in done.stderr) == (2, True)


def test_several_inputs_and_outputs(whet: Whet, tmp_path: Path) -> None:
    for name in "abc":
        assert whet("write", "--out", name, "--rows", "2").returncode == 0
    words = ["join", "a", "all", "b/v1", "c", "--extra", "a", "--extra", "b", "--between", "auto", "--limit", "1"]
    done = whet(*words, "--out", "joined", "--lengths-out", "deep/lengths")
    assert done.stdout == "joined/v1\n", done.stderr
    # 1 (limit) + 2 + 2 + 2 + 2 texts of 6 characters and 8 separators: 9 * 6 + 8 = 62
    assert texts_of(tmp_path / "deep/lengths") == ["62"]
    (joined,) = texts_of(tmp_path / "joined")
    assert joined.startswith("text 0-text 0-text 1-text 0")
    assert not (tmp_path / "joined-kept").exists()
    manifest = Artifact.open(tmp_path / "joined").manifest
    assert manifest.options == {"between": "-", "upper": False, "manner": "all", "limit": 1}
    assert [item.role for item in manifest.inputs] == ["texts", "more", "more", "extra", "extra"]
    assert whet(*words, "--out", "joined", "--kept-out", "kept").stdout == "joined/v1\n"


DIE_BETWEEN = f"""
import os, sys
sys.path.insert(0, {str(TOYS)!r})
import toywhet
rename, versions = os.rename, []
def counted(source, target):
    versions.extend([1] if os.path.basename(target) == "v1" else [])
    if len(versions) == 2:
        os._exit(9)
    rename(source, target)
os.rename = counted
toywhet.main.STAGES.update(toywhet.STAGES)
sys.argv = ["whet", *sys.argv[1:]]
toywhet.main.entry()
"""


def test_a_process_that_dies_between_two_publications_leaves_work_for_the_next(
    whet: Whet, tmp_path: Path, command: list[str], environment: dict[str, str]
) -> None:
    assert whet("write", "--out", "a").returncode == 0
    words = ["join", "a", "all", "a", "--out", "joined"]
    died = subprocess.run([command[0], "-c", DIE_BETWEEN, *words], cwd=tmp_path, env=environment, timeout=60)
    assert died.returncode == 9
    assert (tmp_path / "joined-lengths/v1/manifest.json").exists()
    assert not (tmp_path / "joined/v1").exists()
    assert whet(*words).stdout == "joined/v1\n"
    assert Artifact.open(tmp_path / "joined").manifest.facts == {"manner": "all"}
    assert [path.name for path in (tmp_path / "joined-lengths").iterdir()] == ["v1"]


def test_processes_that_run_the_same_command_share_it(
    tmp_path: Path, command: list[str], environment: dict[str, str]
) -> None:
    words = ["write", "--out", "texts", "--rows", "40", "--chunk-rows", "2", "--seconds", "0.02"]
    processes = [
        subprocess.Popen([*command, *words], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["texts/v1\n"] * 3
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert texts_of(tmp_path / "texts") == [f"text {number}" for number in range(40)]
    assert [name for name in os.listdir(tmp_path / "texts") if name.startswith(".draft")] == []


def test_only_the_first_process_of_torchrun_prints_the_path(whet: Whet) -> None:
    assert whet("write", "--out", "texts", RANK="1").stdout == ""
    assert whet("write", "--out", "texts", RANK="0").stdout == "texts/v1\n"
