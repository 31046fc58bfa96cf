"""Agreement of verdicts with labels: every number computed by hand."""

from math import isnan

import numpy as np
import pytest
from scipy.stats import binomtest

from whet.stages.metrics.agreement import (
    LABELS,
    VERDICTS,
    cells_of,
    compare_agreement,
    macro_f1,
    measure_agreement,
    measure_signal,
)
from whet.stages.metrics.sums import Sums

#                 correct, incorrect, invalid, unknown
CELLS = np.array([[6, 1, 0, 1], [2, 5, 1, 0], [1, 1, 2, 0]])  # labels: correct, incorrect, invalid
"""20 rows."""


def rows_apart(cells: np.ndarray) -> Sums:
    """Every row a problem of its own."""
    single = [np.zeros((3, 4)) for _ in range(int(cells.sum()))]
    places = [place for place in np.ndindex(3, 4) for _ in range(int(cells[place]))]
    for one, place in zip(single, places, strict=True):
        one[place] = 1
    return Sums(np.array(single), resamples=500)


def values(sums: Sums, three: bool = True) -> dict[str, float]:
    return {one.name: one.interval.value for one in measure_agreement(sums, three)}


def test_rows_are_counted_by_problem_label_and_verdict() -> None:
    cells = cells_of(
        [0, 1, 1, 1], ["correct", "invalid", "invalid", "incorrect"], ["correct", "unknown", "invalid", "correct"], 2
    )
    assert cells[0].sum() == 1
    assert cells[0, LABELS.index("correct"), VERDICTS.index("correct")] == 1
    assert cells[1].tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]]


def test_every_metric_is_the_one_computed_by_hand() -> None:
    f1 = {
        "correct": 2 * 6 / (8 + 9),  # 8 labelled, 9 called
        "incorrect": 2 * 5 / (8 + 7),
        "invalid": 2 * 2 / (4 + 3),
    }
    assert values(rows_apart(CELLS)) == pytest.approx(
        {
            "accuracy": (6 + 5 + 1 + 1 + 2) / 20,  # the unknown one is wrong
            "precision": 6 / 9,
            "recall": 6 / 8,  # the unknown one is missed
            "f1": 2 * 6 / (2 * 6 + 3 + 2),
            "false-positive-rate": 3 / 12,
            "false-negative-rate": 2 / 8,
            "unknown": 1 / 20,
            "accuracy-3": (6 + 5 + 2) / 20,
            "macro-f1": (f1["correct"] + f1["incorrect"] + f1["invalid"]) / 3,  # .647993
        }
    )
    assert values(rows_apart(CELLS))["macro-f1"] == pytest.approx(0.647993, abs=1e-6)


def test_an_unknown_verdict_on_a_wrong_rollout_is_wrong_but_no_false_positive() -> None:
    cells = np.array([[1, 0, 0, 0], [0, 1, 0, 2], [0, 0, 0, 0]])
    found = values(rows_apart(cells), three=False)
    assert found["accuracy"] == 2 / 4
    assert found["false-positive-rate"] == 0
    assert found["f1"] == 1


def test_labels_without_three_classes_have_only_the_numbers_of_two() -> None:
    found = values(rows_apart(CELLS), three=False)
    assert "macro-f1" not in found
    assert "accuracy-3" not in found


def test_macro_f1_counts_the_classes_that_labels_hold() -> None:
    # F1 of correct 2/2; of incorrect 2 * 1 / (2 + 1); no label is invalid, one verdict is
    cells = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
    assert macro_f1(rows_apart(cells)).value == pytest.approx((1 + 2 / 3) / 2)


def test_a_rare_class_counts_as_much_as_a_frequent_one() -> None:
    cells = np.array([[900, 0, 0, 0], [0, 90, 0, 0], [5, 5, 0, 0]])
    found = values(rows_apart(cells))
    assert found["accuracy-3"] == 0.99
    # 1800/1805 and 180/185, and 0 for invalid
    assert found["macro-f1"] == pytest.approx((1800 / 1805 + 180 / 185 + 0) / 3)


def test_perfect_agreement_still_has_room_for_errors() -> None:
    sums = rows_apart(np.array([[10, 0, 0, 0], [0, 10, 0, 0], [0, 0, 10, 0]]))
    for one in [*measure_agreement(sums, three=True), *measure_signal(sums)]:
        if one.name in ("false-positive-rate", "false-negative-rate", "unknown"):
            assert one.interval.value == 0 < one.interval.high < 0.3
        elif one.name not in ("pass-rate", "mean-reward"):
            assert one.interval.value == 1 > one.interval.low > 0.3, one.name
    by_name = {one.name: one.interval for one in measure_agreement(sums, three=True)}
    low = binomtest(30, 30).proportion_ci(0.95, "wilson").low
    assert by_name["accuracy"].low == pytest.approx(low)
    # F1 rises with TP / (TP + FP + FN), 10 of 10 here: F1 = 2 s / (1 + s)
    share = binomtest(10, 10).proportion_ci(0.95, "wilson").low
    assert by_name["f1"].low == pytest.approx(2 * share / (1 + share))
    assert by_name["macro-f1"].low == pytest.approx(2 * share / (1 + share))


