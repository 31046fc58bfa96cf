"""Programs of Turing machine imitation learning (TAIL), one module a task.

Every module of this folder whose name starts with a letter is a task; `binary_search.py` is the task `binary-search`.
A task module has

* `TEMPLATES`: ways to ask, filled with the payload; the first is the shortest,
* `ANSWER_TYPE`: how its answers are compared,
* `generate(rng, low, high, ...) -> Instance`: one instance whose length lies in low..high (options of the task are
  keyword-only parameters),
* `think(payload, style) -> str`: the chain of thought a program writes while it solves the instance.

(TAIL, arXiv 2507.13332.)
"""

import importlib
import pkgutil
import random
from collections.abc import Mapping
from typing import Any, Protocol

from ._drawing import Drawing, Exhausted, template_of
from ._instance import Instance
from ._tape import Style, Tape

__all__ = ["Drawing", "Exhausted", "Instance", "Style", "Tape", "Task", "load_task", "task_names", "template_of"]


class Task(Protocol):
    """What a task module holds."""

    TEMPLATES: tuple[str, ...]
    ANSWER_TYPE: str

    def generate(self, rng: random.Random, low: int, high: int, **options: Any) -> Instance: ...

    def think(self, payload: Mapping[str, Any], style: Style = "full") -> str: ...


def task_names() -> tuple[str, ...]:
    """Every task by its command-line name, found by listing this folder; imports none of them."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name.replace("_", "-") for name in modules if not name.startswith("_"))


def load_task(name: str) -> Any:
    """The module of a task (it satisfies `Task`).

    Raises:
        KeyError: there is no such task; the message lists those there are.
    """
    if name not in task_names():
        raise KeyError(f"{name} is no task; known are {', '.join(task_names())}")
    return importlib.import_module(f".{name.replace('-', '_')}", __name__)
