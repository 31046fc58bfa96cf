"""Cases that the program of meta-patterns wrote, verified by what it knows, and by rules."""

import json
from collections import Counter

import pytest

from whet.artifacts import Artifact, make_problem
from whet.cli.main import main
from whet.stages.deciding import known_fields
from whet.stages.meta_patterns import PATTERNS


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Rollouts of two cases a pattern, made by the commands."""
    folder = tmp_path_factory.mktemp("cases")
    count = str(2 * len(PATTERNS))
    for command in (
        ["problems", "meta-patterns", "--count", count, "--out", "problems"],
        ["init", "--tokenizer", "byte", "--out", "start"],
        ["sample", "problems", "program:meta-patterns", "--tokenizer", "start", "--max-tokens", "8192", "--out", "r"],
    ):
        out = [*command[:-1], str(folder / command[-1])]
        given = [str(folder / word) if (folder / word).exists() else word for word in out]
        assert main([*given, "-q"]) == 0
    return folder / "r"


def test_the_label_is_the_one_that_the_case_was_made_with(cases, tmp_path):
    assert main(["verify", str(cases), "--by", "program", "--max-broken", "1", "--out", str(tmp_path / "v"), "-q"]) == 0
    rollouts, verdicts = Artifact.open(cases), Artifact.open(tmp_path / "v")
    labels = {"A": "correct", "B": "incorrect", "C": "invalid"}
    metas = {key: json.loads(problem.get("meta") or "") for key, problem in rollouts.problems().items()}
    kinds = Counter()
    for row in verdicts.rows():
        meta = metas[row["problem_id"]]
        assert row["verdict"] == labels[meta["label"]]
        assert row["reason"].endswith(meta["pattern"])
        assert (row["method"], row["rule_verdict"], row["model_verdict"]) == ("program", None, None)
        kinds[row["verdict"]] += 1
    # Labels come equally often: 102 / 3 = 34 with a standard deviation below 5.
    assert all(kinds[verdict] > 15 for verdict in labels.values())


def test_text_that_the_program_did_not_write_is_unknown():
    meta = {
        "task": "meta-patterns",
        "pattern": "looping",
        "label": "C",
        "completion": "so so so",
        "finish_reason": "length",
    }
    problem = make_problem([{"role": "user", "content": "?"}], "1", "number", meta=json.dumps(meta))
    assert known_fields("so so so", problem)["reason"] == "looping: looping"
    assert known_fields("so so", problem)["verdict"] == "unknown"
    assert known_fields("so so", problem)["reason"] == "label: not what the program wrote for this problem"
    other = make_problem([{"role": "user", "content": "?"}], "1", "number")
    assert known_fields("1", other)["reason"] == "label: no program of meta-patterns made this problem"


def test_a_verifier_beside_the_program_is_refused(cases, tmp_path, capsys):
    words = [
        "verify",
        str(cases),
        "--by",
        "program",
        "--verifier",
        str(cases.parent / "start"),
        "--out",
        str(tmp_path / "v"),
    ]
    assert main([*words, "-q"]) == 2
    assert "read by --by model and --by cascade, but --by is program" in capsys.readouterr().err
