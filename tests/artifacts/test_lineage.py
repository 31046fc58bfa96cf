import json
import shutil
import sys
from pathlib import Path

from whet.artifacts import Artifact, Draft
from whet.artifacts.lineage import ancestors, trace

sys.path.insert(0, str(Path(__file__).parent))
import toy


def chain(root: Path) -> Artifact:
    problems = toy.run(root / "problems")
    draft = Draft.create(root / "more", kind="problems", stage="toy", inputs={"problems": [problems, problems]})
    for chunk in draft.chunks([0]):
        chunk.write(toy.row(0, 0), 0)
    more = draft.publish()
    draft = Draft.create(root / "report", kind="report", stage="eval", inputs={"artifacts": [more]})
    (draft.folder / "metrics.json").write_text("{}")
    return draft.publish()


def test_a_lineage_goes_down_to_what_has_no_inputs(tmp_path: Path) -> None:
    node = trace(chain(tmp_path).path)
    assert [role for role, _ in node.inputs] == ["artifacts"]
    more = node.inputs[0][1]
    assert [child.kind for _, child in more.inputs] == ["problems", "problems"]
    assert more.inputs[0][1] is more.inputs[1][1]
    assert {found.kind for found in ancestors(node)} == {"report", "problems"}
    assert len(list(ancestors(node))) == 3


def test_a_folder_moved_as_a_whole_or_in_part_is_still_found_by_digest(tmp_path: Path) -> None:
    chain(tmp_path / "runs")
    shutil.move(tmp_path / "runs", tmp_path / "elsewhere")
    assert trace(tmp_path / "elsewhere/report").inputs[0][1].path == tmp_path / "elsewhere/more/v1"
    (tmp_path / "elsewhere/deep").mkdir()
    shutil.move(tmp_path / "elsewhere/problems", tmp_path / "elsewhere/deep/renamed")
    more = trace(tmp_path / "elsewhere/report").inputs[0][1]
    assert more.inputs[0][1].path == (tmp_path / "elsewhere/deep/renamed/v1").resolve()


def test_an_input_that_is_gone_stays_readable_as_a_digest(tmp_path: Path) -> None:
    report = chain(tmp_path)
    shutil.rmtree(tmp_path / "more")
    gone = trace(report.path).inputs[0][1]
    assert gone.path is None
    assert (gone.kind, gone.digest) == ("problems", report.manifest.inputs[0].digest)


def test_a_version_with_the_content_of_an_older_one_that_it_was_made_from_is_not_its_own_parent(tmp_path: Path) -> None:
    first = toy.run(tmp_path / "problems")
    draft = Draft.create(tmp_path / "problems", kind="problems", stage="again", inputs={"problems": [first]})
    for chunk in draft.chunks([{"chunk": index} for index in range(toy.CHUNKS)]):
        for row in range(toy.ROWS):
            chunk.write(toy.row(chunk.index, row), row)
    second = draft.publish()
    assert (second.path.name, second.digest) == ("v2", first.digest)
    assert second.manifest.inputs[0].path == "../v1"
    assert trace(second.path).inputs[0][1].path == first.path


def test_a_version_that_calls_itself_its_input_has_the_other_with_this_content_as_its_parent(tmp_path: Path) -> None:
    first = toy.run(tmp_path / "problems")
    shutil.copytree(first.path, tmp_path / "problems/v2")
    manifest = json.loads((first.path / "manifest.json").read_text())
    manifest["inputs"] = [{"role": "problems", "digest": first.digest, "kind": "problems", "path": "."}]
    (tmp_path / "problems/v2/manifest.json").write_text(json.dumps(manifest))
    assert trace(tmp_path / "problems/v2").inputs[0][1].path == first.path
