"""The options of rule verification and the pool that carries it out, shared by `whet verify` and the on-policy trainer.

with AnswerPool(Verifying()) as pool:
    for key, verdict in pool.verify([("row 1", r"so \\boxed{4}", "stop", problem)]): ...
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeVar

from ..artifacts import Problem
from .answers.bounded import compare_here
from .answers.expectation import Expectation, read_expectation
from .answers.extraction import extract
from .answers.outcomes import Outcomes
from .answers.pool import WorkerPool, available_cores
from .answers.task import Task
from .answers.validity import CUT, validity
from .options import Runtime, expect
from .verdict_fields import decided, rule_fields

Key = TypeVar("Key", bound=Hashable)

QUEUED_PER_WORKER = 8


@dataclass(frozen=True, kw_only=True)
class Verifying:
    """How answers are extracted and compared."""

    answer_type: Literal["auto", "text", "number", "math", "choice", "boolean", "sequence", "multi", "json"] = "auto"
    """How answers are compared; auto: as the problem says, else as its reference looks"""

    timeout_seconds: float = 5.0
    """CPU time for comparing one answer; beyond it the verdict is unknown"""

    decimal_tolerance: float = 1e-4
    """Relative difference allowed between decimals; integers are compared exactly"""

    strict: bool = False
    """Refuse an answer whose number stands among other words"""

    memory_megabytes: int = 1024
    """Memory of a worker process; an answer that needs more has an unknown verdict"""

    workers: Annotated[int | None, Runtime] = None
    """Worker processes for answers that need symbolic work; one a core when not given"""

    def __post_init__(self) -> None:
        checks = (
            ("--timeout-seconds", self.timeout_seconds, self.timeout_seconds > 0, "a positive number"),
            ("--decimal-tolerance", self.decimal_tolerance, 0 <= self.decimal_tolerance < 1, "from 0 to below 1"),
            ("--memory-megabytes", self.memory_megabytes, self.memory_megabytes >= 256, "at least 256"),
            ("--workers", self.workers, self.workers is None or self.workers >= 1, "at least 1"),
        )
        expect(checks)

    @property
    def tolerance(self) -> Fraction:
        """The decimal tolerance as it was written: 0.0001 is one ten-thousandth."""
        return Fraction(str(self.decimal_tolerance))

    @property
    def processes(self) -> int:
        """How many workers there may be."""
        return self.workers or available_cores()


class AnswerPool:
    """Gives verdicts by rules; what may take long runs in worker processes that are killed when it does.

    Used as a context manager, and as often as wanted inside: workers and the cache live until it is left.
    """

    def __init__(self, verifying: Verifying) -> None:
        self.verifying = verifying
        self.workers = WorkerPool(
            verifying.processes, verifying.timeout_seconds, verifying.memory_megabytes * 1024 * 1024
        )
        self._known = Outcomes()
        self._tolerance = verifying.tolerance
        self._last: tuple[Problem, Expectation] | None = None

    def __enter__(self) -> "AnswerPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.workers.__exit__()

    def verify(
        self, items: Iterable[tuple[Key, str | None, str | None, Problem]]
    ) -> Iterator[tuple[Key, dict[str, Any]]]:
        """The verdict of every item, as soon as it is known: a slow one does not hold up the others.

        A verdict holds every field of a `Verdict` row but the ids: correct, incorrect, invalid (truncated, no answer,
        a problem without reference) or unknown (time-out, error, a reference that is not understood), the answer as
        it stands in the text and where, what was expected, and the rule and path that decided.
        """
        waiting: dict[Task, list[tuple[Key, dict[str, Any]]]] = {}
        for key, text, finish_reason, problem in items:
            fields, task = self._read_safely(text, finish_reason, problem)
            if task is None:
                yield key, fields
            elif (known := self._known.get(task)) is not None:
                yield key, decided(fields, known)
            elif task in waiting:
                waiting[task].append((key, fields))
            elif (cheap := compare_here(task)) is not None:
                self._known.put(task, cheap)
                yield key, decided(fields, cheap)
            else:
                waiting[task] = [(key, fields)]
                self.workers.submit(task)
            while self.workers.unfinished:
                full = self.workers.unfinished >= QUEUED_PER_WORKER * self.workers.size
                yield from self._finished(waiting, wait=full)
                if not full:
                    break
        while waiting:
            yield from self._finished(waiting, wait=True)

    def _finished(
        self, waiting: dict[Task, list[tuple[Key, dict[str, Any]]]], wait: bool
    ) -> Iterator[tuple[Key, dict[str, Any]]]:
        for task, comparison in self.workers.results(wait):
            self._known.put(task, comparison)
            for key, fields in waiting.pop(task, []):
                yield key, decided(fields, comparison)

    def _read_safely(
        self, text: str | None, finish_reason: str | None, problem: Problem
    ) -> tuple[dict[str, Any], Task | None]:
        try:
            return self._read(text, finish_reason, problem)
        except Exception as error:  # noqa: BLE001 - a row that cannot be read is a verdict, not the end of the stage
            return rule_fields({}, "unknown", f"error: {type(error).__name__}: {error}"[:200], "extraction"), None

    def _read(
        self, text: str | None, finish_reason: str | None, problem: Problem
    ) -> tuple[dict[str, Any], Task | None]:
        """Extract; a task is what is left to be compared, None where the verdict is known without it."""
        about = self._expectation_of(problem)
        fields: dict[str, Any] = {"answer_type": about.answer_type, "expected": about.expected or None}
        if about.unanswerable:
            verdict, reason = about.unanswerable
            return rule_fields(fields, verdict, reason, "rules"), None
        found = extract(text or "", about.extracted_as, about.asked)
        invalid = validity(text or "", finish_reason, found)
        if found is None or invalid:
            return rule_fields(fields, "invalid", invalid, "extraction"), None
        fields |= {"extracted": found.text, "span_start": found.start, "span_end": found.end, "method": found.rule}
        fields["marks"] = [CUT] if finish_reason == "length" else []
        options = (self._tolerance, self.verifying.strict)
        return fields, Task(about.answer_type, about.expected, found.text, about.asked, *options)

    def _expectation_of(self, problem: Problem) -> Expectation:
        """What a problem expects; the rollouts of a group come one after the other, with the same object."""
        if self._last is None or self._last[0] is not problem:
            self._last = (problem, read_expectation(problem, self.verifying.answer_type))
        return self._last[1]
