"""One instance of a task."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Instance:
    """What a task draws: everything that its question, its answer and its chain of thought are made from.

    Args:
        payload: JSON values; fills the task's templates and is all that `think` reads.
        answer: the exact answer, computed apart from the chain of thought.
        canonical: JSON value shared by instances that give each other away (`a+b` and `b+a`); they fall on the same
            side of a split. The payload where nothing does.
        identity: JSON value that no two instances of one drawing share. The payload where None.
    """

    payload: dict[str, Any]
    answer: str
    canonical: Any = None
    identity: Any = None
