import json
from typing import Any

import pytest

from whet.cli.main import main


def differing(capsys: pytest.CaptureFixture[str], first: Any, second: Any) -> dict[str, Any]:
    assert main(["diff", str(first.path), str(second.path), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_changed_option_and_what_it_changed_are_shown(small: Any, capsys: pytest.CaptureFixture[str]):
    rows = [[small.problem("a"), small.problem("b")]]
    first = small.make("p", "problems", rows, temperature=1.0, sampling={"top_p": 0.9, "seed": 1})
    second = small.make("p", "problems", [rows[0][:1]], temperature=1.0, sampling={"top_p": 0.8, "seed": 1}, extra=True)
    found = differing(capsys, first, second)
    assert found["options"] == {"sampling.top_p": [0.9, 0.8], "extra": ["(absent)", True]}
    assert found["made"]["rows"] == [2, 1]
    assert (found["same_content"], found["same_recipe"]) == (False, False)
    assert main(["diff", str(first.path), str(second.path)]) == 0
    out = capsys.readouterr().out
    assert "sampling.top_p  - 0.9\n" in out
    assert "+ 0.8  (-0.1)\n" in out
    assert "temperature" not in out


def test_inputs_counts_and_facts_are_compared(small: Any, capsys: pytest.CaptureFixture[str]):
    one, two = small.problems("one", ["a"]), small.problems("two", ["b"])
    made = []
    for name, source, wrong in (("x", one, 3), ("y", two, 5)):
        draft = small.draft(name, "problems", facts={"engine": name, "n": 8}, inputs={"problems": source}, seed=0)
        for chunk in draft.chunks([0]):
            chunk.write(small.problem("z"), 0, {"wrong": wrong, "right": 1})
        made.append(draft.publish())
    found = differing(capsys, *made)
    assert found["counts"] == {"wrong": [3, 5]}
    assert found["facts"] == {"engine": ["x", "y"]}
    assert found["inputs"] == {
        "problems": [f"../../one/v1 {one.digest[:12]}", f"../../two/v1 {two.digest[:12]}"],
    }  # fmt: skip
    assert (found["same_content"], found["same_recipe"]) == (True, False)


def test_metrics_of_reports_are_compared(small: Any, capsys: pytest.CaptureFixture[str]):
    reports = []
    for name, value in (("before", 0.5), ("after", 0.75)):
        draft = small.draft(name, "report")
        metrics = {"metrics": {"pass@1": {"value": value, "low": 0.25}, "pass@8": {"value": 1.0}}}
        (draft.folder / "metrics.json").write_text(json.dumps(metrics))
        reports.append(draft.publish())
    assert differing(capsys, *reports)["metrics"] == {"pass@1.value": [0.5, 0.75]}
    assert main(["diff", *(str(report.path) for report in reports)]) == 0
    assert "+ 0.75  (+0.25)" in capsys.readouterr().out


def test_an_artifact_does_not_differ_from_itself(small: Any, capsys: pytest.CaptureFixture[str]):
    made = small.problems("p", ["a"])
    found = differing(capsys, made, made)
    assert (found["same_content"], found["same_recipe"]) == (True, True)
    assert not any(found[section] for section in ("made", "options", "inputs", "counts", "facts", "metrics", "code"))
    assert main(["diff", str(made.path), str(small.folder / "nothing")]) == 3
