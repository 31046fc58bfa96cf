import json
import shutil
from typing import Any

import pytest

from whet.artifacts import Artifact
from whet.cli.main import main


def chain(small: Any) -> Artifact[Any]:
    """Problems -> rollouts -> verdicts, and a report of rollouts and verdicts."""
    problems = small.problems("p", ["a"])
    problem = small.problem("a")
    row = {"rollout_id": "0" * 32, "problem_id": problem["problem_id"], "draw": 0, "text": "t"}
    rollouts = small.make("r", "rollouts", [[row]], [problem], inputs={"problems": problems})
    verdict = {"rollout_id": "0" * 32, "problem_id": problem["problem_id"], "verdict": "correct"}
    verdicts = small.make("v", "verdicts", [[verdict]], inputs={"rollouts": rollouts})
    draft = small.draft("report", "report", inputs={"artifacts": [rollouts, verdicts]})
    (draft.folder / "metrics.json").write_text('{"metrics": {}}')
    return draft.publish()


def test_the_tree_goes_down_to_what_has_no_inputs_and_shows_every_branch_once(
    small: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    chain(small)
    monkeypatch.chdir(small.folder)
    assert main(["lineage", "report"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "report/v1  (report, whet small)",
        "├─ artifacts: r/v1  (rollouts, 1 row, whet small)",
        "│  └─ problems: p/v1  (problems, 1 row, whet small)",
        "└─ artifacts: v/v1  (verdicts, 1 row, whet small)",
        "   └─ rollouts: r/v1  (rollouts, 1 row, whet small)  (see above)",
    ]


def test_json_holds_the_graph_by_number(small: Any, capsys: pytest.CaptureFixture[str]):
    report = chain(small)
    assert main(["lineage", str(report.path), "--json"]) == 0
    nodes = json.loads(capsys.readouterr().out)["nodes"]
    assert nodes[0]["path"] == str(report.path)
    assert len(nodes) == 4
    verdicts, rollouts = (next(node for node in nodes if node["kind"] == kind) for kind in ("verdicts", "rollouts"))
    assert nodes[verdicts["inputs"][0]["node"]] == rollouts
    assert sorted(item["node"] for item in nodes[0]["inputs"]) == sorted([nodes.index(verdicts), nodes.index(rollouts)])


def test_mermaid_draws_an_arrow_from_every_input(small: Any, capsys: pytest.CaptureFixture[str]):
    report = chain(small)
    assert main(["lineage", str(report.path), "--mermaid"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "graph TD"
    assert sum("-->" in line for line in lines) == 4
    assert sum('["' in line for line in lines) == 4


def test_an_input_that_is_gone_is_named_as_it_was_read(
    small: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    chain(small)
    shutil.rmtree(small.folder / "p")
    monkeypatch.chdir(small.folder)
    assert main(["lineage", "r"]) == 0
    assert "problems: ../../p/v1  (problems " in (out := capsys.readouterr().out)
    assert ", not found)" in out


def test_a_stage_that_changed_nothing_is_not_its_own_input(small: Any, capsys: pytest.CaptureFixture[str]):
    problems = small.problems("p", ["a"])
    same = small.make("q", "problems", [list(problems.rows())], inputs={"artifacts": [problems]})
    assert same.digest == problems.digest
    assert main(["lineage", str(same.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f"└─ artifacts: {problems.path}")
    shutil.rmtree(problems.path)
    assert main(["lineage", str(same.path)]) == 0
    assert "not found" in capsys.readouterr().out


def test_two_forms_at_once_are_refused(small: Any, capsys: pytest.CaptureFixture[str]):
    assert main(["lineage", str(small.problems("p", ["a"]).path), "--json", "--mermaid"]) == 2
    assert "give one of them" in capsys.readouterr().err
