"""Many requests to one server: a bounded number at once, tried again when that helps, each answered or accounted for.

The requests run in an event loop on a thread of its own, so that answers come in while the caller works. A server can
neither hold up the caller (every attempt has a time limit, every body a size limit) nor keep it busy for nothing: when
too many requests in a row fail, the stage ends with one line instead of failing row by row.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from ...artifacts import Failed, WhetError
from . import Call, RequestFailed, Serving
from .address import Address
from .attempts import Attempts, Trouble
from .patience import Patience, Round
from .transport import Transport

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")

AHEAD = 2
"""Requests handed to the loop, as a multiple of those under way: the server never waits for a caller that writes."""

LONGEST_BODY = 64 << 20
FEWEST_IN_A_ROW = 10
"""Requests in a row that have to fail, at the least, before a server counts as gone."""

_POLL_SECONDS = 0.1


class Server:
    """A server of the OpenAI interface and one model of it.

    Args:
        address: `URL#MODEL`.
        seed: of the random part of delays.
        drain_seconds: after a stop, how long requests under way may still finish.
        longest_body: bytes of an answer at most.
        first_delay: seconds before the second attempt; doubles with every further one, up to 64 times.

    Attributes:
        statistics: counts of requests that ended, attempts, answered and failed ones, retries; the last two by reason.
            What was `resent` because a kept connection was closed meanwhile is no attempt of its own.

    Raises:
        WrongOption: no such URL, no model, no key where one was named.
    """

    def __init__(
        self,
        address: str,
        serving: Serving | None = None,
        *,
        seed: int = 0,
        drain_seconds: float = 5.0,
        longest_body: int = LONGEST_BODY,
        first_delay: float = 0.5,
    ) -> None:
        self.serving = serving or Serving()
        self.address = Address(address, self.serving.api_key_env)
        self.model = self.address.model
        self.statistics: Counter[str] = Counter()
        transport = Transport(self.address, longest_body, self.statistics)
        self._attempts = Attempts(self.address, transport, self.serving.timeout_seconds)
        self.patience = Patience(
            self._attempts, self.address, self.serving, self.statistics, seed=seed, first_delay=first_delay
        )
        self._drain_seconds = drain_seconds
        self._in_a_row = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"Server({self.address.shown}#{self.model})"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is under way and end the thread. The next `send` starts another."""
        loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None:
            return
        with contextlib.suppress(RuntimeError):
            asyncio.run_coroutine_threadsafe(self._end(), loop)
        thread.join(timeout=5)

    def models(self) -> list[str]:
        """What the server says it serves.

        Raises:
            Failed: it does not say.
        """
        outcome = self._submit(self._attempts.list_models()).result()
        if isinstance(outcome, Trouble):
            raise Failed(f"{self.address.shown}/models: {outcome.reason}: {outcome.message}")
        return outcome

    def send(
        self,
        calls: Iterable[tuple[Key, Call]],
        read: Callable[[dict[str, Any]], Answer],
        stopping: Callable[[], bool],
    ) -> Generator[tuple[Key, Answer | RequestFailed], None, None]:
        """Answers as they come, in any order, each under the key of its call.

        `calls` is read in the caller's thread, no further ahead than twice `concurrency`. Once `stopping()` is true no
        call is begun; those under way may finish for `drain_seconds`, the others are not given at all.

        Args:
            read: makes an answer of the JSON object; runs in the other thread. What it raises (Malformed, KeyError,
                TypeError ...) means that the body is broken, and the request is tried again.

        Raises:
            WrongOption, WrongArtifact: the server refuses the key, or has no such path or model (401, 403, 404 ...).
            Failed: it is gone: more requests in a row failed than can be by accident.
        """
        sending = _Sending[Key, Answer](self, read)
        source, more = iter(calls), True
        try:
            while True:
                while more and len(sending.open) < AHEAD * self.serving.concurrency and not stopping():
                    try:
                        key, call = next(source)
                    except StopIteration:
                        more = False
                    else:
                        sending.begin(key, call)
                if stopping():
                    yield from sending.drain(self._drain_seconds)
                    return
                if not sending.open:
                    return
                if (found := sending.next(_POLL_SECONDS)) is not None:
                    yield found
        finally:
            sending.cancel()

    # --- in the caller's thread -----------------------------------------------------------------------------------

    def _submit(self, work: Any) -> Future[Any]:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self.patience.begin()
            self._thread = threading.Thread(target=self._run, args=(self._loop,), name="whet-server", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.close()

    def _note(self, outcome: Any) -> None:
        """Count how a request ended.

        Raises:
            Failed: too many in a row failed in passing.
        """
        self.statistics["requests"] += 1
        if not isinstance(outcome, RequestFailed):
            self._in_a_row = 0
            return
        self.statistics["failed"] += 1
        self.statistics[f"failed: {outcome.reason}"] += 1
        if outcome.permanent:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= max(FEWEST_IN_A_ROW, self.serving.concurrency):
            raise Failed(
                f"{self.address.shown} failed {self._in_a_row} requests in a row (the last: {outcome}): see to the "
                "server, then run the same command again; what was done is kept"
            )

    # --- in the loop's thread -------------------------------------------------------------------------------------

    async def _end(self) -> None:
        loop = asyncio.get_running_loop()
        others = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task(loop)]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._attempts.transport.close()
        await asyncio.sleep(0.01)  # transports close in callbacks of the loop's next rounds
        loop.call_soon(loop.stop)


class _Sending(Generic[Key, Answer]):
    """The requests of one `send`."""

    def __init__(self, server: Server, read: Callable[[dict[str, Any]], Answer]) -> None:
        self.open: dict[Future[Any], Key] = {}
        self._server, self._read, self._round = server, read, Round()
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()

    def begin(self, key: Key, call: Call) -> None:
        future = self._server._submit(self._server.patience.answer(call, self._read, self._round))
        self.open[future] = key
        future.add_done_callback(self._done.put)

    def next(self, seconds: float) -> tuple[Key, Answer | RequestFailed] | None:
        """One that has ended, None when none has within `seconds`."""
        try:
            return self._taken(seconds)
        except queue.Empty:
            return None

    def _taken(self, seconds: float) -> tuple[Key, Answer | RequestFailed] | None:
        """One that has ended, None for one that a stop came before.

        Raises:
            queue.Empty: none has ended within `seconds`.
        """
        future = self._done.get(timeout=max(0.0, seconds))
        key = self.open.pop(future)
        outcome = future.result()  # raises what every request would meet
        if outcome is None:
            return None
        self._server._note(outcome)
        return key, outcome

    def drain(self, seconds: float) -> Iterator[tuple[Key, Answer | RequestFailed]]:
        """What still ends within `seconds`; nothing new is begun, nothing is tried again."""
        self._round.stopping = True
        end = time.monotonic() + seconds
        while self.open and (left := end - time.monotonic()) > 0:
            # An answer is counted a moment before it is handed over: look first, then wait.
            idle = not self._round.under_way
            try:
                found = self._taken(min(left, 0.05))
            except queue.Empty:
                if idle:
                    return  # the rest only waits for its turn
                continue
            except WhetError:  # a server that is gone or refuses: the stage stops anyway
                continue
            if found is not None:
                yield found

    def cancel(self) -> None:
        for future in self.open:
            future.cancel()
