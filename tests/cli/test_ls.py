import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts.leases import Lease
from whet.cli.main import main

CHUNK = {"problem_id": "0" * 32, "messages": [{"role": "user", "content": "x"}], "answer": "1"}


def lines(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_a_table_has_a_line_for_every_artifact(small: Any, capsys: pytest.CaptureFixture[str]):
    small.problems("runs/p", ["a", "b"])
    small.make("runs/p", "problems", [[small.problem("c")]], again=1)
    small.judged("runs/deep/r", {"a": "ci"})
    assert main(["ls", str(small.folder / "runs")]) == 0
    head, *rows = lines(capsys)
    assert head == ["path", "kind", "versions", "rows", "size", "age", "made", "by", "state"]
    root = f"{small.folder}/runs"
    assert [row[0] for row in rows] == [f"{root}/deep/r", f"{root}/deep/r-verdicts", f"{root}/p"]
    assert rows[2][1:5] == ["problems", "v2", "(2)", "1"]
    assert [row[1] for row in rows[:2]] == ["rollouts", "verdicts"]


def test_json_holds_what_the_newest_manifest_says(small: Any, capsys: pytest.CaptureFixture[str]):
    made = small.problems("p", ["a", "b"])
    assert main(["ls", str(small.folder), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["size"] == sum((made.path / file.path).stat().st_size for file in made.manifest.files)
    assert (record["path"], record["newest"], record["versions"]) == (str(small.folder / "p"), "v1", 1)
    assert (record["rows"], record["stage"], record["created"]) == (2, "small", made.manifest.created)
    assert 0 <= record["age_seconds"] < 600


def test_a_draft_shows_how_far_it_is_and_who_works_on_it(small: Any, capsys: pytest.CaptureFixture[str]):
    draft = small.draft("p", "problems")
    for chunk in draft.chunks([0, 1, 2, 3]):
        chunk.write(CHUNK, 0)
        if chunk.index == 1:
            break
    (small.folder / "p" / ".draft-000000000000").mkdir()
    assert main(["ls", str(small.folder)]) == 0
    rows = lines(capsys)[1:]
    # chunk 0 is finished, chunk 1 is held by this very process
    assert " ".join(rows[0]).endswith(f"draft: begun, worked on by nobody, idle for {rows[0][-2]} s")
    assert f"1 of 4 chunks, worked on by {os.getpid()} on" in " ".join(rows[1])
    draft.close()
    assert main(["ls", str(small.folder)]) == 0
    assert "1 of 4 chunks, worked on by nobody" in capsys.readouterr().out


def test_the_holder_of_a_dead_process_does_not_count(small: Any, capsys: pytest.CaptureFixture[str]):
    draft = small.draft("p", "problems")
    code = (
        "import sys; from pathlib import Path; from whet.artifacts.leases import Lease;"
        "Lease.take(Path(sys.argv[1]) / 'work/leases/00000.json')"
    )
    subprocess.run([sys.executable, "-c", code, str(draft.folder)], check=True)
    assert (draft.folder / "work/leases/00000.json").exists()
    assert main(["ls", str(small.folder)]) == 0
    assert "worked on by nobody" in capsys.readouterr().out
    lease = Lease.take(draft.folder / "work/leases/00001.json")
    assert lease is not None
    assert main(["ls", str(small.folder)]) == 0
    assert f"worked on by {os.getpid()} on" in capsys.readouterr().out


def test_gates_damage_and_unfinished_versions_are_seen(small: Any, capsys: pytest.CaptureFixture[str]):
    draft = small.draft("gated", "problems")
    for chunk in draft.chunks([0]):
        chunk.write(CHUNK, 0)
    draft.gate("unknown", "too many")
    draft.publish()
    half = small.draft("half", "problems")
    for chunk in half.chunks([0, 1]):
        chunk.write(CHUNK, 0)
        if chunk.index == 1:
            break
    half.close()
    shutil.rmtree(half.folder / "work" / "pending")
    half.publish()
    broken = small.problems("broken", ["a"])
    (broken.path / "manifest.json").write_text("{")
    assert main(["ls", str(small.folder)]) == 0
    out = capsys.readouterr().out
    assert "gated: unknown" in out
    assert "incomplete: 1 of 2 chunks" in out
    assert "damaged" in out


def test_a_version_a_copy_of_one_and_a_folder_without_any_can_be_listed(small: Any, capsys: pytest.CaptureFixture[str]):
    made = small.problems("p", ["a"])
    shutil.copytree(made.path, small.folder / "copies" / "mine")
    assert main(["ls", str(made.path)]) == 0
    assert lines(capsys)[1][:3] == [str(made.path), "problems", "v1"]
    assert main(["ls", str(small.folder / "copies")]) == 0
    assert lines(capsys)[1][:3] == [str(small.folder / "copies/mine"), "problems", "mine"]
    (small.folder / "empty").mkdir()
    assert main(["ls", str(small.folder / "empty")]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "no artifacts in" in printed.err
    assert main(["ls", str(small.folder / "nothing")]) == 3


def test_versions_are_not_entered_and_links_not_followed(
    small: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    made = small.problems("p", ["a"])
    shutil.copytree(made.path, made.path / "inside" / "v1")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert main(["ls", str(tmp_path), "--json"]) == 0
    assert [record["path"] for record in json.loads(capsys.readouterr().out)] == [str(tmp_path / "p")]


def test_names_that_would_steer_a_terminal_are_shown_instead(small: Any, capsys: pytest.CaptureFixture[str]):
    small.problems("p\x1b[2J", ["a"])
    assert main(["ls", str(small.folder)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "p␛[2J" in out


def test_a_terminal_gets_the_same_table_with_a_bold_head(small: Any):
    made = small.problems("p", ["a"])
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "whet.cli", "ls", str(small.folder)]
    settings = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    settings |= {"TERM": "xterm", "COLUMNS": "200"}
    subprocess.run(command, stdout=slave, env=settings, check=True)
    os.close(slave)
    head, row = os.read(master, 65_536).decode().splitlines()
    os.close(master)
    assert "\x1b[1mpath" in head
    assert row.split()[:4] == [str(made.path.parent), "problems", "v1", "1"]
