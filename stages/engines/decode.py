"""The decode loop: continuous batching for the Qwen2/Qwen3/Llama family, on the weights of a live transformers model.

    loop = DecodeLoop(model, end_token_ids=[2])
    for completion in loop.sample(requests, Sampling(temperature=1.0), stopping=lambda: False): ...
    optimizer.step(); loop.refresh()          # after the weights changed

Requests enter longest first, as many as the cache has room for; a finished row's place goes to a waiting one. Requests
with one prompt share the work of reading it.
"""

# B rows, P prompt tokens

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch

from ..sampling import Sampling
from . import Completion, Ended, NotNumbers, Request, begin, limit_of
from .cache import Cache
from .drawing import draw
from .network import Network
from .slots import Slots

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_COLUMNS_AHEAD = 64
_PROMPT_TOKENS_AT_ONCE = 16_384
# Rows that attend together on a CPU: a block reads no more columns than its own longest row has.
_BLOCK_ROWS = 128
# oneDNN compiles a product anew, for six times the time of the product itself, whenever it meets a new number of rows.
_ROWS_ROUNDED_TO = 16
_COLUMNS_ROUNDED_TO = 8


class DecodeLoop:
    """Draws rollouts of a policy; an `Engine`.

    `precision` is that of the matrix products: float32 or bfloat16. `max_batch_rows` and `batch_tokens` (rows x columns
    of the cache) bound the memory and change results by rounding only. `release`: see `Network`.
    """

    def __init__(
        self,
        model: Any,
        end_token_ids: Iterable[int],
        *,
        precision: str = "float32",
        max_batch_rows: int = 256,
        batch_tokens: int = 262_144,
        release: bool = False,
    ) -> None:
        self._network = Network(model, _PRECISIONS[precision], release=release)
        self._ends = frozenset(end_token_ids)
        self._max_rows = max_batch_rows
        self._batch_tokens = batch_tokens

    def refresh(self) -> None:
        """Read the model's weights again, after they changed."""
        self._network.refresh()

    def rest(self) -> None:
        """Nothing to do: no memory is held between two calls of `sample`."""

    def sample(
        self,
        requests: Iterable[Request],
        sampling: Sampling,
        stopping: Callable[[], bool] = lambda: False,
        ended: Ended | None = None,
    ) -> Iterator[Completion]:
        """Draw every request, yielding each as it ends; see `Engine`."""
        waiting: list[Completion] = []
        for request in requests:
            limit = limit_of(request, sampling, self._network.context)
            row = begin(request, limit, self._ends, ended)
            if row.finish_reason:
                yield row
            else:
                waiting.append(row)
        if waiting:
            waiting.sort(key=_length, reverse=True)
            room = self._room(waiting, sampling)
            yield from _Batch(self._network, self._ends, sampling, deque(waiting), room, ended).run(stopping)

    def _room(self, waiting: list[Completion], sampling: Sampling) -> _Room:
        rows = min(self._max_rows, len(waiting))
        context = self._network.context
        longest = max(len(row.request.prompt_token_ids) + limit_of(row.request, sampling, context) for row in waiting)
        return _Room(rows, self._batch_tokens, longest)


