"""How well verdicts agree with labels: accuracy, precision, recall, F1, error rates, with intervals over problems.

Everything follows from counts of rows by label and verdict, `cells` [..., 3, 4]: labels are correct, incorrect,
invalid; verdicts the same and unknown. Two classes are correct and the rest, as CompassVerifier's A against B or C (Liu
et al. 2025, arXiv 2508.03686, section 3.3). A verdict that is unknown is never right: it is wrong in accuracy, missed
in recall and F1, and no false positive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .estimate import Comparison, Estimate
from .intervals import Interval, without_spread
from .signal import of_two_rates, signal
from .sums import UNDEFINED, Statistic, Sums, ratio

LABELS = ("correct", "incorrect", "invalid")
VERDICTS = (*LABELS, "unknown")


def cells_of(problem_N: Sequence[int], label_N: Sequence[str], verdict_N: Sequence[str], problems: int) -> np.ndarray:
    """Count the rows of each problem by label and verdict: [problems, 3, 4]."""
    cells_P34 = np.zeros((problems, len(LABELS), len(VERDICTS)))
    place = np.array([LABELS.index(label) for label in label_N], np.int64)
    found = np.array([VERDICTS.index(verdict) for verdict in verdict_N], np.int64)
    np.add.at(cells_P34, (np.asarray(problem_N, np.int64), place, found), 1)
    return cells_P34


def _rows(cells: np.ndarray) -> np.ndarray:
    return cells.sum((-1, -2))


def _positives(cells: np.ndarray) -> np.ndarray:
    return cells[..., 0, :].sum(-1)


def _negatives(cells: np.ndarray) -> np.ndarray:
    return cells[..., 1:, :].sum((-1, -2))


def _true_positives(cells: np.ndarray) -> np.ndarray:
    return cells[..., 0, 0]


def _false_positives(cells: np.ndarray) -> np.ndarray:
    return cells[..., 1:, 0].sum(-1)


def _called(cells: np.ndarray) -> np.ndarray:
    """Rows that the verdict calls correct."""
    return cells[..., :, 0].sum(-1)


def _true_negatives(cells: np.ndarray) -> np.ndarray:
    return cells[..., 1:, 1:3].sum((-1, -2))


def _equal(cells: np.ndarray) -> np.ndarray:
    return np.einsum("...ii->...", cells[..., :, :3])


def _either(cells: np.ndarray, which: int) -> np.ndarray:
    """Rows whose label or verdict is this class."""
    return cells[..., which, :].sum(-1) + cells[..., :, which].sum(-1) - cells[..., which, which]


def _plain(share: float) -> float:
    return share


def _to_f1(share: float) -> float:
    """F1 = 2 TP / (2 TP + FP + FN) from the share TP / (TP + FP + FN), with which it rises: intervals carry over."""
    return 2 * share / (1 + share)


@dataclass(frozen=True)
class Metric:
    """A share of rows, or what a share is turned into.

    Args:
        meaning: for a reader of the report.
        three: it tells incorrect from invalid.
    """

    name: str
    part: Statistic
    whole: Statistic
    meaning: str
    turned: Callable[[float], float] = _plain
    three: bool = False

    def of(self, cells: np.ndarray) -> np.ndarray:
        """The number of each of many cells [any, 3, 4]."""
        return self.turned(ratio(self.part(cells), self.whole(cells)))  # type: ignore[arg-type]

    def interval(self, sums: Sums) -> Interval:
        share = sums.share(self.part, self.whole)
        return Interval(*(self.turned(value) for value in (share.value, share.low, share.high)))


METRICS = (
    Metric(
        "accuracy", lambda cells: _true_positives(cells) + _true_negatives(cells), _rows,
        "rows that verdict and label both call correct, or both not",
    ),
    Metric(
        "precision", _true_positives, _called,
        "of the rows called correct, those labelled correct",
    ),
    Metric("recall", _true_positives, _positives, "of the rows labelled correct, those called correct"),
    Metric("f1", _true_positives, lambda cells: _either(cells, 0), "precision and recall in one", _to_f1),
    Metric(
        "false-positive-rate", _false_positives, _negatives,
        "of the rows not labelled correct, those called correct: rewards that are not deserved",
    ),
    Metric(
        "false-negative-rate", lambda cells: cells[..., 0, 1:].sum(-1), _positives,
        "of the rows labelled correct, those not called so: rewards withheld",
    ),
    Metric("unknown", lambda cells: cells[..., 3].sum(-1), _rows, "rows without a verdict"),
    Metric(
        "accuracy-3", _equal, _rows, "rows whose verdict is the label: correct, incorrect or invalid", three=True
    ),
)  # fmt: skip
MACRO_F1 = "macro-f1"
MEANING = {metric.name: metric.meaning for metric in METRICS} | {
    MACRO_F1: "mean of the F1 of the labels that occur: each class counts the same, however rare"
}


def measure_agreement(sums: Sums, three: bool) -> list[Estimate]:
    """Every metric with its interval.

    Args:
        sums: cells of each problem, [P, 3, 4].
        three: whether labels tell incorrect from invalid; without it only the metrics of two classes.
    """
    found = [Estimate(metric.name, metric.interval(sums)) for metric in METRICS if three or not metric.three]
    return [*found, Estimate(MACRO_F1, macro_f1(sums))] if three else found


def macro_f1_of(classes: Sequence[int]) -> Statistic:
    """Mean F1 of these classes, of cells [any, 3, 4]; a class that a resample has no rows of is left out there."""

    def statistic(cells: np.ndarray) -> np.ndarray:
        shares = np.stack([ratio(cells[..., c, c], _either(cells, c)) for c in classes], axis=-1)
        scores, known = np.nan_to_num(2 * shares / (1 + shares)), ~np.isnan(shares)
        return ratio((scores * known).sum(-1), known.sum(-1))

    return statistic


def macro_f1(sums: Sums) -> Interval:
    """The mean F1 over the classes that occur among the labels.

    The interval is BCa over problems; where no problem moves it, the mean of the classes' ends.
    """
    classes = _classes(sums.total)
    if not classes:
        return UNDEFINED
    value = float(macro_f1_of(classes)(sums.total))
    ends = sums.ends(macro_f1_of(classes))
    if ends is None:
        each = [sums.share(lambda cells, c=c: cells[..., c, c], lambda cells, c=c: _either(cells, c)) for c in classes]
        ends = tuple(float(np.mean([_to_f1(getattr(share, end)) for share in each])) for end in ("low", "high"))
    return Interval(value, *ends)


def _classes(cells_34: np.ndarray) -> list[int]:
    return [c for c in range(len(LABELS)) if cells_34[c].sum() > 0]


_KNOWN = np.array([1.0, 1.0, 1.0, 0.0])
"""Takes unknown verdicts out of cells."""


def j_of(cells: np.ndarray) -> np.ndarray:
    """TPR - FPR over rows whose verdict is known, of cells [any, 3, 4]."""
    cells = cells * _KNOWN
    return ratio(_true_positives(cells), _positives(cells)) - ratio(_false_positives(cells), _negatives(cells))


def measure_signal(sums: Sums) -> list[Estimate]:
    """What the verdicts are worth as rewards, over rows whose verdict is known: a trainer leaves out the others.

    Empty where labels are all correct or none is: then no rate tells right from wrong.
    """

    def share(part: Statistic, whole: Statistic) -> Interval:
        return sums.share(lambda cells: part(cells * _KNOWN), lambda cells: whole(cells * _KNOWN))

    tpr, fpr, rate = share(_true_positives, _positives), share(_false_positives, _negatives), share(_positives, _rows)
    if np.isnan(tpr.value) or np.isnan(fpr.value):
        return []

    def shrink(up: float, down: float) -> float:
        return signal(up, down, rate.value).shrink

    return [
        Estimate("pass-rate", rate),
        Estimate("true-positive-rate", tpr),
        Estimate("false-positive-rate", fpr),
        Estimate("j", of_two_rates(lambda up, down: up - down, tpr, fpr)),
        Estimate("mean-reward", share(_called, _rows)),
        Estimate("shrink", of_two_rates(shrink, tpr, fpr)),
    ]


def compare_agreement(pair: Sums, three: bool) -> list[Comparison]:
    """Compare two verdicts on the same labels, metric by metric, with intervals of the paired differences.

    Args:
        pair: cells of each problem by this verdict and by the other one, [P, 2, 3, 4].
    """
    statistics: dict[str, Statistic] = {metric.name: metric.of for metric in METRICS if three or not metric.three}
    if three and (classes := _classes(pair.total[0])):
        statistics[MACRO_F1] = macro_f1_of(classes)
    statistics["j"] = j_of
    found = []
    for name, of in statistics.items():
        ours, theirs = float(of(pair.total[0])), float(of(pair.total[1]))

        def difference(cells: np.ndarray, of: Statistic = of) -> np.ndarray:
            return of(cells[..., 0, :, :]) - of(cells[..., 1, :, :])

        if np.isnan(ours) or np.isnan(theirs):
            found.append(Comparison(name, ours, theirs, UNDEFINED))
            continue
        ends = pair.ends(difference, differences=True)
        ends = ends or without_spread(ours - theirs, pair.problems, (-1.0, 1.0), pair.confidence)
        inside = max(-1.0, ends[0]), min(1.0, ends[1])
        found.append(Comparison(name, ours, theirs, Interval(ours - theirs, *inside)))
    return found
