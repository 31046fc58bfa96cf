"""whet eval on 800 real rollouts: the values known from their labels."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Rollout, Verdict

MakeRun = Callable[..., tuple[Artifact[Rollout], Artifact[Verdict]]]
ReportOn = Callable[..., dict[str, Any]]

KNOWN = {
    "pass@1": 0.91, "pass@2": 0.932857, "pass@4": 0.951, "pass@8": 0.960,
    "g-pass@4_0.25": 0.951, "g-pass@4_0.5": 0.924857, "g-pass@4_0.75": 0.894429, "g-pass@4_1": 0.869714,
    "mg-pass@4": 0.882071, "mg-pass@8": 0.8775, "maj@8": 0.925, "maj@8_first": 0.93,
}  # fmt: skip
"""Of 100 MATH problems with 8 rollouts each of a 7B model, from their labels."""

MIXED = [  # the ten problems of that file that are neither all right nor all wrong, answers as letters, R being right
    "ARRBRCDA", "RRAARRAA", "AARBRCDE", "ARRRBRRR", "ABBCRDEF", "RARAARRA", "ARRAARAA", "RRRARRRR",
    "ARBRRRRR", "RARRBCAR",
]  # fmt: skip


def test_a_run_in_the_form_of_the_real_one_has_its_known_values(make_run: MakeRun, report_on: ReportOn) -> None:
    # besides the mixed ones 86 problems are all right and 4 are all wrong
    rows = [*MIXED, *["RRRRRRRR"] * 86, *["AAAAAAAA"] * 2, *["AAABBBAB"] * 2]
    groups = [
        (f"problem {place}", [("correct" if answer == "R" else "incorrect", answer) for answer in letters])
        for place, letters in enumerate(rows)
    ]
    _, verdicts = make_run("run", groups)
    report = report_on("report", [verdicts])
    assert {name: report["metrics"][name]["value"] for name in KNOWN} == pytest.approx(KNOWN, abs=5e-7)


def test_the_real_run_has_its_known_values(make_run: MakeRun, report_on: ReportOn) -> None:
    if "WHET_DATA" not in os.environ:
        pytest.skip(
            "WHET_DATA is not set: the folder with math_rollouts_100x8.jsonl is needed to check the real values"
        )
    lines = (Path(os.environ["WHET_DATA"]) / "math_rollouts_100x8.jsonl").read_text().splitlines()
    groups = []
    for record in map(json.loads, lines):
        rows = zip(record["score"], record["pred"], strict=True)
        groups.append((record["question"], [("correct" if right else "incorrect", answer) for right, answer in rows]))
    _, verdicts = make_run("run", groups)
    report = report_on("report", [verdicts])
    assert {name: report["metrics"][name]["value"] for name in KNOWN} == pytest.approx(KNOWN, abs=5e-7)
