"""TensorBoard's file, written where the training waits for it.

A disk that is full is then an error of the training. torch's SummaryWriter writes in a thread, which prints a traceback
of its own while the training goes on.
"""

from __future__ import annotations

import io
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Board:
    """An event file in a folder; there is none before the first numbers.

    Args:
        first_step: from it on, what other files of the folder hold is not shown any more.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        self._path = folder / f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._first_step = first_step

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add the numbers of a step."""
        values = [{"tag": name, "simple_value": float(value)} for name, value in metrics.items()]
        events: list[dict[str, Any]] = [{"step": step, "summary": {"value": values}}]
        if not self._path.exists():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            started = {"step": self._first_step, "session_log": {"status": "START"}}
            events = [{"file_version": "brain.Event:2"}, started, *events]
        rest = _records(events)
        # Nothing is held back: what could not be written would be tried once more at the end, and complain.
        with io.FileIO(self._path, "a") as file:
            while rest:
                rest = rest[file.write(rest) :]


def _records(events: list[dict[str, Any]]) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
    from tensorboard.summary.writer.record_writer import RecordWriter

    records = io.BytesIO()
    for event in events:
        RecordWriter(records).write(Event(wall_time=time.time(), **event).SerializeToString())
    return records.getvalue()
