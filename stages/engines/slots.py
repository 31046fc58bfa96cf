"""The rows of a running batch, on the host: what was drawn so far, column by column."""

# B rows, T columns

from __future__ import annotations

import numpy as np

from . import Completion, Ended, finish_reason_of
from .uniforms import uniforms


class Slots:
    """Rows 0..count-1 are live; a row's tokens, prompt first, stand at the columns that the cache uses for them."""

    def __init__(self, rows: int, columns: int, end_token_ids: frozenset[int], ended: Ended | None = None) -> None:
        self.count = 0
        self._ended = ended
        self._ends = end_token_ids
        self._end_ids = np.array(sorted(end_token_ids), dtype=np.int64)
        self._rows: list[Completion | None] = [None] * rows
        self._tokens_BT = np.zeros((rows, columns), dtype=np.int64)
        self._logprobs_BT = np.zeros((rows, columns), dtype=np.float32)
        self._sampling_logprobs_BT = np.zeros((rows, columns), dtype=np.float32)
        self.lengths = np.zeros(rows, dtype=np.int64)
        self._prompt_lengths = np.zeros(rows, dtype=np.int64)
        self._limits = np.zeros(rows, dtype=np.int64)
        self._seeds = np.zeros(rows, dtype=np.uint64)

    @property
    def columns(self) -> int:
        """Columns there is room for."""
        return self._tokens_BT.shape[1]

    @property
    def longest(self) -> int:
        """Tokens of the longest live row, prompt included; 0 without rows."""
        return int(self.lengths[: self.count].max(initial=0))

    def widen(self, columns: int) -> None:
        """Make room for longer rows."""
        extra = ((0, 0), (0, columns - self._tokens_BT.shape[1]))
        self._tokens_BT = np.pad(self._tokens_BT, extra)
        self._logprobs_BT = np.pad(self._logprobs_BT, extra)
        self._sampling_logprobs_BT = np.pad(self._sampling_logprobs_BT, extra)

    def enter(self, row: Completion, limit: int) -> int:
        """Give a row the next place; `limit` counts its drawn tokens. The place is returned."""
        place, self.count = self.count, self.count + 1
        prompt = row.request.prompt_token_ids
        start, end = len(prompt), len(prompt) + len(row.token_ids)
        self._tokens_BT[place, :start] = prompt
        self._tokens_BT[place, start:end] = row.token_ids
        self._logprobs_BT[place, start:end] = row.logprobs
        self._sampling_logprobs_BT[place, start:end] = row.sampling_logprobs
        self._rows[place] = row
        self.lengths[place], self._prompt_lengths[place] = end, start
        self._limits[place], self._seeds[place] = limit, row.request.seed
        return place

    def last_tokens(self) -> np.ndarray:
        """The newest token of every live row, [B]."""
        return self._tokens_BT[np.arange(self.count), self.lengths[: self.count] - 1]

    def next_uniforms(self, places: np.ndarray) -> np.ndarray:
        """The numbers that draw the next token of these rows, [B] float64."""
        return uniforms(self._seeds[places], self.lengths[places] - self._prompt_lengths[places])

    def append(
        self, places: np.ndarray, tokens: np.ndarray, logprobs: np.ndarray, sampling_logprobs: np.ndarray
    ) -> np.ndarray:
        """Add a drawn token to each of these rows; the places of those that it finished, ascending."""
        columns = self.lengths[places]
        self._tokens_BT[places, columns] = tokens
        self._logprobs_BT[places, columns] = logprobs
        self._sampling_logprobs_BT[places, columns] = sampling_logprobs
        self.lengths[places] = columns + 1
        done = (columns + 1 - self._prompt_lengths[places] >= self._limits[places]) | np.isin(tokens, self._end_ids)
        if self._ended is not None:
            for index in np.flatnonzero(~done):
                place = places[index]
                drawn = self._tokens_BT[place, self._prompt_lengths[place] : self.lengths[place]].tolist()
                done[index] = self._ended(drawn)
        return np.sort(places[done])

    def leave(self, places: np.ndarray) -> tuple[list[Completion], list[int], list[int]]:
        """Take rows out: (the rows, and which places' contents moved to which, so that the live ones stay dense)."""
        taken = [self._complete(int(place)) for place in places]
        leaving = {int(place) for place in places}
        self.count -= len(leaving)
        targets = sorted(place for place in leaving if place < self.count)
        sources = [place for place in range(self.count, self.count + len(leaving)) if place not in leaving]
        for source, target in zip(sources, targets, strict=True):
            self._rows[target] = self._rows[source]
        columns = (self._tokens_BT, self._logprobs_BT, self._sampling_logprobs_BT)
        for array in (*columns, self.lengths, self._prompt_lengths, self._limits, self._seeds):
            array[targets] = array[sources]
        return taken, sources, targets

    def _complete(self, place: int) -> Completion:
        row, start, end = self._rows[place], self._prompt_lengths[place], self.lengths[place]
        assert row is not None
        self._rows[place] = None
        row.token_ids = self._tokens_BT[place, start:end].tolist()
        row.logprobs = self._logprobs_BT[place, start:end].tolist()
        row.sampling_logprobs = self._sampling_logprobs_BT[place, start:end].tolist()
        row.finish_reason = finish_reason_of(
            row.request, row.token_ids, int(self._limits[place]), self._ends, self._ended
        )
        return row