def test_the_signal_leaves_unknown_verdicts_out_as_training_does() -> None:
    found = {one.name: one.interval.value for one in measure_signal(rows_apart(CELLS))}
    # 19 rows with a known verdict, 7 of them labelled correct; 9 called correct
    assert found == pytest.approx(
        {
            "pass-rate": 7 / 19,
            "true-positive-rate": 6 / 7,
            "false-positive-rate": 3 / 12,
            "j": 6 / 7 - 3 / 12,  # .607143
            "mean-reward": 9 / 19,
            "shrink": (6 / 7 - 3 / 12) * (7 / 19 * 12 / 19) ** 0.5 / (9 / 19 * 10 / 19) ** 0.5,
        }
    )
    assert found["shrink"] == pytest.approx(0.586556, abs=1e-6)


def test_labels_of_one_kind_say_nothing_about_the_signal() -> None:
    assert measure_signal(rows_apart(np.array([[3, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))) == []


def test_metrics_without_rows_are_not_known() -> None:
    found = {
        one.name: one.interval
        for one in measure_agreement(rows_apart(np.array([[0] * 4, [0, 3, 0, 0], [0] * 4])), False)
    }
    assert isnan(found["precision"].value)
    assert isnan(found["f1"].low)
    assert found["accuracy"].value == 1


def pair_of(this: list[str], other: list[str], labels: list[str], problems: list[int]) -> Sums:
    count = max(problems) + 1
    cells = [cells_of(problems, labels, verdicts, count) for verdicts in (this, other)]
    return Sums(np.stack(cells, axis=1), resamples=1000)


def test_two_verifiers_are_compared_row_by_row() -> None:
    labels = ["correct"] * 40 + ["incorrect"] * 40
    other = ["correct"] * 30 + ["incorrect"] * 50  # misses 10
    this = ["correct"] * 38 + ["incorrect"] * 42  # misses 2 of the same
    found = {one.name: one for one in compare_agreement(pair_of(this, other, labels, list(range(80))), three=False)}
    accuracy = found["accuracy"]
    assert (accuracy.value, accuracy.against, accuracy.difference.value) == (78 / 80, 70 / 80, pytest.approx(0.1))
    assert 0 < accuracy.difference.low < 0.1 < accuracy.difference.high
    # 2 * 38 / (38 + 40) and 2 * 30 / (30 + 40)
    assert found["f1"].difference.value == pytest.approx(76 / 78 - 60 / 70)
    assert found["f1"].difference.low > 0
    # no row tells them apart: with 80 problems at most z^2 / (80 + z^2) of others would
    assert found["precision"].difference.value == 0
    assert found["precision"].difference.high == pytest.approx(3.841459 / 83.841459)


def test_a_comparison_turned_round_has_the_other_sign() -> None:
    rng = np.random.default_rng(0)
    labels = [LABELS[i] for i in rng.integers(0, 3, 60)]
    one, other = ([VERDICTS[i] for i in rng.integers(0, 4, 60)] for _ in range(2))
    problems = [row // 3 for row in range(60)]
    forward = compare_agreement(pair_of(one, other, labels, problems), three=True)
    back = compare_agreement(pair_of(other, one, labels, problems), three=True)
    for this, that in zip(forward, back, strict=True):
        assert this.difference.value == pytest.approx(-that.difference.value)
        assert (this.difference.low, this.difference.high) == pytest.approx(
            (-that.difference.high, -that.difference.low), abs=0.02
        )


def test_equal_verifiers_are_seldom_called_different() -> None:
    rng = np.random.default_rng(1)
    runs, called = 200, 0
    for _ in range(runs):
        labels = ["correct" if right else "incorrect" for right in rng.random(200) < 0.5]
        problems = [row // 5 for row in range(200)]
        lenient = rng.beta(0.5, 4, 40)  # some problems are hard for both
        one, other = (
            [
                label if rng.random() > lenient[problem] else {"correct": "incorrect"}.get(label, "correct")
                for label, problem in zip(labels, problems, strict=True)
            ]
            for _ in range(2)
        )
        accuracy = compare_agreement(pair_of(one, other, labels, problems), three=False)[0]
        called += accuracy.difference.low > 0 or accuracy.difference.high < 0
    assert called / runs <= 0.08
