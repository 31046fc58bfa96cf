"""One comparison as it is handed to a worker process, and as the key under which its outcome is kept."""

import json
import struct
from fractions import Fraction
from typing import Any, NamedTuple

from .question import Asked
from .types import RULES_VERSION, AnswerType

LENGTH = struct.Struct("<Q")
"""What stands before a task on a socket: the number of its bytes."""


class Task(NamedTuple):
    """Everything that decides the outcome of one comparison: equal tasks have equal outcomes."""

    answer_type: AnswerType
    expected: str
    answer: str
    asked: Asked
    tolerance: Fraction
    strict: bool = False
    rules: int = RULES_VERSION

    def __hash__(self) -> int:
        """Without the options of the whole run: a Fraction takes as long to hash as all else."""
        return hash(self[:4])

    @property
    def characters(self) -> int:
        """The length of what is compared."""
        return len(self.expected) + len(self.answer)


def encode(task: Task) -> bytes:
    """A task as JSON behind its length; lone surrogates and NUL bytes survive as escapes."""
    fields = {**task._asdict(), "asked": task.asked._asdict(), "tolerance": str(task.tolerance)}
    written = json.dumps(fields).encode()
    return LENGTH.pack(len(written)) + written


def decode(written: bytes) -> Task:
    """The task that `encode` wrote; its length has been read already."""
    fields = json.loads(written)
    asked = Asked(**{name: _tuples(value) for name, value in fields["asked"].items()})
    return Task(**{**fields, "asked": asked, "tolerance": Fraction(fields["tolerance"])})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
