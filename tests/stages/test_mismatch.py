"""Recorded log-probabilities against a plain forward pass, and what a finished command says of its rollouts."""

import math
from pathlib import Path

import numpy as np
import pytest

from whet.artifacts import Artifact
from whet.cli.main import main
from whet.stages.mismatch import mismatch
from whet.stages.rollouts import repeats_of


def test_mismatch_by_hand() -> None:
    """Differences 0, ln 1.2 and ln .5: ratios 1, 1.2, .5, two of three outside [.9, 1.1].

    Effective share (1 + 1.2 + .5)^2 / (3 (1 + 1.44 + .25)) = 7.29 / 8.07.
    """
    recorded = np.array([-1.0, -2.0, -0.5])
    found = mismatch(recorded, recorded + np.log([1, 1.2, 0.5]))
    assert found["tokens"] == 3
    assert found["ratios_outside"] == pytest.approx(2 / 3)
    assert found["mean_abs"] == pytest.approx((math.log(1.2) + math.log(2)) / 3)
    assert found["max_abs"] == pytest.approx(math.log(2))
    assert found["effective_share"] == pytest.approx(7.29 / 8.07)


def test_repeats_inside_a_group_are_counted_once_each() -> None:
    """Two of three rollouts of a problem alike, one of another problem like them: one repeat."""
    import pyarrow as pa

    rows = {
        "problem_id": ["a", "a", "a", "b"], "occurrence": [0, 0, 0, 0], "text": ["x", "x", "y", "x"],
        "token_ids": [[1, 2], [1, 2], [1, 3], [1, 2]], "error": pa.array([None] * 4, pa.string()),
    }  # fmt: skip
    table = pa.table(rows)
    assert repeats_of(table) == {"duplicates": 1}
    without = pa.table({**rows, "token_ids": pa.array([None] * 4, pa.list_(pa.int32()))})
    assert repeats_of(without) == {"duplicates": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sampled")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        assert main(["problems", "addition", "--count", "10", "--out", "problems", "-q"]) == 0
        assert main(["init", "--context", "96", "--out", "policy", "-q"]) == 0
    return made


def test_the_check_finds_our_own_log_probabilities_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    words = ["--rollouts-per-problem", "4", "--max-tokens", "20", "--temperature", "0.7", "--precision", "float32"]
    assert main(["sample", "problems", "policy", *words, "--prefill", "1", "--check", "6", "--out", "checked"]) == 0
    found = Artifact.open(Path("checked")).manifest.facts["mismatch"]
    assert found["tokens"] > 6
    assert found["max_abs"] < 1e-3
    assert found["ratios_outside"] == 0


def test_too_many_truncated_rollouts_close_the_gate(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fresh policy seldom ends within 3 tokens; the rows are published, marked, and the same as without the gate."""
    monkeypatch.chdir(folder)
    words = ["sample", "problems", "policy", "--max-tokens", "3", "--precision", "float32"]
    assert main([*words, "--out", "open"]) == 0
    assert main([*words, "--max-truncated", "0.5", "--out", "gated"]) == 4
    said = capsys.readouterr().err
    assert "gate max-truncated" in said
    assert "give more --max-tokens (now 3)" in said
    assert Artifact.open(Path("gated"), accept_gated=True).digest == Artifact.open(Path("open")).digest


def test_the_end_says_how_fast_and_what_share(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    words = ["--rollouts-per-problem", "2", "--temperature", "0", "--max-tokens", "4"]
    assert main(["sample", "problems", "policy", *words, "--out", "greedy"]) == 0
    said = capsys.readouterr().err
    assert "tokens per second" in said
    assert "50.0% duplicates" in said  # greedy: the second rollout of every problem repeats the first
    assert Artifact.open(Path("greedy")).manifest.counts["duplicates"] == 10
