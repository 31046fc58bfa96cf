import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, WrongArtifact
from whet.cli.main import main

DAY = 86_400


def planned(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[tuple[str, str]]:
    """What is (to be) removed: (what, path)."""
    code = main(["gc", *map(str, arguments), "--json"])
    assert code == 0
    return [(record["what"], record["path"]) for record in json.loads(capsys.readouterr().out)]


def age(path: Path, days: float) -> None:
    """Make everything below a folder look untouched for so long."""
    then = time.time() - days * DAY
    for place in [*path.rglob("*"), path]:
        os.utime(place, (then, then), follow_symlinks=False)


def begun(small: Any, name: str, **more: Any) -> Any:
    draft = small.draft(name, "problems", **more)
    for chunk in draft.chunks([0, 1]):
        chunk.write(small.problem(f"{name} {chunk.index}"), 0)
        if chunk.index == 1:
            break
    draft.close()
    return draft


def older(artifact: Artifact[Any], days: float) -> None:
    artifact.manifest.created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * DAY))
    artifact.manifest.write(artifact.path)


def test_only_old_drafts_that_nobody_works_on_go_and_only_when_told(small: Any, capsys: pytest.CaptureFixture[str]):
    old, fresh, busy = begun(small, "old"), begun(small, "fresh"), small.draft("busy", "problems")
    version = small.problems("p", ["a"])
    age(old.folder, 8)
    with busy.writer():
        age(busy.folder, 8)
        assert planned(capsys, small.folder) == [("draft", str(old.folder))]
        assert old.folder.is_dir()
        assert main(["gc", str(small.folder), "--yes"]) == 0
        assert "freed" in capsys.readouterr().err
    assert not old.folder.exists()
    assert fresh.folder.is_dir()
    assert busy.folder.is_dir()
    assert Artifact.open(version.path).digest == version.digest
    assert planned(capsys, small.folder, "--drafts-older-than", "0s") != []


def test_a_complete_draft_waits_for_its_command(small: Any, capsys: pytest.CaptureFixture[str]):
    draft = begun(small, "p")
    (draft.folder / "manifest.json").write_text("{}")
    age(draft.folder, 99)
    assert planned(capsys, small.folder) == []


def test_half_written_files_go_when_their_process_is_gone(small: Any, capsys: pytest.CaptureFixture[str]):
    made = small.problems("p", ["a"])
    host = socket.gethostname()
    names = {
        "dead": made.path / "data" / f".tmp-{host}-999999999-1-part-00000.parquet",
        "mine": made.path / f".tmp-{host}-{os.getpid()}-2-part-00000.parquet",
        "abroad": made.path / ".tmp-elsewhere-1-3-part-00000.parquet",
        "forgotten": made.path.parent / ".tmp-elsewhere-1-4-v7",
    }
    for name in ("dead", "mine", "abroad"):
        names[name].write_bytes(b"1234")
    (names["forgotten"] / "data").mkdir(parents=True)
    age(names["forgotten"], 1)
    due = [("temporary", str(names["forgotten"])), ("temporary", str(names["dead"]))]
    assert sorted(planned(capsys, small.folder)) == sorted(due)
    planned(capsys, small.folder, "--yes")
    assert [name for name, path in names.items() if path.exists()] == ["mine", "abroad"]
    assert Artifact.open(made.path).digest == made.digest


def test_older_versions_go_when_nothing_was_made_from_them_and_their_numbers_stay_taken(
    small: Any, capsys: pytest.CaptureFixture[str]
):
    versions = [small.make("p", "problems", [[small.problem(f"{n}")]], n=n) for n in range(4)]
    small.make("q", "problems", [[small.problem("x")]], inputs={"problems": versions[0]})
    reading = begun(small, "reader", inputs={"problems": versions[1]})
    assert planned(capsys, small.folder) == []
    assert planned(capsys, small.folder, "--versions", "--older-than", "1d") == []
    # v1 was read by q, v2 by a draft, v4 is the newest
    assert planned(capsys, small.folder, "--versions") == [("version", str(versions[2].path))]
    planned(capsys, small.folder, "--versions", "--yes")
    assert [version.path.exists() for version in versions] == [True, True, False, True]
    assert reading.folder.is_dir()
    small.make("p", "problems", [[small.problem("new")]], n=9)
    assert planned(capsys, small.folder, "--versions", "--yes") == [("version", str(versions[3].path))]
    assert sorted(path.name for path in (small.folder / "p").glob("v*")) == ["v1", "v2", "v5"]


def test_the_numbers_of_removed_versions_stay_taken(small: Any, capsys: pytest.CaptureFixture[str]):
    for n in range(3):
        small.make("p", "problems", [[small.problem(f"{n}")]], n=n)
    planned(capsys, small.folder, "--versions", "--yes")
    assert (small.folder / "p" / ".highest").read_text() == "2\n"
    assert small.make("p", "problems", [[small.problem("next")]], n=3).path.name == "v4"


def test_a_dropped_payload_leaves_manifest_counts_digests_and_lineage(small: Any, capsys: pytest.CaptureFixture[str]):
    rollouts, verdicts = small.judged("r", {"a": "ci"})
    older(rollouts, 40)
    assert planned(capsys, small.folder, "--payload", "rollouts", "--older-than", "50d") == []
    assert planned(capsys, small.folder, "--payload", "rollouts", "--older-than", "30d") == [
        ("payload", str(rollouts.path)),
    ]  # fmt: skip
    assert Artifact.open(rollouts.path).digest == rollouts.digest
    planned(capsys, small.folder, "--payload", "rollouts", "--older-than", "30d", "--yes")
    assert sorted(path.name for path in rollouts.path.iterdir()) == ["README.md", "logs", "manifest.json"]
    with pytest.raises(WrongArtifact, match="lost its payload"):
        Artifact.open(rollouts.path)
    assert main(["check", str(small.folder)]) == 0
    capsys.readouterr()
    assert main(["lineage", str(verdicts.path)]) == 0
    assert "payload dropped" in capsys.readouterr().out
    assert main(["ls", str(small.folder)]) == 0
    assert "payload dropped" in capsys.readouterr().out
    assert planned(capsys, small.folder, "--payload", "rollouts", "--older-than", "30d") == []


def test_a_payload_that_a_draft_reads_stays(small: Any, capsys: pytest.CaptureFixture[str]):
    problems = small.problems("p", ["a"])
    begun(small, "reader", inputs={"problems": problems})
    assert planned(capsys, small.folder, "--payload", "problems", "--older-than", "0s") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove everything")
def test_what_cannot_be_removed_is_reported_and_the_rest_goes(small: Any, capsys: pytest.CaptureFixture[str]):
    first, second = begun(small, "a"), begun(small, "b")
    age(first.folder, 8)
    age(second.folder, 8)
    first.folder.parent.chmod(0o555)
    assert main(["gc", str(small.folder), "--yes"]) == 1
    first.folder.parent.chmod(0o755)
    assert "not removed (Permission denied)" in capsys.readouterr().out
    assert first.folder.is_dir()
    assert not second.folder.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--payload", "rollouts"], "such as --older-than 30d"),
        (["--payload", "rolouts", "--older-than", "1d"], "did you mean rollouts"),
        (["--older-than", "1d"], "use --drafts-older-than"),
        (["--drafts-older-than", "soon"], "expected a number and s, m, h, d or w"),
    ],
)
def test_wrong_flags_are_refused(small: Any, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str):
    assert main(["gc", str(small.folder), *arguments]) == 2
    assert message in capsys.readouterr().err
