"""whet eval: known values, every form of input, comparison, and what the report holds."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whet.artifacts import Artifact, Rollout, Verdict

Group = tuple[str, list[tuple[str, str | None]]]
"""A question, and the verdict and extracted answer of each of its rollouts."""
MakeRun = Callable[..., tuple[Artifact[Rollout], Artifact[Verdict]]]
ReportOn = Callable[..., dict[str, Any]]


def groups_of(correct: Sequence[int], n: int, wrong: Sequence[str] = ("5",)) -> list[Group]:
    """Problems with the given numbers of correct rollouts of n; wrong ones give the wrong answers in turn."""
    groups: list[Group] = []
    for place, c in enumerate(correct):
        rows: list[tuple[str, str | None]] = [("correct", "4")] * c
        rows += [("incorrect", wrong[i % len(wrong)]) for i in range(n - c)]
        groups.append((f"problem {place}", rows))
    return groups


def values(report: dict, part: str = "metrics") -> dict[str, float]:
    return {name: metric["value"] for name, metric in report[part].items()}


def test_a_small_run_has_the_values_computed_by_hand(make_run: MakeRun, report_on: ReportOn) -> None:
    # n = 4; problem 0: 2 right, two different wrong answers; problem 1: all right; problem 2: none
    _, verdicts = make_run("run", groups_of([2, 4, 0], 4, wrong=("5", "6")))
    found = report_on("report", [verdicts])
    assert values(found) == pytest.approx(
        {
            "pass@1": (1 / 2 + 1 + 0) / 3,
            "pass@2": (5 / 6 + 1) / 3,  # 1 of 6 pairs of problem 0 has no right one
            "g-pass@2_0.25": (5 / 6 + 1) / 3,
            "g-pass@2_0.5": (5 / 6 + 1) / 3,
            "g-pass@2_0.75": (1 / 6 + 1) / 3,
            "g-pass@2_1": (1 / 6 + 1) / 3,
            "mg-pass@2": (1 / 6 + 1) / 3,  # (2/2) P(X >= 2)
            # pairs of problem 0: right-right 1, four ties with a wrong one 1/2 each, wrong-wrong 0; of problem 2: 0
            "maj@2": ((1 + 4 / 2) / 6 + 1) / 3,
            "maj@2_first": (1 + 1) / 3,
            "pass@4": 2 / 3,
            "g-pass@4_0.25": 2 / 3,
            "g-pass@4_0.5": 2 / 3,
            "g-pass@4_0.75": 1 / 3,
            "g-pass@4_1": 1 / 3,
            "mg-pass@4": 1 / 3,
            "maj@4": 2 / 3,  # the two wrong answers of problem 0 have one vote each
            "maj@4_first": 2 / 3,
        }
    )
    assert found["counts"] == {
        "problems": 3, "rollouts": 12, "rollouts_per_problem": 4,
        "correct": 6, "incorrect": 6, "invalid": 0, "unknown": 0, "without_answer": 0,
    }  # fmt: skip
    assert all(metric["low"] <= metric["value"] <= metric["high"] for metric in found["metrics"].values())


def test_verdicts_alone_rollouts_alone_and_both_give_what_they_permit(make_run: MakeRun, report_on: ReportOn) -> None:
    def tokens(_: int, draw: int) -> dict:
        return {"token_ids": np.arange(3 + draw), "finish_reason": "length" if draw == 3 else "stop"}

    rollouts, verdicts = make_run("run", groups_of([2, 4, 0], 4), row=tokens)
    alone = report_on("verdicts-report", [verdicts], k=[4])
    lengths = report_on("rollouts-report", [rollouts])
    both = report_on("report", [verdicts, rollouts], k=[4])
    # lengths 3, 4, 5, 6 in every problem, the last one cut off
    assert values(lengths) == {"mean-length_tokens": 4.5, "truncated": 0.25}
    assert values(both) == {**values(alone), **values(lengths)}
    assert both["counts"]["truncated"] == 3


def test_rollouts_without_tokens_are_measured_in_characters(make_run: MakeRun, report_on: ReportOn) -> None:
    rollouts, _ = make_run("run", groups_of([1, 1], 3))
    assert values(report_on("report", [rollouts])) == {"mean-length_characters": 2.0}


def test_draws_asked_for_are_evaluated_and_odd_ones_have_both_forms_of_mg_pass(
    make_run: MakeRun, report_on: ReportOn
) -> None:
    _, verdicts = make_run("run", groups_of([7], 10))
    found = report_on("report", [verdicts], k=[5, 1], tau=[Fraction(1, 2), Fraction(1, 3)])
    assert values(found).keys() == {
        "pass@1", "pass@5", "g-pass@5_0.5", "g-pass@5_1/3", "mg-pass@5", "mg-pass@5_exact", "maj@5", "maj@5_first",
    }  # fmt: skip
    assert found["metrics"]["g-pass@5_0.5"]["value"] == pytest.approx(11 / 12)
    assert found["metrics"]["mg-pass@5"]["value"] == pytest.approx(7 / 30)
    assert found["metrics"]["mg-pass@5_exact"]["value"] == pytest.approx(5 / 12)


def test_unknown_verdicts_count_as_not_correct_and_both_bounds_are_given(
    tmp_path: Path, make_run: MakeRun, report_on: ReportOn
) -> None:
    group: list[tuple[str, str | None]] = [("correct", "4"), ("unknown", "7"), ("unknown", None), ("invalid", None)]
    _, verdicts = make_run("run", [("problem", group)])
    found = report_on("report", [verdicts], k=[1, 4])
    assert found["metrics"]["pass@1"]["value"] == 0.25
    assert found["metrics"]["pass@1"]["unknown_bounds"] == {"incorrect": 0.25, "correct": 0.75}
    # one vote each for 4 (right) and 7 (unknown): a tie worth 1/2, or 1 if 7 is right
    assert found["metrics"]["maj@4"]["unknown_bounds"] == {"incorrect": 0.5, "correct": 1.0}
    assert found["counts"]["unknown"] == 2
    assert found["counts"]["without_answer"] == 2
    assert "if all of them were correct" in (tmp_path / "report" / "v1" / "README.md").read_text()


def test_two_runs_are_compared_problem_by_problem_in_whatever_order(
    tmp_path: Path, make_run: MakeRun, report_on: ReportOn
) -> None:
    _, after = make_run("after", groups_of([4, 3, 2, 4], 4))
    _, before = make_run("before", list(reversed(groups_of([2, 2, 1, 4], 4))))
    found = report_on("report", [after], [before], k=[1])
    pair = found["comparison"]["pass@1"]
    assert (pair["value"], pair["against"], pair["difference"]) == (13 / 16, 9 / 16, 0.25)
    assert pair["low"] < 0.25 < pair["high"]
    assert values(found["against"])["pass@1"] == 9 / 16
    page = (tmp_path / "report" / "v1" / "README.md").read_text()
    assert "| pass@1 | 0.8125 | 0.5625 | 0.2500 |" in page
    assert str(tmp_path / "before" / "verdicts" / "v1") in page


def test_majorities_of_choices_are_those_of_their_letters(make_run: MakeRun, report_on: ReportOn) -> None:
    group: Group = ("problem", [("correct", "B"), ("correct", "(B)"), ("incorrect", "C"), ("incorrect", "D")])
    rollouts, verdicts = make_run("run", [group], answer_type="choice")
    for name, artifacts in (("one", [verdicts]), ("both", [rollouts, verdicts])):
        assert report_on(name, artifacts, k=[4])["metrics"]["maj@4"]["value"] == 1
    _, plain = make_run("plain", [group])
    # four answers with a vote each, two of them right
    assert report_on("plain-report", [plain], k=[4])["metrics"]["maj@4"]["value"] == 1 / 2


BROKEN = ("invalid: problem: it has no reference answer", None)


def test_a_broken_problem_is_left_out_and_counted(tmp_path: Path, make_run: MakeRun, report_on: ReportOn) -> None:
    groups = [*groups_of([2, 1], 2), ("broken", [("correct", "4"), BROKEN])]
    rollouts, verdicts = make_run("run", groups)
    for name, artifacts in (("one", [verdicts]), ("both", [rollouts, verdicts])):
        found = report_on(name, artifacts, k=[1])
        assert found["metrics"]["pass@1"]["value"] == (1 + 1 / 2) / 2
        assert (found["counts"]["problems"], found["counts"]["broken_problems"]) == (2, 1)
    assert "| broken_problems | 1 |" in (tmp_path / "one" / "v1" / "README.md").read_text()
    # what is invalid for the policy's own fault stays: wrong
    cut = [*groups_of([2, 1], 2), ("cut", [("correct", "4"), ("invalid: truncated", None)])]
    _, verdicts = make_run("cut", cut)
    assert report_on("cut-report", [verdicts], k=[1])["metrics"]["pass@1"]["value"] == pytest.approx(2 / 3)


def test_runs_are_compared_on_the_problems_that_neither_calls_broken(make_run: MakeRun, report_on: ReportOn) -> None:
    a, b, c = groups_of([2, 1, 2], 2)
    _, after = make_run("after", [a, b, (c[0], [BROKEN, BROKEN])])
    _, before = make_run("before", [(a[0], [BROKEN, ("incorrect", "5")]), b, c])
    found = report_on("report", [after], [before], k=[1])
    assert found["comparison"]["pass@1"]["value"] == found["comparison"]["pass@1"]["against"] == 1 / 2
    assert found["counts"]["problems"] == found["against"]["counts"]["problems"] == 1
    assert found["counts"]["broken_problems"] == found["against"]["counts"]["broken_problems"] == 2


def test_runs_of_different_size_are_compared_at_the_draws_both_permit(make_run: MakeRun, report_on: ReportOn) -> None:
    _, after = make_run("after", groups_of([4, 3], 8))
    _, before = make_run("before", groups_of([2, 2], 4))
    found = report_on("report", [after], [before])
    assert found["settings"]["k"] == [1, 2, 4]


def test_one_step_of_an_on_policy_run_is_evaluated_alone(make_run: MakeRun, report_on: ReportOn) -> None:
    steps = [(f"{step}", [("correct" if step else "incorrect", "4")] * 2) for step in (0, 1)]
    rollouts, verdicts = make_run("run", steps, row=lambda problem, _: {"step": problem})
    assert values(report_on("last", [rollouts, verdicts], step="last"))["pass@1"] == 1.0
    assert values(report_on("first", [rollouts, verdicts], step="0"))["pass@1"] == 0.0


def test_a_repeated_problem_keeps_its_groups_apart_when_rollouts_are_given(
    make_run: MakeRun, report_on: ReportOn
) -> None:
    groups = [*groups_of([2, 1], 2), ("problem 0", [("incorrect", "5")] * 2)]
    rollouts, verdicts = make_run("run", groups, row=lambda problem, _: {"occurrence": int(problem == 2)})
    found = report_on("report", [rollouts, verdicts], k=[1])
    assert found["counts"]["problems"] == 3
    assert values(found)["pass@1"] == pytest.approx((1 + 1 / 2 + 0) / 3)


def test_the_same_rows_give_the_same_report(make_run: MakeRun, report_on: ReportOn) -> None:
    _, verdicts = make_run("run", groups_of([2, 4, 0, 1], 4))
    assert report_on("one", [verdicts]) == report_on("two", [verdicts])
