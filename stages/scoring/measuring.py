"""What scores are worth against verdicts: how they rank, what a choice by them gains, what they measure besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...artifacts import WrongArtifact
from .benchmark import benchmark_scores
from .choosing import choices, choices_of, gains, weighing_of
from .following import calibration, length_followed, verdicts_followed
from .judged import Judged, Row
from .ranking import ranking, within_problems
from .view import View, other_score

if TYPE_CHECKING:
    from ..metrics.calibration import Calibration
    from ..metrics.estimate import Comparison, Estimate
    from ..metrics.intervals import Interval


@dataclass(frozen=True, kw_only=True)
class Against:
    """Two scores of the same rollouts.

    Args:
        distance: sqrt((1 - rho) / 2), rho the correlation of the scores inside problems.
    """

    name: str
    ranking: list[Estimate]
    comparison: list[Comparison]
    rho: Interval
    distance: Interval


@dataclass(frozen=True, kw_only=True)
class Part:
    """The rows of one source."""

    problems: int
    mixed: int
    estimates: list[Estimate]


@dataclass(frozen=True, kw_only=True)
class Measures:
    """All that a report says of scores held against verdicts.

    Args:
        mixed: problems with a correct and a wrong rollout, both with a score: those that a ranking can be seen in.
        ranking: AUCs, pairwise accuracy, ranks.
        choice: best-of-k beside random, majority, length and oracle, by k.
        gains: best-of-k minus the others, in pairs, at the greatest k.
        length: how far scores follow length.
        other: correlation with verdicts, and RewardBench 2's own numbers.
        weights: how a score becomes the weight of a vote.
    """

    judged: Judged
    mixed: int
    ranking: list[Estimate]
    choice: list[Estimate]
    gains: list[Comparison]
    length: list[Estimate]
    other: list[Estimate]
    calibration: Calibration | None
    by_source: dict[str, Part]
    against: Against | None
    weights: str
    counts: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)


def measure_scores(judged: Judged, draws: Sequence[int], confidence: float, resamples: int) -> Measures:
    """Measure everything that the rows permit.

    Args:
        draws: the k of best-of-k asked for; empty: powers of two up to the smallest group, and its size.
    """
    view = View(judged, confidence, resamples)
    choice = choices(view, draws)
    return Measures(
        judged=judged,
        mixed=len(view.mixed),
        ranking=ranking(view),
        choice=view.estimate(choice),
        gains=gains(view, choice),
        length=length_followed(view),
        other=[*verdicts_followed(view), *benchmark_scores(view)],
        calibration=calibration(view),
        by_source=_by_source(view),
        against=_against(view, judged.against, draws) if judged.against is not None else None,
        weights=weighing_of(view),
        counts=_counts(view),
        settings={"confidence": confidence, "resamples": resamples, "k": list(draws)},
    )


def _counts(view: View) -> dict[str, Any]:
    sizes = sorted({len(group) for group in view.groups})
    rows = [row for group in view.groups for row in group]
    verdicts = ("correct", "incorrect", "invalid", "unknown")
    return {
        "problems": len(view.groups),
        "rollouts": len(rows),
        "rollouts_per_problem": sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}",
        **{f"verdict_{name}": sum(row.verdict == name for row in rows) for name in verdicts},
        "mixed_problems": len(view.mixed),
        **view.judged.counts,
    }


def _by_source(view: View) -> dict[str, Part]:
    """The within-problem AUC and the choice among all rollouts of each source; empty where there is only one."""
    found: dict[str, dict[str, list[Row]]] = {}
    for key, group in view.judged.groups.items():
        source = view.judged.source_of.get(group[0].problem_id) or "(none)"
        found.setdefault(source, {})[key] = group
    if len(found) < 2:
        return {}
    parts = {}
    for source in sorted(found):
        part = replace(view, judged=replace(view.judged, groups=found[source]))
        chosen = [one for one in choices_of(part, "@all", len) if one.name.startswith(("best-of", "random"))]
        parts[source] = Part(
            problems=len(part.groups),
            mixed=len(part.mixed),
            estimates=[*part.estimate(within_problems(part)[:1]), *part.estimate(chosen)],
        )
    return parts


def _against(view: View, name: str, asked: Sequence[int]) -> Against:
    """The other scores on the same rows: each metric in pairs, and how far the two are from each other.

    Raises:
        WrongArtifact: no row has both.
    """
    from ..metrics.intervals import Interval
    from ..metrics.reward_bench import distance

    scored = {
        key: [row for row in group if row.score is not None and row.other is not None]
        for key, group in view.judged.groups.items()
    }
    groups = {key: rows for key, rows in scored.items() if rows}
    if not groups:
        raise WrongArtifact(f"{view.judged.name} and {name} score no rollout both, expected some: leave out --against")
    this = replace(view, judged=replace(view.judged, groups=groups))
    that = replace(this, score_of=other_score)
    pairs = this.compare(within_problems(this), within_problems(that))
    chosen = [[one for one in choices(side, asked) if one.name.startswith("best-of")] for side in (this, that)]
    # Of one there is nothing to choose: both are the share that is correct.
    pairs += [pair for pair in this.compare(chosen[0], chosen[1]) if pair.name != "best-of@1"]
    rows = [row for group in this.groups for row in group]
    nan = float("nan")
    rho = this.correlation(rows, this.score_of, that.score_of) or Interval(nan, nan, nan)
    # the distance falls as the correlation rises
    far = Interval(distance(rho.value), distance(rho.high), distance(rho.low))
    return Against(name=name, ranking=ranking(that), comparison=pairs, rho=rho, distance=far)
