import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import KINDS, Artifact, Draft, WrongArtifact, make_problem, rollout_id

sys.path.insert(0, str(Path(__file__).parent))
import toy


def test_rows_stream_by_part_by_column_and_as_a_table(tmp_path: Path) -> None:
    artifact = toy.run(tmp_path / "x")
    assert [part.rows for part in artifact.parts] == [5] * 6
    assert [row["answer"] for row in artifact.part_rows(1)] == ["10", "11", "12", "13", "14"]
    assert list(artifact.part_rows(0, ["answer"]))[0] == {"answer": "00"}
    assert artifact.table(["answer"]).num_rows == 30
    assert len(list(artifact.rows())) == 30


def test_a_limit_reads_the_first_rows_only(tmp_path: Path) -> None:
    artifact = toy.run(tmp_path / "x").head(7)
    assert len(artifact) == 7
    assert [part.rows for part in artifact.parts] == [5, 2]
    assert [row["answer"] for row in artifact.rows()] == ["00", "01", "02", "03", "04", "10", "11"]


def test_rollouts_stand_alone_with_their_problems(tmp_path: Path) -> None:
    problem = make_problem([{"role": "user", "content": "1+1"}], "2")
    draft = Draft.create(tmp_path / "r", kind="rollouts", stage="toy")
    draft.embed_problems([problem])
    for chunk in draft.chunks([0]):
        identity = rollout_id(draft.recipe, problem["problem_id"], 0)
        chunk.write({"rollout_id": identity, "problem_id": problem["problem_id"], "draw": 0, "text": "2"}, 0)
    artifact = draft.publish()
    assert artifact.problems()[problem["problem_id"]]["messages"] == problem["messages"]


def test_a_folder_that_is_moved_copied_or_read_only_reads_the_same(tmp_path: Path) -> None:
    artifact = toy.run(tmp_path / "x")
    shutil.copytree(artifact.path, tmp_path / "copy")
    shutil.move(tmp_path / "x", tmp_path / "moved")
    for path in (tmp_path / "copy", tmp_path / "moved", tmp_path / "moved/v1"):
        assert Artifact.open(path).digest == artifact.digest
    for path in [*(tmp_path / "copy").rglob("*"), tmp_path / "copy"]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert len(list(Artifact.open(tmp_path / "copy").rows())) == 30
    for path in [tmp_path / "copy", *(tmp_path / "copy").rglob("*")]:
        path.chmod(0o755)


def broken(tmp_path: Path, break_it: Any) -> Path:
    artifact = toy.run(tmp_path / "x")
    break_it(artifact.path)
    return artifact.path


def change_manifest(path: Path, **changes: Any) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, **changes}))


def test_a_truncated_or_missing_file_is_refused_at_opening(tmp_path: Path) -> None:
    path = broken(tmp_path, lambda path: os.truncate(path / "data/part-00002.parquet", 10))
    with pytest.raises(WrongArtifact, match="part-00002.parquet has 10 bytes"):
        Artifact.open(path)
    (path / "data/part-00002.parquet").unlink()
    with pytest.raises(WrongArtifact, match="part-00002.parquet is missing"):
        Artifact.open(path)


def test_a_changed_byte_is_refused_when_its_part_is_read_and_not_before(tmp_path: Path) -> None:
    def flip(path: Path) -> None:
        data = bytearray((path / "data/part-00001.parquet").read_bytes())
        data[20] ^= 1
        (path / "data/part-00001.parquet").write_bytes(data)

    artifact = Artifact.open(broken(tmp_path, flip))
    assert len(list(artifact.part_rows(0))) == 5
    with pytest.raises(WrongArtifact, match="part-00001.parquet is damaged"):
        list(artifact.part_rows(1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "not a manifest of whet"),
        ({"format_version": 99}, "has format 99, this whet reads 1: update whet"),
        ({"kind": "dreams"}, "has kind 'dreams', known are problems"),
        ({"kind_version": 7}, "holds problems version 7, this whet reads 1"),
        ({"surprise": 1}, "damaged or newer"),
        ({"files": [{"path": "../../secret", "size": 1, "sha256": "x"}]}, "outside its folder"),
        ({"files": [{"path": "/etc/passwd", "size": 1, "sha256": "x"}]}, "outside its folder"),
    ],
)
def test_a_wrong_manifest_is_refused_in_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = broken(tmp_path, lambda path: change_manifest(path, **changes))
    with pytest.raises(WrongArtifact, match=message) as caught:
        Artifact.open(path)
    assert "\n" not in str(caught.value)


def test_half_a_manifest_is_damage(tmp_path: Path) -> None:
    path = broken(tmp_path, lambda path: os.truncate(path / "manifest.json", 100))
    with pytest.raises(WrongArtifact, match=r"manifest.json is damaged"):
        Artifact.open(path)


def test_what_is_no_artifact_is_refused_with_what_to_do(tmp_path: Path) -> None:
    toy.run(tmp_path / "rollouts")
    (tmp_path / "data.jsonl").write_text("{}\n")
    (tmp_path / "empty").mkdir()
    Draft.create(tmp_path / "begun", **toy.declared())
    for path, message in {
        "rolouts": "does not exist: did you mean .*rollouts",
        "data.jsonl": "whet import .*data.jsonl --out FOLDER",
        "empty": "no manifest.json",
        "begun": "only a draft",
        "rollouts/v2": "does not exist: give the folder",
    }.items():
        with pytest.raises(WrongArtifact, match=message):
            Artifact.open(tmp_path / path)
    with pytest.raises(WrongArtifact, match="holds problems, expected rollouts or scores"):
        Artifact.open(tmp_path / "rollouts", ["rollouts", "scores"])


def test_rows_of_an_older_version_are_migrated_by_pure_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = toy.run(tmp_path / "x")

    def name_the_source(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "source": "before version 2"}

    monkeypatch.setitem(KINDS, "problems", replace(KINDS["problems"], version=2, migrations=(name_the_source,)))
    migrated = Artifact.open(artifact.path)
    assert {row["source"] for row in migrated.rows()} == {"before version 2"}
    assert next(migrated.rows(["answer", "source"])) == {"answer": "00", "source": "before version 2"}
    assert migrated.table(["source"]).column(0).to_pylist() == ["before version 2"] * 30


def test_other_tools_open_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets")
    artifact = toy.run(tmp_path / "x")
    loaded = datasets.load_dataset(str(artifact.path), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].num_rows == 30
    assert loaded["train"][0]["messages"] == [{"role": "user", "content": "0-0"}]
