"""`whet eval --scaling`: laws from trained models and from a CSV."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from whet.cli.main import main


def report(folder: Path) -> dict[str, Any]:
    assert (folder / "v1" / "scaling.png").read_bytes().startswith(b"\x89PNG")
    return json.loads((folder / "v1" / "metrics.json").read_text())


def test_polars_law_is_found_in_a_table_and_predicts_its_largest_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L = 0.9 N^-0.0425, to three decimals as the paper prints them: 1e9 -> .373."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{size:.0f},{0.9 * size**-0.0425:.4f}" for size in (5e7, 1e8, 2e8, 4e8, 8e8, 1e9)]
    Path("law.csv").write_text("N,L\n" + "\n".join(rows) + "\n")
    assert main(["eval", "--scaling", "--points", "law.csv", "--out", "law", "-q"]) == 0
    found = report(tmp_path / "law")
    law = found["laws"]["L = a N^-b"]
    assert law["all_runs"]["b"] == pytest.approx(0.0425, abs=2e-4)
    assert law["all_runs"]["a"] == pytest.approx(0.9, abs=5e-3)
    assert law["without_largest"]["runs"] == 5
    assert law["predicted"]["low"] < found["largest"]["loss"] < law["predicted"]["high"]
    assert law["predicted"]["value"] == pytest.approx(0.373, abs=5e-4)
    assert found["laws"]["L = floor + a N^-b"]["predicted"]["value"] == pytest.approx(0.373, abs=2e-3)


def test_trained_models_tell_their_size_and_their_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from whet.stages.models import parameter_count

    monkeypatch.chdir(tmp_path)

    def whet(*words: str) -> None:
        assert main([*words, "-q"]) == 0

    whet("problems", "addition", "--length", "1..2", "--templates", "1", "--count", "8", "--out", "p")
    for size in ("pico", "nano"):
        whet("init", "--context", "64", "--size", size, "--out", f"start-{size}")
    whet("sample", "p", "program:tail-compact", "--tokenizer", "start-pico", "--out", "shown")
    for size in ("pico", "nano"):
        words = ["train-policy", f"start-{size}", "--rollouts", "shown", "--objective", "supervised", "--steps", "2"]
        whet(*words, "--rows-per-step", "4", "--out", f"run-{size}")
    whet("eval", "--scaling", "run-nano", "run-pico", "--out", "law")
    found = report(tmp_path / "law")
    assert [point["size"] for point in found["points"]] == [
        parameter_count(Path(f"run-{size}/v1")) for size in ("pico", "nano")
    ]
    last = json.loads(Path("run-nano/v1/metrics.jsonl").read_text().splitlines()[-1])
    assert found["points"][1]["loss"] == pytest.approx(last["loss"])
    assert list(found["laws"]) == ["L = a N^-b"]
    assert found["laws"]["L = a N^-b"]["all_runs"]["standard_errors"]["b"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("N,L\n5,1\n5,2\n", "2 runs of 1 size, expected at least 2"),
        ("N,L\n5,x\n", "line 2.*expected positive numbers"),
        ("N,L\n5,inf\n6,2\n", "line 2.*expected positive numbers"),
        ("\ufeffN,L\n5,1\n6,0\n", "line 3.*expected positive numbers"),
    ],
)
def test_a_table_that_has_no_law_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("law.csv").write_text(text)
    assert main(["eval", "--scaling", "--points", "law.csv", "--out", "law", "-q"]) in (2, 3)
    assert re.search(message, capfd.readouterr().err)


def test_a_loss_below_0_is_refused_with_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--context", "64", "--size", "pico", "--out", "run", "-q"]) == 0
    Path("run/v1/metrics.jsonl").write_text('{"step": 1, "loss": -0.5}\n')
    Path("law.csv").write_text("size,loss\n5,2\n6,1.9\n")
    assert main(["eval", "--scaling", "run", "--points", "law.csv", "--out", "law", "-q"]) == 3
    assert "run/v1 ends with a loss of -0.5, expected a positive one" in capfd.readouterr().err
