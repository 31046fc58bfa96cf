"""Models that give verdicts: what they are asked, how their labels are read, where they run.

A verifier model labels a completion A (correct), B (incorrect) or C (invalid), as CompassVerifier does
(Liu et al. 2025, arXiv 2508.03686, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

LABELS = {"A": "correct", "B": "incorrect", "C": "invalid"}
"""The label of each verdict a model may give."""

CUT_MARK = "cut for the verifier"
"""How the mark of a completion begins that the model saw only the end of."""


class Case(NamedTuple):
    """What a verifier model is shown."""

    question: str
    reference: str
    completion: str
    """The part after reasoning blocks"""


class Opinion(NamedTuple):
    """What a verifier model says of one case.

    `verdict` is unknown where no label could be read, with the `reason`; `confidence` is the label's share of the
    probability of all labels, None where no probabilities are known; `text` is what the model wrote, None where it was
    only asked for probabilities. `failed`: it could not be asked (a server did not answer), so that this is no verdict:
    asking again may give one.
    """

    verdict: str
    reason: str | None = None
    confidence: float | None = None
    text: str | None = None
    marks: tuple[str, ...] = ()
    failed: bool = False


class VerifierModel(Protocol):
    """A model that can be asked for verdicts."""

    def ask(self, cases: Iterable[tuple[int, Case]], stopping: Callable[[], bool]) -> Iterator[tuple[int, Opinion]]:
        """The opinion of every case, in any order, under the number it came with.

        `cases` is read as far ahead as a batch needs. Ends early when `stopping()` turns true: cases begun by then are
        either finished or not given at all.
        """
        ...
