"""What the calling process itself reads and compares: nothing here takes long, whatever the texts are."""

from functools import lru_cache
from typing import NamedTuple

from .comparison import Comparison
from .task import Task
from .types import OLD_NAMES, compare_cheaply, infer_type, reference_of

LONGEST_HERE = 10_000
"""Characters of an answer or a reference that is compared here; longer ones go to a worker."""

LONGEST = 1_000_000
"""Characters beyond which only the same text is equal."""


class Reference(NamedTuple):
    """What a problem expects."""

    expected: str
    answer_type: str


def read_reference(answer: str | None, answer_type: str | None) -> Reference:
    """The reference itself and its type, which is inferred where none is given; a long one is a text."""
    read = _read_reference if len(answer or "") <= LONGEST_HERE else _read_reference.__wrapped__
    return read(answer, answer_type)


@lru_cache(maxsize=4096)
def _read_reference(answer: str | None, answer_type: str | None) -> Reference:
    expected = reference_of(answer)
    answer_type = OLD_NAMES.get(answer_type or "", answer_type)
    if not answer_type:
        answer_type = infer_type(expected) if 0 < len(expected) <= LONGEST_HERE else "text"
    return Reference(expected, answer_type)


def compare_here(task: Task) -> Comparison | None:
    """The outcome where it takes neither symbolic work nor long; None where a worker has to find it."""
    longest = max(len(task.expected), len(task.answer))
    if longest > LONGEST:
        equal = task.answer.strip() == task.expected.strip()
        reason = None if equal else f"{len(task.answer)} characters against {len(task.expected)}"
        return Comparison(equal, "same text" if equal else "length", reason)
    if longest > LONGEST_HERE:
        return None
    try:
        return compare_cheaply(*task[:-1])
    except Exception:  # noqa: BLE001 - a worker meets it again, and says what it was
        return None
