"""What whet eval refuses: every line says what was found, what was expected and what to do."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Rollout, SourceFile, Verdict, WrongArtifact, WrongOption
from whet.stages.eval import EvalOptions, resolve

MakeRun = Callable[..., tuple[Artifact[Rollout], Artifact[Verdict]]]
ReportOn = Callable[..., dict[str, Any]]

RIGHT, WRONG = ("correct", "4"), ("incorrect", "5")
TWO = [("a", [RIGHT, WRONG]), ("b", [RIGHT, RIGHT])]


def test_more_draws_than_rollouts_are_refused(make_run: MakeRun, report_on: ReportOn) -> None:
    _, verdicts = make_run("run", TWO)
    with pytest.raises(
        WrongOption, match=r"--k 4: .*run/verdicts/v1 has 2 rollouts of each problem, expected k from 1"
    ):
        report_on("report", [verdicts], k=[1, 4])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"k": [0]}, "--k 0: expected at least 1"),
        ({"tau": [Fraction(3, 2)]}, "--tau 3/2: expected a share"),
        ({"confidence": 95.0}, "--confidence 95.0: expected a level"),
        ({"resamples": 10}, "--resamples 10: expected at least 100"),
        ({"step": "3"}, "--step 3: .* has the steps 0 to 0"),
        ({"step": "first"}, "--step first: "),
    ],
)
def test_impossible_options_are_refused(
    make_run: MakeRun, report_on: ReportOn, options: dict[str, Any], line: str
) -> None:
    _, verdicts = make_run("run", TWO)
    with pytest.raises(WrongOption, match=line):
        report_on("report", [verdicts], **options)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"k": [2]}, "--k is about rollouts, it is not read for --scaling"),
        ({"step": "last"}, "--step is about rollouts"),
        ({"resamples": 500}, "--resamples is not read with --scaling"),
    ],
)
def test_options_that_a_law_does_not_read_are_refused(tmp_path: Path, options: dict[str, Any], line: str) -> None:
    (tmp_path / "law.csv").write_text("size,loss\n1e6,3\n1e7,2\n")
    with pytest.raises(WrongOption, match=line):
        resolve(EvalOptions(scaling=True, **options), points=SourceFile(str(tmp_path / "law.csv")))


def test_problems_with_different_numbers_of_rollouts_are_refused_by_name(
    make_run: MakeRun, report_on: ReportOn
) -> None:
    _, verdicts = make_run("run", [*TWO, ("c", [RIGHT, RIGHT, WRONG])])
    odd = next(row["problem_id"] for row in verdicts.rows() if row["rollout_id"] == "2-0")
    with pytest.raises(
        WrongArtifact, match=rf"has 2 rollouts of most problems, but 3 of 1 \({odd}\), expected the same"
    ):
        report_on("report", [verdicts])


def test_repeated_problems_without_their_rollouts_are_told_how_to_be_told_apart(
    make_run: MakeRun, report_on: ReportOn
) -> None:
    _, verdicts = make_run("run", [*TWO, ("c", [RIGHT, RIGHT]), TWO[0]])
    with pytest.raises(WrongArtifact, match="give the rollouts too"):
        report_on("report", [verdicts])


def test_an_adaptive_stop_rule_is_refused(make_run: MakeRun, report_on: ReportOn) -> None:
    for artifact in make_run("run", TWO, facts={"stop_rule": "until-correct"}):
        with pytest.raises(WrongArtifact, match="drawn with the stop rule 'until-correct', expected a fixed number"):
            report_on(f"{artifact.kind}-report", [artifact])


def test_rollouts_chosen_from_more_draws_are_refused(make_run: MakeRun, report_on: ReportOn) -> None:
    rollouts, verdicts = make_run("run", TWO, row=lambda problem, draw: {"draws_total": 8})
    with pytest.raises(WrongArtifact, match="holds 2 rollouts chosen from 8 draws"):
        report_on("report", [rollouts, verdicts])


def test_verdicts_of_other_rollouts_are_refused(make_run: MakeRun, report_on: ReportOn) -> None:
    rollouts, _ = make_run("one", TWO)
    _, verdicts = make_run("other", TWO)
    with pytest.raises(
        WrongArtifact, match=r"other/verdicts/v1 holds verdicts of other rollouts than .*one/rollouts/v1"
    ):
        report_on("report", [rollouts, verdicts])


def test_rollouts_without_a_verdict_are_refused(make_run: MakeRun, report_on: ReportOn) -> None:
    rollouts, _ = make_run("run", TWO, facts={"source": "shared", "belongs_to": {"source": "shared"}})
    _, verdicts = make_run("less", TWO[:1], facts={"source": "shared", "belongs_to": {"source": "shared"}})
    with pytest.raises(WrongArtifact, match="has no verdict for 2 of the 4 rollouts"):
        report_on("report", [rollouts, verdicts])


def test_two_artifacts_of_one_kind_are_refused(make_run: MakeRun, report_on: ReportOn) -> None:
    _, one = make_run("one", TWO)
    _, other = make_run("other", TWO)
    with pytest.raises(WrongOption, match="both hold verdicts, expected at most one"):
        report_on("report", [one, other])


def test_several_steps_need_a_choice(make_run: MakeRun, report_on: ReportOn) -> None:
    rollouts, _ = make_run("run", TWO, row=lambda problem, draw: {"step": problem})
    with pytest.raises(WrongOption, match="holds 2 steps, 0 to 1, expected one: add --step N or --step last"):
        report_on("report", [rollouts])


def test_runs_on_different_problems_are_not_compared(make_run: MakeRun, report_on: ReportOn) -> None:
    _, after = make_run("after", [*TWO, ("c", [RIGHT, RIGHT])])
    _, before = make_run("before", [*TWO, ("d", [RIGHT, RIGHT]), ("e", [RIGHT, RIGHT])])
    with pytest.raises(
        WrongArtifact, match=r"before/.* lacks 1 of the other's .*after/.* lacks 2 of the other's problems"
    ):
        report_on("report", [after], [before])


def test_runs_without_a_common_metric_are_not_compared(make_run: MakeRun, report_on: ReportOn) -> None:
    rollouts, verdicts = make_run("run", TWO)
    with pytest.raises(WrongArtifact, match="no metric in common"):
        report_on("report", [verdicts], [rollouts])


def test_a_run_of_broken_problems_alone_is_refused(make_run: MakeRun, report_on: ReportOn) -> None:
    _, verdicts = make_run("run", [("a", [("invalid: problem", None), RIGHT])])
    with pytest.raises(WrongArtifact, match="run/verdicts/v1 holds only problems that are broken"):
        report_on("report", [verdicts])
