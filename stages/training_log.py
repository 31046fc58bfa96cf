"""What a training logs: one JSON line a step in metrics.jsonl, and the same numbers for TensorBoard."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class TrainingLog:
    """The log of a draft, continued after `step` steps: lines of later steps, which will be made again, are dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        self._path = folder / "metrics.jsonl"
        self._board_folder = folder / "tb"
        self._step = step
        self._board: Any = None
        kept = [line for line in self._lines() if _step_of(line) <= step]
        self._path.write_text("".join(kept), encoding="utf-8")

    def _lines(self) -> list[str]:
        if not self._path.exists():
            return []
        return [
            line for line in self._path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")
        ]

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log a step's numbers."""
        if self._board is None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(self._board_folder), purge_step=self._step + 1)
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")
        for name, value in metrics.items():
            self._board.add_scalar(name, value, step)

    def sync(self) -> None:
        """Make the lines so far durable; called before a checkpoint that says their steps are done."""
        with open(self._path, "rb") as file:
            os.fsync(file.fileno())

    def close(self) -> None:
        if self._board is not None:
            self._board.close()


def _step_of(line: str) -> float:
    """The step of a line; a damaged line counts as never reached."""
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):
        return float("inf")
