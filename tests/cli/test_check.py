import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, rollout_id
from whet.artifacts.files import sha256_file
from whet.artifacts.manifest import Manifest
from whet.artifacts.recipe import content_digest
from whet.cli.main import main


def checked(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    code = main(["check", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def reseal(artifact: Artifact[Any], **changes: Any) -> None:
    """Make the manifest agree with the files again: what is wrong then lies in the rows."""
    manifest = artifact.manifest
    for file in manifest.files:
        file.size, file.sha256 = (artifact.path / file.path).stat().st_size, sha256_file(artifact.path / file.path)
    manifest.digest = content_digest((file.path, file.size, file.sha256) for file in manifest.files)
    for name, value in changes.items():
        setattr(manifest, name, value)
    manifest.write(artifact.path)


def test_sound_artifacts_pass_one_line_each(small: Any, capsys: pytest.CaptureFixture[str]):
    small.judged("runs/r", {"a": "ci"})
    small.problems("runs/p", ["a"])
    assert main(["check", str(small.folder)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 3
    assert all(line.startswith("ok ") for line in out)
    assert main(["check", str(small.folder / "runs/p"), str(small.folder / "runs/r/v1"), "--quick"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_changed_byte_is_found_by_a_whole_check_only(small: Any, capsys: pytest.CaptureFixture[str]):
    sound, hurt = small.problems("p", ["a"]), small.problems("q", ["b"])
    flip(hurt.path / hurt.parts[0].name)
    assert checked(capsys, small.folder, "--quick")[0] == 0
    code, records = checked(capsys, small.folder)
    assert code == 3
    assert [record["ok"] for record in records] == [True, False]
    assert "sha256 differs" in records[1]["damages"][0]
    assert main(["check", str(small.folder)]) == 3
    printed = capsys.readouterr()
    assert f"ok       {sound.path}" in printed.out
    assert f"damaged  {hurt.path}" in printed.out
    assert "1 of 2 versions damaged" in printed.err


def test_a_truncated_and_a_missing_file_are_found_by_their_size(small: Any, capsys: pytest.CaptureFixture[str]):
    made = small.make("p", "problems", [[small.problem("a")], [small.problem("b")]])
    first, second = (made.path / part.name for part in made.parts)
    first.write_bytes(first.read_bytes()[:-1])
    second.unlink()
    code, (record,) = checked(capsys, made.path, "--quick")
    assert code == 3
    assert len(record["damages"]) == 2
    assert "bytes, its manifest says" in record["damages"][0]
    assert "cannot be read (No such file or directory)" in record["damages"][1]


def test_a_manifest_that_was_changed_does_not_give_its_digest(small: Any, capsys: pytest.CaptureFixture[str]):
    made = small.problems("p", ["a"])
    manifest = Manifest.read(made.path)
    manifest.files[0].sha256 = "0" * 64
    manifest.write(made.path)
    assert "does not give its digest" in checked(capsys, made.path, "--quick")[1][0]["damages"][0]
    (made.path / "manifest.json").write_text("{}")
    assert "is not a manifest" in checked(capsys, made.path)[1][0]["damages"][0]


def test_no_rows_but_those_of_the_manifest(small: Any, capsys: pytest.CaptureFixture[str]):
    made = small.problems("p", ["a", "b"])
    reseal(made, rows=3)
    assert "holds 2 rows, its manifest says 3" in checked(capsys, made.path)[1][0]["damages"][0]
    made.manifest.files[0].rows = 3
    reseal(made)
    assert "holds 2 rows, its manifest says 3" in checked(capsys, made.path)[1][0]["damages"][0]
    (made.path / made.parts[0].name).write_bytes(b"no parquet")
    reseal(made)
    assert "is no readable parquet file" in checked(capsys, made.path)[1][0]["damages"][0]


def test_ids_are_unique_and_problems_embedded(small: Any, capsys: pytest.CaptureFixture[str]):
    problem, other = small.problem("a"), small.problem("b")
    row = {"rollout_id": rollout_id("x", "y", 0), "problem_id": problem["problem_id"], "draw": 0, "text": "t"}
    twice = small.make("twice", "rollouts", [[row], [row]], [problem])
    assert f"rollout_id {row['rollout_id']} more than once" in checked(capsys, twice.path)[1][0]["damages"][0]
    lacking = small.make("lacking", "rollouts", [[row]], [other])
    assert "lacks 1 of its problems" in checked(capsys, lacking.path)[1][0]["damages"][0]
    assert main(["check", str(small.folder), "--quick"]) == 0


def test_a_missing_input_and_a_file_nobody_listed_are_warnings(small: Any, capsys: pytest.CaptureFixture[str]):
    rollouts, verdicts = small.judged("r", {"a": "c"})
    shutil.rmtree(rollouts.path)
    (verdicts.path / "data" / "part-99999.parquet").write_bytes(b"x")
    code, (record,) = checked(capsys, verdicts.path)
    assert code == 0
    assert "is not in the manifest" in record["warnings"][0]
    assert "its input rollouts (../../r/v1) was not found" in record["warnings"][1]


def test_a_folder_moved_as_a_whole_is_still_sound(small: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    small.judged("runs/r", {"a": "c"})
    shutil.move(tmp_path / "runs", tmp_path / "elsewhere")
    code, records = checked(capsys, tmp_path / "elsewhere")
    assert code == 0
    assert [record["warnings"] for record in records] == [[], []]


def test_a_folder_without_artifacts_is_refused(small: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["check", str(tmp_path)]) == 3
    assert "holds no finished artifact" in capsys.readouterr().err
