"""A request asked until it is answered, or until asking again does not help; lives in the event loop."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from . import Call, RequestFailed, Serving
from .address import Address
from .attempts import Attempts, Trouble

Answer = TypeVar("Answer")

LONGEST_RETRY_AFTER = 300.0


class Round:
    """What the requests of one `send` are told, and tell."""

    stopping = False
    under_way = 0
    """Attempts that the server has not answered yet"""


class Patience:
    """How often and when a request is sent again.

    Args:
        seed: of the random part of delays.
        first_delay: seconds before the second attempt; doubles with every further one, up to 64 times.
        statistics: where attempts, answers and retries are counted.
    """

    def __init__(
        self,
        attempts: Attempts,
        address: Address,
        serving: Serving,
        statistics: Counter[str],
        *,
        seed: int,
        first_delay: float,
    ) -> None:
        self._attempts, self._address, self._serving = attempts, address, serving
        self._statistics, self._random, self._first_delay = statistics, random.Random(seed), first_delay
        self._not_before = 0.0
        self.begin()

    def begin(self) -> None:
        """Give out slots anew: those of an event loop that ended are of no use in another."""
        self._slots = asyncio.Semaphore(self._serving.concurrency)

    async def answer(self, call: Call, read: Callable[[dict[str, Any]], Answer], round_: Round) -> Any:
        """The answer of a call, or a RequestFailed; None when a stop came before the end."""
        body = json.dumps({"model": self._address.model, **call.body}).encode("ascii")
        attempts = spent = 0
        answered = self._statistics["answered"]
        while True:
            await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
            async with self._slots:
                if round_.stopping:
                    return None
                if self._not_before > time.monotonic():
                    continue  # while it waited for its turn, the server asked everyone to wait
                outcome = await self._counted_attempt(call.path, body, read, round_)
            attempts += 1
            if not isinstance(outcome, Trouble):
                return outcome
            # A server that limits the rate still gets on: as long as others are answered, that uses up no retries.
            spent += outcome.reason != "HTTP 429" or self._statistics["answered"] == answered
            answered = self._statistics["answered"]
            wait = outcome.retry_after or 0.0
            if outcome.permanent or spent > self._serving.retries or wait > LONGEST_RETRY_AFTER:
                return RequestFailed(outcome.reason, outcome.message, attempts, outcome.permanent)
            if round_.stopping:
                return None
            self._statistics["retries"] += 1
            self._statistics[f"retried: {outcome.reason}"] += 1
            self._tell_once(outcome)
            if wait:
                self._not_before = max(self._not_before, time.monotonic() + wait)
            await asyncio.sleep(self.delay(attempts))

    async def _counted_attempt(
        self, path: str, body: bytes, read: Callable[[dict[str, Any]], Answer], round_: Round
    ) -> Answer | Trouble:
        self._statistics["attempts"] += 1
        round_.under_way += 1
        try:
            outcome = await self._attempts.attempt(path, body, read)
        finally:
            round_.under_way -= 1
        self._statistics["answered"] += not isinstance(outcome, Trouble)
        return outcome

    def delay(self, attempts: int) -> float:
        """Seconds before the next attempt: doubled six times, half of it by chance so that requests spread out."""
        return self._first_delay * 2.0 ** min(attempts - 1, 6) * self._random.uniform(0.5, 1.0)

    def _tell_once(self, trouble: Trouble) -> None:
        if self._statistics[f"retried: {trouble.reason}"] == 1:
            from loguru import logger

            logger.warning(f"{self._address.shown}: {trouble.reason}: {trouble.message}; such requests are tried again")