class _Room:
    """How many rows and columns the cache may have."""

    def __init__(self, rows: int, batch_tokens: int, longest: int) -> None:
        self.rows, self._batch_tokens, self.longest = rows, batch_tokens, longest

    def rows_at(self, columns: int) -> int:
        """Rows that fit beside each other at this many columns; never none."""
        return max(1, min(self.rows, self._batch_tokens // columns))

    def columns_for(self, length: int) -> int:
        """Columns to allocate when a row of this length must fit: all that will be needed where that is affordable."""
        if self.rows * self.longest <= self._batch_tokens // 2:
            return self.longest
        return min(self.longest, length + max(_COLUMNS_AHEAD, length // 4))


class _Batch:
    """One call of `sample`: the waiting rows, the live ones and their cache."""

    def __init__(
        self,
        network: Network,
        ends: frozenset[int],
        sampling: Sampling,
        waiting: deque[Completion],
        room: _Room,
        ended: Ended | None = None,
    ) -> None:
        self._network, self._sampling, self._waiting, self._room = network, sampling, waiting, room
        columns = room.columns_for(_length(waiting[0]) + 1)
        self._cache: Cache = network.new_cache(room.rows_at(columns), columns)
        self._slots = Slots(room.rows, columns, ends, ended)

    def run(self, stopping: Callable[[], bool]) -> Iterator[Completion]:
        slots = self._slots
        while self._waiting or slots.count:
            if stopping():
                yield from self._leave(np.arange(slots.count))
                yield from (row for row in self._waiting if row.token_ids)
                return
            yield from self._leave(self._admit() if self._should_admit() else self._step())

    def _should_admit(self) -> bool:
        """Whether to fill places now: when some are free, as a few prompts cost little more to read than one."""
        if not self._waiting:
            return False
        longest = max(self._slots.longest, _length(self._waiting[0])) + 1
        if 2 * self._room.columns_for(longest) <= self._cache.columns:
            # A row that was far longer than the rest has left: trade its columns for rows.
            self._make_columns(longest, shrink=True)
        allowed = self._room.rows_at(max(self._cache.columns, longest))
        free = allowed - self._slots.count
        return free > 0 and (self._slots.count == 0 or free >= min(len(self._waiting), max(1, allowed // 16)))

    def _admit(self) -> np.ndarray:
        """Let waiting rows in and draw the next token of each; the places of those that this finished."""
        self._make_columns(_length(self._waiting[0]) + 1)
        allowed = self._cache.rows
        entered: list[Completion] = []
        prompts: dict[tuple[int, ...], int] = {}
        holders: list[int] = []
        longest = _length(self._waiting[0])
        while self._waiting and self._slots.count + len(entered) < allowed:
            token_ids = (*self._waiting[0].request.prompt_token_ids, *self._waiting[0].token_ids)
            if token_ids not in prompts and (len(prompts) + 1) * longest > max(_PROMPT_TOKENS_AT_ONCE, longest):
                break
            holders.append(prompts.setdefault(token_ids, len(prompts)))
            entered.append(self._waiting.popleft())
        places = np.array([self._slots.enter(row, self._limit(row)) for row in entered])
        logits = self._read(list(prompts), places, holders)
        return self._draw(logits, places)

    def _read(self, prompts: list[tuple[int, ...]], places: np.ndarray, holders: list[int]) -> torch.Tensor:
        """Read each distinct prompt once and copy it to the other rows that start with it; logits of every row."""
        device = self._network.device
        lengths = [len(prompt) for prompt in prompts]
        width = min(self._cache.columns, _rounded(max(lengths), _COLUMNS_ROUNDED_TO))
        tokens_BP = np.zeros((len(prompts), width), dtype=np.int64)
        for row, prompt in enumerate(prompts):
            tokens_BP[row, : len(prompt)] = prompt
        first = [holders.index(prompt) for prompt in range(len(prompts))]
        logits = self._network.read_prompts(
            torch.from_numpy(tokens_BP).to(device),
            torch.tensor(lengths, device=device),
            self._cache,
            torch.from_numpy(places[first]).to(device),
        )
        others = [index for index, holder in enumerate(holders) if first[holder] != index]
        sources = [int(places[first[holders[index]]]) for index in others]
        self._cache.copy_rows(sources, [int(places[index]) for index in others], max(lengths))
        return logits[torch.tensor(holders, device=device)]

    def _step(self) -> np.ndarray:
        """Draw one more token of every live row; the places of those that this finished."""
        self._make_columns(self._slots.longest)
        count, device = self._slots.count, self._network.device
        # Rows that stand empty fill the batch up; each writes to column 0 of its own place, which no one reads.
        rows = min(self._cache.rows, _rounded(count, _ROWS_ROUNDED_TO))
        tokens, positions = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
        tokens[:count], positions[:count] = self._slots.last_tokens(), self._slots.lengths[:count] - 1
        block = _BLOCK_ROWS if device.type == "cpu" else rows
        starts = range(0, rows, block)
        spans = [(start, min(start + block, rows), int(positions[start : start + block].max()) + 1) for start in starts]
        logits = self._network.step(
            torch.from_numpy(tokens).to(device), torch.from_numpy(positions).to(device), self._cache, spans
        )
        return self._draw(logits[:count], np.arange(count))

    @torch.inference_mode()
    def _draw(self, logits: torch.Tensor, places: np.ndarray) -> np.ndarray:
        uniforms = torch.from_numpy(self._slots.next_uniforms(places)).to(logits.device)
        tokens, logprobs, sampling_logprobs = (x.cpu().numpy() for x in draw(logits, uniforms, self._sampling))
        if np.isnan(logprobs).any():
            raise NotNumbers
        if self._slots.longest + 1 > self._slots.columns:
            self._slots.widen(self._room.columns_for(self._slots.longest + 1))
        return self._slots.append(places, tokens, logprobs, sampling_logprobs)

    def _leave(self, places: np.ndarray) -> list[Completion]:
        if not len(places):
            return []
        taken, sources, targets = self._slots.leave(places)
        if sources:
            self._cache.copy_rows(sources, targets, int(self._slots.lengths[targets].max()))
        return taken

    def _make_columns(self, length: int, *, shrink: bool = False) -> None:
        """Have at least `length` columns; where the rows no longer fit side by side, the shortest ones wait again."""
        if length <= self._cache.columns and not shrink:
            return
        columns = self._room.columns_for(length)
        surplus = self._slots.count - self._room.rows_at(columns)
        if surplus > 0:
            shortest = np.argsort(self._slots.lengths[: self._slots.count], kind="stable")[:surplus]
            # Sorted again, as a row's place in the queue decides how many columns the rows behind it find.
            self._waiting = deque(sorted([*self._leave(shortest), *self._waiting], key=_length, reverse=True))
        self._cache.grow(self._room.rows_at(columns), columns, self._slots.count)
        if columns > self._slots.columns:
            self._slots.widen(columns)

    def _limit(self, row: Completion) -> int:
        return limit_of(row.request, self._sampling, self._network.context)


def _rounded(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _length(row: Completion) -> int:
    return len(row.request.prompt_token_ids) + len(row.token_ids)
