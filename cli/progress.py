"""How far the work is: a bar on a terminal, elsewhere one line each 30 s with rate and time left."""

import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from . import log

EVERY_SECONDS = 30.0
_WINDOW_SECONDS = 120.0
_APART_SECONDS = 0.5


class Reporter:
    """Shows the progress that drafts tell.

    Args:
        quiet: show nothing.
        terminal: whether to draw a bar; found out when None.
    """

    def __init__(self, quiet: bool = False, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic):
        self._quiet, self._clock = quiet, clock
        self._terminal = _draws_bars() if terminal is None else terminal
        self._bar: Any = None
        self._task: Any = None
        self._spoken = clock()
        self._seen: deque[tuple[float, float]] = deque()
        self._lock = threading.Lock()

    def update(self, done: float, total: float | None, unit: str = "rows", **shown: Any) -> None:
        """Tell that `done` of `total` is done (what a draft's `progress` is set to)."""
        if self._quiet:
            return
        with self._lock:
            now = self._clock()
            self._note(now, done)
            if self._terminal:
                self._draw(done, total, unit, shown)
            elif now - self._spoken >= EVERY_SECONDS:
                self._spoken = now
                log.to_stderr(self.line(done, total, unit, shown) + "\n")

    def _note(self, now: float, done: float) -> None:
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()  # a new phase counts from the start
        if len(self._seen) > 1 and now - self._seen[-2][0] < _APART_SECONDS:
            self._seen[-1] = (now, done)  # rows may come by the ten thousand a second
        else:
            self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Units a second over the last two minutes."""
        if len(self._seen) < 2:
            return None
        (start, before), (end, now) = self._seen[0], self._seen[-1]
        return (now - before) / (end - start) if end > start and now > before else None

    def line(self, done: float, total: float | None, unit: str, shown: dict[str, Any]) -> str:
        """`1,200 of 8,000 rows, 40/s, 2 min 50 s left, loss 0.31`."""
        parts = [f"{_count(done)} of {_count(total)} {unit}" if total is not None else f"{_count(done)} {unit}"]
        rate = self.rate
        if rate is not None:
            parts.append(f"{rate:.3g}/s" if rate >= 1 else f"{1 / rate:.3g} s each")
            if total is not None and total > done:
                parts.append(f"{duration((total - done) / rate)} left")
        return ", ".join(parts + _described(shown))

    def _draw(self, done: float, total: float | None, unit: str, shown: dict[str, Any]) -> None:
        if self._bar is None:
            self._bar = _new_bar()
            self._task = self._bar.add_task("", total=total)
            self._bar.start()
        text = ", ".join([unit, *_described(shown)])
        self._bar.update(self._task, completed=done, total=total, description=text)

    def write(self, text: str) -> None:
        """Write a message above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
        else:
            log.to_stderr(text)

    def close(self) -> None:
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
                self._bar = None


def _draws_bars() -> bool:
    try:
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def _new_bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(  # rich leaves colours out where NO_COLOR is set
        BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, refresh_per_second=4,
    )  # fmt: skip


def _described(shown: dict[str, Any]) -> list[str]:
    return [f"{name.replace('_', ' ')} {value:.4g}" if isinstance(value, float) else f"{name.replace('_', ' ')} {value}"
            for name, value in shown.items()]  # fmt: skip


def _count(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def duration(seconds: float) -> str:
    """`45 s`, `2 min 50 s`, `3 h 20 min`."""
    seconds = math.ceil(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
