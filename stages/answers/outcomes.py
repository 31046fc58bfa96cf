"""The outcomes of the last comparisons: the rollouts of a group repeat answers."""

from collections import OrderedDict

from .comparison import Comparison
from .task import Task

KEPT = 20_000
KEPT_CHARACTERS = 8_000_000


class Outcomes:
    """Outcomes by task, the least recently used dropped first; bounded in number and in characters."""

    def __init__(self, kept: int = KEPT, kept_characters: int = KEPT_CHARACTERS) -> None:
        self.kept, self.kept_characters = kept, kept_characters
        self._outcomes: OrderedDict[Task, Comparison] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._outcomes)

    def get(self, task: Task) -> Comparison | None:
        """What comparing came to, if it is still known."""
        outcome = self._outcomes.get(task)
        if outcome is not None:
            self._outcomes.move_to_end(task)
        return outcome

    def put(self, task: Task, outcome: Comparison) -> None:
        """Keep an outcome."""
        if task not in self._outcomes:
            self._characters += task.characters
        self._outcomes[task] = outcome
        while len(self._outcomes) > self.kept or (self._characters > self.kept_characters and len(self) > 1):
            dropped, _ = self._outcomes.popitem(last=False)
            self._characters -= dropped.characters
