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


def draw_instances(
    task: Any, name: str, seed: int, low: int, high: int, side: Split | None, test_share: float, options: dict[str, Any]
) -> Iterator[tuple[Instance, Split]]:
    """Distinct instances without end, the same ones for the same arguments.

    Args:
        task: the task's module.
        name: its name.
        side: keep only these; both when None.
        options: keyword arguments of the task's `generate`.

    Raises:
        Exhausted: there are no more.
    """
    rng = random.Random(seed)
    seen: set[bytes] = set()
    in_vain = 0
    while in_vain < max(LEAST_DRAWS, PATIENCE * len(seen)):
        in_vain += 1
        instance = task.generate(rng, low, high, **options)
        split = split_of(name, instance, test_share)
        if side is not None and split != side:
            continue
        identity = _digest(instance.payload)
        if identity not in seen:
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
