"""Publishing a model in training as it is, beside the folder that will hold the trained one: OUT-step-0100."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..artifacts import Draft
from ..artifacts.draft import find
from ..artifacts.files import remove_tree


class StepwisePublishing:
    """What --save-every publishes.

    Args:
        out: the draft of the trained model.
        every: steps; 0: never.
        first: the step at which the training begins.
        until: the step at which it ends.
        write: writes the model into a folder, on all processes; what the manifest says of it.
    """

    def __init__(
        self, out: Draft[Any], every: int, *, first: int, until: int, write: Callable[[Path], dict[str, Any]]
    ) -> None:
        self._out, self._every, self._ends, self._write = out, every, (first, until), write

    def is_due(self, done: int) -> bool:
        """Whether a model was asked for after so many steps."""
        return bool(self._every) and done % self._every == 0

    def publish(self, done: int) -> None:
        """Publish the model as it is after `done` steps, where one was asked for and is not there yet."""
        if self.is_due(done) and done not in self._ends:
            self.beside(f"step-{done:04d}", done)

    def beside(self, name: str, done: int) -> None:
        """Publish the model as OUT-NAME."""
        draft = self._out.sibling(name, self._out.kind)
        draft.facts |= {**self._write(draft.folder), "steps": done}
        publish_once(draft)


def publish_once(draft: Draft[Any]) -> None:
    """Publish a draft that no command line publishes, unless an earlier process of the same command did."""
    if not draft.leads:
        return
    if find(draft.out, draft.recipe) is None:
        draft.publish()
    else:
        draft.close()
        remove_tree(draft.folder)
