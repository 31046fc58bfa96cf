"""What verdicts are worth against labels: in all, for each answer type and source, for each opinion of a cascade."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .reading import Labelled, Row

if TYPE_CHECKING:
    import numpy as np

    from ..metrics.calibration import Calibration
    from ..metrics.estimate import Comparison, Estimate
    from ..metrics.intervals import Interval

NONE = "(none)"
"""The name of rows without an answer type or a source."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is measured of some rows.

    Args:
        confusion: rows by label and verdict.
        signal: what the verdicts are worth as rewards; empty where labels are all correct, or none is.
        calibration: None where no row has a confidence.
    """

    rows: int
    problems: int
    estimates: list[Estimate]
    confusion: dict[str, dict[str, int]]
    signal: list[Estimate]
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class Overturned:
    """Rows on which a model was asked beside the rules, by what rules said and what the verdict became.

    `rightly`: the verdict agrees with the label and the rules did not; `wrongly`: the other way round.
    """

    rules: str
    verdict: str
    rows: int
    rightly: int
    wrongly: int


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """How rules and model went together.

    Args:
        opinions: rules alone and the model alone, where every row has that opinion.
        asked: rows that have both opinions.
        changes: the verdicts that differ from what the rules said.
        rightly: of those, the share that was right to.
    """

    opinions: dict[str, Part]
    asked: int
    changes: list[Overturned]
    rightly: Interval


@dataclass(frozen=True, kw_only=True)
class Against:
    """Two verdicts on the same labels; `only_this` and `only_that` count rows that one alone has right."""

    name: str
    part: Part
    comparison: list[Comparison]
    only_this: int
    only_that: int


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """All that a report says of verdicts held against labels.

    `three` says whether the labels tell incorrect from invalid; `chosen` names artifacts whose rows were chosen by how
    they went.
    """

    name: str
    labels: str
    three: bool
    overall: Part
    by_answer_type: dict[str, Part]
    by_source: dict[str, Part]
    cascade: Cascade | None
    against: Against | None
    counts: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    chosen: list[str] = field(default_factory=list)

    @property
    def opinions(self) -> dict[str, Part]:
        """The verdicts given, and rules and model alone where every row has their opinion."""
        return {"the verdicts": self.overall, **(self.cascade.opinions if self.cascade else {})}


def measure(labelled: Labelled, confidence: float, resamples: int) -> Agreement:
    """Measure everything that the rows permit."""
    rows = labelled.rows
    measuring = _Measuring(any(row.label == "invalid" for row in rows), confidence, resamples)
    verdicts = Counter(row.verdict for row in rows)
    counts = {
        "rows": len(rows),
        "problems": len({row.problem_id for row in rows}),
        **labelled.counts,
        **{f"labelled_{label}": count for label, count in sorted(Counter(row.label for row in rows).items())},
        **{verdict: verdicts[verdict] for verdict in ("correct", "incorrect", "invalid", "unknown")},
        "with_confidence": sum(row.confidence is not None for row in rows),
    }
    return Agreement(
        name=labelled.name,
        labels=labelled.labels,
        three=measuring.three,
        overall=measuring.part(rows),
        by_answer_type=measuring.split(rows, lambda row: row.answer_type),
        by_source=measuring.split(rows, lambda row: row.source),
        cascade=measuring.cascade(rows),
        against=measuring.against(rows, labelled.against) if labelled.against is not None else None,
        counts=counts,
        settings={"confidence": confidence, "resamples": resamples, "classes": 3 if measuring.three else 2},
        chosen=labelled.chosen,
    )


@dataclass(frozen=True)
class _Measuring:
    """How rows are measured: the same for all of them, and for parts of them."""

    three: bool
    confidence: float
    resamples: int

    def part(self, rows: Sequence[Row], verdict_of: Callable[[Row], str | None] | None = None) -> Part:
        """Measure the rows' verdicts and confidences, or other verdicts on them."""
        from ..metrics.agreement import LABELS, VERDICTS, cells_of, measure_agreement, measure_signal
        from ..metrics.sums import Sums

        place_N, problems = _places(rows)
        verdicts = [(verdict_of(row) if verdict_of else row.verdict) or "unknown" for row in rows]
        cells_P34 = cells_of(place_N, [row.label for row in rows], verdicts, problems)
        sums = Sums(cells_P34, self.confidence, self.resamples)
        return Part(
            rows=len(rows),
            problems=problems,
            estimates=measure_agreement(sums, self.three),
            confusion={
                label: {verdict: int(sums.total[at, of]) for of, verdict in enumerate(VERDICTS)}
                for at, label in enumerate(LABELS)
            },
            signal=measure_signal(sums),
            calibration=None if verdict_of else self._calibration(rows),
        )

    def split(self, rows: Sequence[Row], key: Callable[[Row], str | None]) -> dict[str, Part]:
        """The parts of the rows by a name, sorted; empty where no row has one."""
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(key(row) or NONE, []).append(row)
        if set(found) == {NONE}:
            return {}
        return {name: self.part(found[name]) for name in sorted(found)}

    def cascade(self, rows: Sequence[Row]) -> Cascade | None:
        """None where the rows do not keep the opinions of rules and of a model."""
        from ..metrics.sums import UNDEFINED, Sums

        asked = [row for row in rows if row.rules is not None and row.model is not None]
        if not asked:
            return None
        opinions: dict[str, Callable[[Row], str | None]] = {
            "rules": lambda row: row.rules,
            "model": lambda row: row.model,
        }
        changed = [row for row in asked if row.verdict != row.rules]
        kinds: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
        rightly = UNDEFINED
        if changed:
            place_N, problems = _places(changed)
            sums = _zeros(problems, 2)
            for row, place in zip(changed, place_N, strict=True):
                right = self.right(row.verdict, row.label), self.right(row.rules, row.label)
                kinds.setdefault((row.rules or "", row.verdict), []).append(right)
                sums[place] += (right[0] and not right[1], 1)
            rightly = Sums(sums, self.confidence, self.resamples).share(lambda s: s[..., 0], lambda s: s[..., 1])
        changes = [
            Overturned(
                rules, verdict, len(rights),
                sum(now and not before for now, before in rights), sum(before and not now for now, before in rights),
            )
            for (rules, verdict), rights in sorted(kinds.items())
        ]  # fmt: skip
        return Cascade(
            opinions={
                name: self.part(rows, of) for name, of in opinions.items() if all(of(row) is not None for row in rows)
            },
            asked=len(asked),
            changes=changes,
            rightly=rightly,
        )

    def against(self, rows: Sequence[Row], name: str) -> Against:
        import numpy as np

        from ..metrics.agreement import cells_of, compare_agreement
        from ..metrics.sums import Sums

        place_N, problems = _places(rows)
        labels = [row.label for row in rows]
        each = [
            cells_of(place_N, labels, verdicts, problems)
            for verdicts in ([row.verdict for row in rows], [row.other or "unknown" for row in rows])
        ]
        pair = Sums(np.stack(each, axis=1), self.confidence, self.resamples)
        right = Counter((self.right(row.verdict, row.label), self.right(row.other, row.label)) for row in rows)
        return Against(
            name=name,
            part=self.part(rows, lambda row: row.other),
            comparison=compare_agreement(pair, self.three),
            only_this=right[True, False],
            only_that=right[False, True],
        )

    def right(self, verdict: str | None, label: str) -> bool:
        """Whether a verdict agrees with a label: in three classes where labels have them, else correct or not."""
        if verdict in (None, "unknown"):
            return False
        return verdict == label if self.three else (verdict == "correct") == (label == "correct")

    def _calibration(self, rows: Sequence[Row]) -> Calibration | None:
        """A confidence is a model's, of its own verdict, which is not always the row's."""
        from ..metrics.calibration import calibrate

        said = [row for row in rows if row.confidence is not None and (row.model or row.verdict) != "unknown"]
        if not said:
            return None
        right = [self.right(row.model or row.verdict, row.label) for row in said]
        return calibrate(
            _places(said)[0], [row.confidence or 0.0 for row in said], right, self.confidence, self.resamples
        )


def _places(rows: Sequence[Row]) -> tuple[list[int], int]:
    """The number of each row's problem, and how many problems there are; numbered by id, whatever the order of rows."""
    numbers = {problem: place for place, problem in enumerate(sorted({row.problem_id for row in rows}))}
    return [numbers[row.problem_id] for row in rows], len(numbers)


def _zeros(*shape: int) -> np.ndarray:
    import numpy as np

    return np.zeros(shape)
