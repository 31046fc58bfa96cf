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
