"""One attempt at a request, and what the server's answer to it means: an answer, trouble that may pass, or the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ...artifacts import Failed, WrongArtifact, WrongOption
from ...artifacts.provenance import mask_url
from .address import Address
from .transport import ExchangeFailed, Reply, Transport

Answer = TypeVar("Answer")

_PASSING = {408, 409, 425, 429}


class Malformed(ValueError):
    """An answer that is no JSON, or not what the interface promises."""


class Trouble(NamedTuple):
    """Why an attempt gave no answer.

    Attributes:
        permanent: another attempt would fail the same.
        retry_after: seconds that the server asks to wait.
    """

    reason: str
    message: str
    permanent: bool = False
    retry_after: float | None = None


class Attempts:
    """Attempts at requests to one server; lives in the event loop."""

    def __init__(self, address: Address, transport: Transport, seconds: float) -> None:
        self._address, self.transport, self._seconds = address, transport, seconds

    async def attempt(self, path: str, body: bytes, read: Callable[[dict[str, Any]], Answer]) -> Answer | Trouble:
        """Send one request.

        Raises:
            WrongOption, WrongArtifact, Failed: every other request would fare the same.
        """
        try:
            reply = await self.transport.exchange("POST", path, body, self._seconds)
        except ExchangeFailed as error:
            return Trouble(error.reason, self._address.clean(str(error)), permanent=error.reason == "too large")
        if not 200 <= reply.status < 300:
            return await self._refused(reply, path)
        try:
            return read(self._object(reply))
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            said = str(error) if isinstance(error, Malformed) else f"{type(error).__name__} {error}"
            return Trouble("malformed", self._address.clean(said))

    def _object(self, reply: Reply) -> dict[str, Any]:
        """The JSON object of an answer.

        Raises:
            Malformed: there is none, or it reports an error.
        """
        text = self._address.hide(reply.body.decode("utf-8", "replace"))
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise Malformed(f"an answer that is no JSON: {text[:80]!r}") from None
        if not isinstance(found, dict):
            raise Malformed(f"an answer that is no object: {text[:80]!r}")
        if found.get("error") and "choices" not in found:
            raise Malformed(f"an error in place of an answer: {_told(text)}")
        return found

    async def _refused(self, reply: Reply, path: str) -> Trouble:
        """What a status other than success means."""
        status, shown = reply.status, self._address.shown
        told = self._address.clean(_told(reply.body[:100_000].decode("utf-8", "replace")))
        said = f"HTTP {status}" + (f": {told}" if told else "")
        if status in _PASSING or status >= 500:
            wait = _retry_after(reply)
            asked = "" if wait is None else f", asks to wait {wait:.3g} s"
            return Trouble(f"HTTP {status}", (told or "no message") + asked, retry_after=wait)
        if 300 <= status < 400:
            where = self._address.clean(mask_url(reply.headers.get("location", "nowhere")))
            raise WrongOption(f"{shown} redirects to {where} ({status}): give the URL of the server itself")
        if status in (401, 403):
            name = self._address.key_variable
            what = f"refuses the key in {name}" if self._address.has_key else f"wants a key, and {name} is not set"
            raise WrongOption(f"{shown} {what} ({said}): set it, or name another variable with --serving.api-key-env")
        if status == 402:
            raise Failed(f"{shown} wants to be paid ({said})")
        if status in (404, 405):
            served = await self.list_models()
            listed = f"it serves {', '.join(served)}" if isinstance(served, list) else "it lists no models either"
            raise WrongArtifact(
                f"{shown}/{path} or model {self._address.model} is not there ({said}); {listed}: "
                "expected server:URL#MODEL with the URL that ends in /v1"
            )
        return Trouble(f"HTTP {status}", told or "no message", permanent=True)

    async def list_models(self) -> list[str] | Trouble:
        """What the server says it serves."""
        try:
            reply = await self.transport.exchange("GET", "models", None, self._seconds)
            if reply.status != 200:
                return Trouble(f"HTTP {reply.status}", "no list of models")
            return [self._address.clean(str(entry["id"])) for entry in self._object(reply)["data"]]
        except ExchangeFailed as error:
            return Trouble(error.reason, self._address.clean(str(error)))
        except (ValueError, KeyError, TypeError):
            return Trouble("malformed", "no list of models")


def _told(text: str) -> str:
    """The message in the body of a refusal."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text[:1000]
    for name in ("error", "message", "detail"):
        while isinstance(found, dict) and name in found:
            found = found[name]
    return found if isinstance(found, str) else json.dumps(found)[:1000]


def _retry_after(reply: Reply) -> float | None:
    """Seconds to wait as the server asks: a number or a date."""
    from email.utils import parsedate_to_datetime

    value = reply.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    return seconds if 0 < seconds < float("inf") else None
