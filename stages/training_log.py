"""What a training logs: one JSON line a step in metrics.jsonl, and the same numbers for TensorBoard and trackers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..artifacts.files import write_file
from .board import Board
from .trackers import finish

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker


class TrainingLog:
    """The log of a draft, continued after `step` steps: lines of later steps, which will be made again, are dropped.

    Args:
        trackers: started; they hear of every step once, also of those that are made again.
    """

    def __init__(self, folder: Path, step: int, trackers: Sequence[GeneralTracker] = ()) -> None:
        self._path = folder / "metrics.jsonl"
        self._board = Board(folder / "tb", step + 1)
        self._trackers = list(trackers)
        lines = [(_step_of(line), line) for line in self._lines()]
        self._tracked = max((found for found, _ in lines if found != float("inf")), default=0)
        # Whole or not at all: a kill here must not take the steps before with it.
        write_file(self._path, "".join(line for found, line in lines if found <= step))

    def _lines(self) -> list[str]:
        if not self._path.exists():
            return []
        return [
            line for line in self._path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")
        ]

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log a step's numbers."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")
        self._board.write(step, metrics)
        if step > self._tracked:
            self._track(step, metrics)

    def _track(self, step: int, metrics: Mapping[str, float]) -> None:
        """Tell the trackers; one that fails is left, as no training should end because a service is away."""
        from loguru import logger

        for tracker in list(self._trackers):
            try:
                tracker.log(dict(metrics), step=step)
            except Exception as error:  # noqa: BLE001 - whatever a service's client raises
                self._trackers.remove(tracker)
                name = type(tracker).__name__
                logger.warning(f"{name} is told no more after step {step} ({error}); metrics.jsonl goes on")

    def sync(self) -> None:
        """Make the lines so far durable; called before a checkpoint that says their steps are done."""
        with open(self._path, "rb") as file:
            os.fsync(file.fileno())

    def close(self) -> None:
        for tracker in self._trackers:
            finish(tracker)


class NoLog:
    """In place of a log, in a process that leaves it to the first."""

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Nothing is written."""

    def sync(self) -> None:
        """Nothing has to be made durable."""

    def close(self) -> None:
        """Nothing is open."""


def first_line(folder: Path) -> dict[str, float]:
    """The numbers of the first step in a folder's log; nothing where there is none."""
    with open(folder / "metrics.jsonl", encoding="utf-8") as file:
        line = file.readline()
    return json.loads(line) if line else {}


def _step_of(line: str) -> float:
    """The step of a line; a damaged line counts as never reached."""
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):
        return float("inf")
