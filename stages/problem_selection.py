"""Which problems an on-policy training draws: filtered and repeated by pass rate, or drawn by weight.

    selected = select_problems(problems, [verdicts], ProblemSelection(repeat_bins="oreal"))
    draws = ProblemDraws(selected, Order(len(selected.problems), 64, seed), ...)
    picks = draws.first(draw); more = draws.more(draw, 1, 5, {pick.problem_id for pick in picks})

What a draw takes follows from the seed and its number alone: a run that is continued draws the same.
"""

# P problems, each as often as it is repeated

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..artifacts import Artifact, Problem, Verdict, WrongArtifact
from .options import expect
from .pass_rate_rounds import read_rounds
from .selection.pass_rates import Bin, copies_of, parse_bins
from .weighting import draw_problems, weights_of

if TYPE_CHECKING:
    import numpy as np

    from .groups import Order

OREAL_BINS = "0..0.2=6,0.2..0.4=4,0.4..0.6=4,0.6..0.8=2"
"""Copies by pass rate, as the official code of OREAL has them (Lyu et al. 2025); 0.8 and above is dropped."""


@dataclass(frozen=True, kw_only=True)
class ProblemSelection:
    """Which of the --problems are drawn, and how often."""

    min_pass_rate: float | None = None
    """With --pass-rates: leave out problems that are solved more seldom than this"""

    max_pass_rate: float | None = None
    """With --pass-rates: leave out problems that are solved more often than this"""

    repeat_bins: str = "none"
    """With --pass-rates: copies by pass rate, as LOW..HIGH=COPIES,... (a rate in no bin is dropped), oreal (6 copies
    below 0.2, 4 below 0.6, 2 below 0.8), or none"""

    problem_weight: Literal["even", "learnability", "mid", "alive", "history"] = "even"
    """With --pass-rates: what a problem's chance to be drawn is proportional to. learnability: p (1 - p) of the pass
    rate p; mid: how near p is to one half; alive: p neither 0 nor 1; history: how much p changed over the verdicts"""

    uniform_share: float = 0.5
    """With --problem-weight: share of a step's problems that is drawn evenly (1 - lambda), so that none is lost"""

    refill: int = 0
    """Rounds in which a step draws as many problems more as it lacks groups that teach something; 0: none"""

    def __post_init__(self) -> None:
        low, high, bins = self.min_pass_rate, self.max_pass_rate, self.bins
        expect(
            (
                ("--min-pass-rate", low, low is None or 0 <= low <= 1, "a rate from 0 to 1"),
                ("--max-pass-rate", high, high is None or 0 <= high <= 1, "a rate from 0 to 1"),
                (
                    "--max-pass-rate",
                    high,
                    low is None or high is None or low <= high,
                    f"at least --min-pass-rate ({low})",
                ),
                ("--uniform-share", self.uniform_share, 0 <= self.uniform_share <= 1, "a share from 0 to 1"),
                ("--refill", self.refill, self.refill >= 0, "0 or a positive number"),
                (
                    "--problem-weight",
                    self.problem_weight,
                    self.problem_weight == "even" or not bins,
                    "even beside --repeat-bins: both say how often a problem is drawn",
                ),
            )
        )

    @property
    def bins(self) -> list[Bin]:
        """The bins of --repeat-bins; empty without any."""
        if self.repeat_bins == "none":
            return []
        return parse_bins(OREAL_BINS if self.repeat_bins == "oreal" else self.repeat_bins, "--repeat-bins")

    @property
    def reads_pass_rates(self) -> bool:
        return (
            self.min_pass_rate is not None
            or self.max_pass_rate is not None
            or self.repeat_bins != "none"
            or self.problem_weight != "even"
        )


@dataclass
class Selected:
    """The problems that are drawn from: a problem stands as often as it is repeated."""

    problems: list[Problem]
    weights_P: np.ndarray | None = None
    counts: dict[str, int] = field(default_factory=dict)


