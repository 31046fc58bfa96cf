"""Draws distinct instances of a task, each on its side of the split."""

import hashlib
import json
import random
from collections.abc import Iterator
from typing import Any, Literal

from ._instance import Instance

Split = Literal["train", "test"]

PATIENCE = 20
"""Draws without a new instance, per instance found, after which all are taken to be found: an instance as likely as the
others was missed with probability exp(-20)."""

LEAST_DRAWS = 20_000


class Exhausted(Exception):
    """All instances of the asked length and split are drawn; `found` is their number."""

    def __init__(self, found: int) -> None:
        super().__init__(f"only {found} distinct instances")
        self.found = found


def split_of(task: str, instance: Instance, test_share: float) -> Split:
    """The side of the split an instance falls on: a hash of its canonical form, whatever the seed and the range.

    A larger share keeps what a smaller one has put into test.
    """
    canonical = instance.payload if instance.canonical is None else instance.canonical
    return "test" if int.from_bytes(_digest([task, canonical])[:8], "big") < test_share * 2**64 else "train"


class Drawing:
    """Distinct instances of a task by position, the same ones for the same arguments.

    Args:
        task: the task's module.
        name: its name.
        low, high: the range of the length.
        side: keep only these; both when None.
        options: keyword arguments of the task's `generate`.
    """

    def __init__(
        self,
        task: Any,
        name: str,
        *,
        seed: int,
        low: int,
        high: int,
        side: Split | None = None,
        test_share: float = 0.1,
        **options: Any,
    ) -> None:
        self._task, self._name, self._seed = task, name, seed
        self._generate = lambda rng: task.generate(rng, low, high, **options)
        self._side, self._test_share = side, test_share
        self._position, self._stream = 0, self._draw()

    def between(self, first: int, end: int) -> Iterator[tuple[int, Instance, Split]]:
        """Position, instance and side of the instances first..end-1.

        Raises:
            Exhausted: there are not so many.
        """
        if first < self._position:
            self._position, self._stream = 0, self._draw()
        # Which instances are new depends on all before them: those before `first` are drawn and left out.
        while self._position < end:
            instance, split = next(self._stream)
            self._position += 1
            if self._position > first:
                yield self._position - 1, instance, split

    def _draw(self) -> Iterator[tuple[Instance, Split]]:
        rng = random.Random(self._seed)
        seen: set[bytes] = set()
        in_vain = 0
        while in_vain < max(LEAST_DRAWS, PATIENCE * len(seen)):
            in_vain += 1
            instance = self._generate(rng)
            split = split_of(self._name, instance, self._test_share)
            identity = _digest(instance.payload if instance.identity is None else instance.identity)
            if (self._side is None or split == self._side) and identity not in seen:
                seen.add(identity)
                in_vain = 0
                yield instance, split
        raise Exhausted(len(seen))


def template_of(templates: int, seed: int, instance: Instance) -> int:
    """Which of the first `templates` query templates asks for an instance."""
    return int.from_bytes(_digest([seed, instance.payload])[8:16], "big") % templates


def _digest(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()[:16]
