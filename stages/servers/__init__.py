"""OpenAI-compatible servers: thousands of requests, none lost, none that hangs.

with Server("http://localhost:8000/v1#my-model", Serving(concurrency=32)) as server:
    calls = ((n, chat(server.model, messages, max_tokens=1)) for n, messages in enumerate(asked))
    for n, written in server.send(calls, read_written, stopping=lambda: False):
        ...  # a Written, or a RequestFailed that says why there is none
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from ..options import Runtime, expect

DEFAULT_KEY = "OPENAI_API_KEY"

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How a server is asked."""

    concurrency: Annotated[int, Runtime] = 64
    """Requests under way at most"""

    retries: Annotated[int, Runtime] = 5
    """Further attempts at a request that failed in passing (no connection, time-out, 429, 5xx, a broken body)"""

    timeout_seconds: Annotated[float, Runtime] = 300.0
    """Time for one attempt, from the connection to the last byte"""

    api_key_env: Annotated[str, Runtime] = DEFAULT_KEY
    """Environment variable that holds the key; keys are given in no other way"""

    def __post_init__(self) -> None:
        expect(
            (
                ("--serving.concurrency", self.concurrency, self.concurrency >= 1, "at least 1"),
                ("--serving.retries", self.retries, self.retries >= 0, "0 or a positive number"),
                (
                    "--serving.timeout-seconds",
                    self.timeout_seconds,
                    0 < self.timeout_seconds < float("inf"),
                    "a positive number",
                ),
                # The value is not shown: whoever makes this mistake has most likely given the key itself.
                (
                    "--serving.api-key-env",
                    "no name of an environment variable",
                    _VARIABLE.fullmatch(self.api_key_env) is not None,
                    f"a name in capitals such as {DEFAULT_KEY}, of a variable that holds the key",
                ),
            )
        )


class Call(NamedTuple):
    """One request: the path below the server's URL, and the JSON body."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """What stands in place of an answer that could not be had. The row stays open, and another run may ask again.

    Attributes:
        reason: a short kind to count by: connection, time-out, malformed, too large, HTTP 503 ...
        message: one line for a person, without any secret.
        attempts: how often it was tried.
        permanent: the server refused the request itself (HTTP 400, 422 ...): asking again will not help.
    """

    reason: str
    message: str
    attempts: int = 1
    permanent: bool = False

    def __str__(self) -> str:
        tried = f" ({self.attempts} attempts)" if self.attempts > 1 else ""
        return f"{self.reason}: {self.message}{tried}"
