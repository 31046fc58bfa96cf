"""Drafts become versions: one a recipe, numbered, described, none of them lost."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from whet.artifacts import Artifact, Draft, DraftGone, WrongArtifact, files, find, open_draft
from whet.artifacts.publishing import next_version

sys.path.insert(0, str(Path(__file__).parent))
import toy


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_recipe_makes_one_version_and_a_changed_one_the_next(tmp_path: Path) -> None:
    first = toy.run(tmp_path / "x")
    assert first.path == tmp_path / "x/v1"
    assert len(first) == 30
    assert first.manifest.counts == {"rows": 30}
    before = snapshot(tmp_path / "x/v1")
    assert toy.run(tmp_path / "x").path == first.path
    assert toy.run(tmp_path / "x", shuffle=True).path == tmp_path / "x/v2"
    assert Artifact.open(tmp_path / "x").path == tmp_path / "x/v2"
    assert Artifact.open(tmp_path / "x/v1").digest == first.digest
    assert snapshot(tmp_path / "x/v1") == before
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["v1", "v2"]


def test_again_makes_a_new_version_of_a_finished_recipe(tmp_path: Path) -> None:
    toy.run(tmp_path / "x")
    draft = open_draft(tmp_path / "x", again=True, **toy.declared())
    assert isinstance(draft, Draft)


def test_two_recipes_on_one_output_make_two_versions(tmp_path: Path) -> None:
    one = Draft.create(tmp_path / "x", **toy.declared())
    two = Draft.create(tmp_path / "x", **toy.declared(other=1))
    assert one.folder != two.folder
    for draft in (one, two):
        for chunk in draft.chunks([0]):
            chunk.write(toy.row(0, 0), 0)
    assert [two.publish().path.name, one.publish().path.name] == ["v1", "v2"]


def test_a_draft_that_another_process_published_says_so(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    toy.run(tmp_path / "x")
    with pytest.raises(DraftGone):
        list(draft.chunks([0]))
    with pytest.raises(DraftGone):
        draft.publish()
    assert find(tmp_path / "x", draft.recipe) is not None


def test_numbers_of_removed_versions_are_not_used_again(tmp_path: Path) -> None:
    toy.run(tmp_path / "x")
    assert toy.run(tmp_path / "x", other=1).path.name == "v2"
    shutil.rmtree(tmp_path / "x/v2")
    (tmp_path / "x/.highest").write_text("2")
    assert next_version(tmp_path / "x") == 3


def test_a_finished_draft_whose_process_died_before_the_rename_is_published_by_the_next_look(tmp_path: Path) -> None:
    whole = toy.run(tmp_path / "x")
    os.rename(whole.path, tmp_path / "x" / f".draft-{whole.recipe[:12]}")
    (tmp_path / "x" / f".draft-{whole.recipe[:12]}" / "work").mkdir()
    found = find(tmp_path / "x", whole.recipe)
    assert found is not None
    assert found.path == tmp_path / "x/v1"
    assert not (found.path / "work").exists()


def test_a_gate_marks_the_version_and_readers_want_to_be_told(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    for chunk in draft.chunks([0]):
        chunk.write(toy.row(0, 0), 0)
    draft.gate("max-unknown", "3 of 10 unknown")
    draft.publish()
    with pytest.raises(WrongArtifact, match="max-unknown .*--accept-gated"):
        Artifact.open(tmp_path / "x", accept_gated=False)
    assert Artifact.open(tmp_path / "x", accept_gated=True).manifest.gates == {"max-unknown": "3 of 10 unknown"}


def test_a_version_or_a_file_is_no_place_for_versions(tmp_path: Path) -> None:
    made = toy.run(tmp_path / "x")
    (tmp_path / "file").write_text("")
    for wrong in (made.path, tmp_path / "file", tmp_path / "new/v3"):
        with pytest.raises(WrongArtifact):
            Draft.create(wrong, **toy.declared())


def test_a_manifest_says_where_it_came_from_and_keeps_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["whet", "toy", "--api-key", "hunter2", "--token=hunter3", "http://me:hunter4@h/x?k=hunter5"]
    )
    monkeypatch.setenv("HF_TOKEN", "hunter6")
    artifact = toy.run(tmp_path / "x")
    text = (artifact.path / "manifest.json").read_text()
    manifest = json.loads(text)
    assert "hunter" not in text
    assert manifest["attempts"][0]["arguments"] == [
        "whet",
        "toy",
        "--api-key",
        "***",
        "--token=***",
        "http://***@h/x?***",
    ]
    assert manifest["environment"]["packages"]["pyarrow"]
    assert manifest["recipe"] == artifact.recipe
    assert manifest["stage"] == "toy"


def test_an_input_whose_name_is_not_utf8_can_be_written_down_and_read_back(tmp_path: Path) -> None:
    named = tmp_path / os.fsdecode(b"c\xff.csv")
    files.write_json(tmp_path / "x.json", {"path": str(named)})
    assert files.read_json(tmp_path / "x.json") == {"path": str(named)}
