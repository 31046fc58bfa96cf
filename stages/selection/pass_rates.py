"""How often a problem is solved, and bins of it: the difficulty filter of OREAL (Lyu et al. 2025, section 3.2, code).

A bin holds its lower edge and not its upper one; a problem in a bin is repeated, a problem outside all bins is dropped.
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...artifacts import WrongOption
from ..joins import blames_problem


@dataclass(slots=True)
class Tally:
    """Verdicts of one problem; unknown ones are left out of the rate, as of every baseline.

    `broken`: a verdict blames the problem, so that how often it is solved says nothing.
    """

    correct: int = 0
    known: int = 0
    broken: bool = False

    def add(self, row: Mapping[str, Any]) -> None:
        self.correct += row["verdict"] == "correct"
        self.known += row["verdict"] != "unknown"
        self.broken = self.broken or blames_problem(row)

    @property
    def rate(self) -> Fraction | None:
        """Correct among the known verdicts; None when all are unknown, or the problem is broken."""
        return Fraction(self.correct, self.known) if self.known and not self.broken else None


def tally(verdicts: Iterable[Mapping[str, Any]]) -> dict[str, Tally]:
    """Verdict rows (with their reasons) counted by problem_id."""
    found: dict[str, Tally] = {}
    for row in verdicts:
        found.setdefault(row["problem_id"], Tally()).add(row)
    return found


@dataclass(frozen=True)
class Bin:
    """Pass rates low <= rate < high (no upper edge where `high` is None) and the copies a problem in it gets."""

    low: Fraction
    high: Fraction | None
    copies: int = 1

    def holds(self, rate: Fraction) -> bool:
        return self.low <= rate and (self.high is None or rate < self.high)


def copies_of(rate: Fraction | None, bins: Sequence[Bin]) -> int:
    """How often a problem of this pass rate appears; 0 drops it."""
    if rate is None:
        return 0
    return next((item.copies for item in bins if item.holds(rate)), 0)


def parse_range(text: str, flag: str) -> Bin:
    """`0.2..0.8`, or `0.2..` without an upper edge.

    Raises:
        WrongOption: not of that form, not in order, or not pass rates.
    """
    match = re.fullmatch(r"\s*(\S+?)\s*\.\.\s*(\S*)\s*", text)
    try:
        if match is None:
            raise ValueError
        low, high = Fraction(match[1]), Fraction(match[2]) if match[2] else None
    except (ValueError, ZeroDivisionError) as error:
        raise WrongOption(f"{flag} is {text!r}, expected LOW..HIGH or LOW.., such as 0.2..0.8") from error
    if not 0 <= low <= 1 or (high is not None and (high <= low or high > 1)):
        raise WrongOption(f"{flag} is {text!r}, expected 0 <= LOW < HIGH <= 1; LOW.. has no upper edge and holds 1 too")
    return Bin(low, high)


def parse_bins(text: str, flag: str) -> list[Bin]:
    """`0..0.2=6,0.2..0.6=4,0.6..0.8=2`: copies by pass rate.

    Raises:
        WrongOption: a bin cannot be read, has no copies, or overlaps with another.
    """
    bins = []
    for item in text.split(","):
        span, equals, copies = item.partition("=")
        if not equals or not copies.strip().isdecimal() or int(copies) < 1:
            raise WrongOption(f"{flag} has {item.strip()!r}, expected LOW..HIGH=COPIES, such as 0..0.2=6")
        edges = parse_range(span, flag)
        bins.append(Bin(edges.low, edges.high, int(copies)))
    bins.sort(key=lambda found: found.low)
    for lower, upper in itertools.pairwise(bins):
        if lower.high is None or lower.high > upper.low:
            raise WrongOption(f"{flag} is {text!r}: bins overlap at {float(upper.low):g}, expected disjoint ones")
    return bins