def select_problems(
    problems: Sequence[Problem], pass_rates: Sequence[Artifact[Verdict]], options: ProblemSelection
) -> Selected:
    """Filter, repeat or weigh problems by how often they were solved.

    A problem that a verdict calls broken is left out. One without a known verdict is left out by a filter and by bins;
    by weight it can still be drawn with the even share.

    Args:
        pass_rates: verdicts of earlier rollouts, oldest first; all but `history` read the newest that knows a problem.

    Raises:
        WrongArtifact: verdicts of other problems, or of a number of rollouts that depended on how they went; or no
            problem is left.
    """
    if not pass_rates:
        return Selected(list(problems))
    rounds = read_rounds(pass_rates)
    newest = rounds.newest
    # As it was written: 0.2 is one fifth, and not the number of bits next to it.
    low, high = (
        Fraction(fallback if given is None else str(given))
        for given, fallback in ((options.min_pass_rate, "0"), (options.max_pass_rate, "1"))
    )
    bins = options.bins
    counts = {"given": len(problems), "broken": 0, "without_verdicts": 0, "by_pass_rate": 0}
    kept: list[Problem] = []
    for problem in problems:
        rate = newest.get(problem["problem_id"])
        copies = 1
        if problem["problem_id"] in rounds.broken:
            copies, why = 0, "broken"
        elif rate is None:
            copies, why = int(options.problem_weight != "even"), "without_verdicts"
            counts[why] += copies
        else:
            why = "by_pass_rate"
            copies = int(low <= rate <= high) * (copies_of(rate, bins) if bins else 1)
        counts[why] += copies == 0
        kept += [problem] * copies
    counts |= {"left": len({problem["problem_id"] for problem in kept}), "with_copies": len(kept)}
    paths = ", ".join(str(verdicts.path) for verdicts in pass_rates)
    if not any(problem["problem_id"] in newest for problem in problems):
        raise WrongArtifact(f"{paths}: no known verdict of any of these problems, expected verdicts of them")
    if not kept:
        raise WrongArtifact(f"{paths}: no problem is left ({counts}), expected other pass rates: widen the filter")
    weights_P = None
    if options.problem_weight != "even":
        ids = [problem["problem_id"] for problem in kept]
        weights_P = weights_of(options.problem_weight, ids, rounds.numbers)
        counts["weights_above_0"] = int((weights_P > 0).sum())
    return Selected(kept, weights_P, counts)


class Pick(NamedTuple):
    """A problem that a step draws, with the probability that the step draws it where that differs."""

    problem: Problem
    probability: float | None = None


class ProblemDraws:
    """The problems of each draw of an on-policy training.

    Args:
        order: which a draw takes where all are drawn evenly, and how many it takes.
        uniform_share: with weights, the share of a draw that is drawn evenly.
    """

    def __init__(self, selected: Selected, order: Order, seed: int, uniform_share: float = 0.5) -> None:
        self.order = order
        self._problems, self._weights_P = selected.problems, selected.weights_P
        self._seed, self._uniform_share = seed, uniform_share

    def first(self, draw: int) -> list[Pick]:
        """The problems that a draw begins with.

        Args:
            draw: counted over all trainings on these problems.
        """
        units = list(self.order.of(draw))
        if self._weights_P is None:
            return [Pick(self._problems[unit]) for unit in units]
        return self._by_weight(range(len(self._problems)), len(units), (2, draw))

    def more(self, draw: int, round_: int, count: int, taken: Collection[str]) -> list[Pick]:
        """Further problems of a draw, none of them taken already; fewer where no more are left.

        The order of the data does not move: what later draws begin with stays the same however many were refilled.

        Args:
            round_: counted from 1.
            taken: ids of the problems that the draw has.
        """
        import numpy as np

        units: dict[str, int] = {}
        free = [unit for unit, problem in enumerate(self._problems) if problem["problem_id"] not in taken]
        if self._weights_P is not None:
            return self._by_weight(free, count, (3, draw, round_))
        shuffled = np.random.default_rng([self._seed, 3, draw, round_]).permutation(len(free))
        for index in shuffled:
            if len(units) < count:
                units.setdefault(self._problems[free[index]]["problem_id"], free[index])
        return [Pick(self._problems[unit]) for unit in units.values()]

    def _by_weight(self, units: Sequence[int], count: int, key: tuple[int, ...]) -> list[Pick]:
        import numpy as np

        if not units or not count:
            return []
        seed = int(np.random.SeedSequence([self._seed, *key]).generate_state(1)[0])
        weights: Any = self._weights_P
        drawn = draw_problems(weights[list(units)], count, uniform_share=self._uniform_share, seed=seed)
        picks = zip(drawn.places, drawn.probabilities, strict=True)
        return [Pick(self._problems[units[index]], probability) for index, probability in picks]
