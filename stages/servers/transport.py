"""HTTP/1.1 as a client that trusts no server: every exchange ends in time, every body has a limit.

asyncio's own streams are all that is needed: a request is one POST or GET with a known body, an answer is JSON. Nothing
is redirected, compressed or kept in cookies. Connections are kept open and used again.

Why not `http.client`: its time-out starts anew with every byte, so a server that drips bytes holds it for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import ssl
import threading
import time
from collections import Counter
from typing import Any, NamedTuple

from ...artifacts import WrongOption
from .address import Address
from .proxies import Proxy, proxy_for

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0
"""How long a connection may lie idle and be used again."""

_HEAD_BYTES = 64 * 1024
_STATUS = re.compile(r"HTTP/1\.([01]) (\d{3})(?: .*)?")
_HEX = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class Reply(NamedTuple):
    """What a server answered; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class ExchangeFailed(Exception):
    """No whole answer: the connection failed or broke off, time ran out, or it was no HTTP.

    Attributes:
        reason: connection, time-out, malformed or too large.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since: float = 0.0

    def close(self) -> None:
        self.writer.transport.abort()


class Transport:
    """Exchanges with one server; lives inside one event loop.

    Args:
        longest_body: bytes of an answer at most.
        statistics: counts under `resent` how often a kept connection turned out to be closed.
    """

    def __init__(
        self,
        address: Address,
        longest_body: int,
        statistics: Counter[str],
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._address, self._longest, self._connect_seconds = address, longest_body, connect_seconds
        self._statistics = statistics
        self._idle: list[_Connection] = []
        self._proxy: Proxy | None = proxy_for(address)
        self._tls: ssl.SSLContext | None = None

    async def exchange(self, method: str, path: str, body: bytes | None, seconds: float) -> Reply:
        """Send one request and read its whole answer.

        Raises:
            ExchangeFailed: there is none, or not within `seconds`.
            WrongOption: the server's certificate is not trusted.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(method, path, body)
        except TimeoutError:
            raise ExchangeFailed("time-out", f"no answer within {seconds:g} s") from None

    def close(self) -> None:
        """Drop all idle connections."""
        while self._idle:
            self._idle.pop().close()

    async def _exchange(self, method: str, path: str, body: bytes | None) -> Reply:
        request = self._request(method, path, body)
        if (kept := self._take_idle()) is not None:
            # A server may close an idle connection at any moment: before the first byte of an answer nothing is lost.
            try:
                return await self._talk(kept, request, fresh=False)
            except _Stale:
                self._statistics["resent"] += 1
        return await self._talk(await self._connect(), request, fresh=True)

    def _request(self, method: str, path: str, body: bytes | None) -> bytes:
        target = self._address.target(path)
        headers = self._address.headers()
        if self._proxy is not None and not self._address.secure:
            target = self._address.origin + target
            headers |= self._proxy.headers
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        head = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(head).encode("ascii") + (body or b"")

    def _take_idle(self) -> _Connection | None:
        while self._idle:
            kept = self._idle.pop()
            if not kept.reader.at_eof() and time.monotonic() - kept.since < IDLE_SECONDS:
                return kept
            kept.close()
        return None

    async def _talk(self, connection: _Connection, request: bytes, fresh: bool) -> Reply:
        """One request and its answer; the connection is kept or closed."""
        keep = False
        try:
            with contextlib.suppress(ConnectionError):  # a refusal may come before the whole request is sent
                connection.writer.write(request)
                await connection.writer.drain()
            try:
                first = await connection.reader.readexactly(1)
            except (OSError, asyncio.IncompleteReadError) as error:
                if fresh:
                    raise ExchangeFailed("connection", "closed without an answer") from error
                raise _Stale from error
            try:
                reply, keep = await self._read(connection.reader, first)
            except asyncio.IncompleteReadError as error:
                raise ExchangeFailed("connection", "closed in the middle of an answer") from error
            except asyncio.LimitOverrunError as error:
                raise ExchangeFailed("malformed", "a header or chunk without end") from error
            except OSError as error:
                raise ExchangeFailed("connection", _said(error)) from error
            return reply
        finally:
            if keep:
                self._idle.append(connection._replace(since=time.monotonic()))
            else:
                connection.close()

    async def _read(self, reader: asyncio.StreamReader, first: bytes) -> tuple[Reply, bool]:
        """The answer whose first byte was read, and whether the connection can be used again."""
        version, status, headers = await _read_head(reader, first)
        while 100 <= status < 200:
            version, status, headers = await _read_head(reader)
        lasting = version == "1" and "close" not in headers.get("connection", "").lower()
        coding = headers.get("transfer-encoding", "").strip().lower()
        length = headers.get("content-length", "").strip()
        if status in (204, 304):
            return Reply(status, headers, b""), lasting
        if coding:
            if coding != "chunked":
                raise ExchangeFailed("malformed", f"an answer in the transfer coding {coding[:40]!r}")
            return Reply(status, headers, await self._read_chunks(reader)), lasting
        if length:
            if not re.fullmatch(r"[0-9]{1,15}", length):
                raise ExchangeFailed("malformed", f"a content length of {length[:40]!r}")
            self._check_length(int(length))
            return Reply(status, headers, await reader.readexactly(int(length))), lasting
        body = bytearray()
        while piece := await reader.read(_HEAD_BYTES):
            body += piece
            self._check_length(len(body))
        return Reply(status, headers, bytes(body)), False

    async def _read_chunks(self, reader: asyncio.StreamReader) -> bytes:
        body = bytearray()
        while True:
            size = _HEX.fullmatch(await reader.readuntil(b"\r\n"))
            if size is None:
                raise ExchangeFailed("malformed", "a chunk without its size")
            length = int(size[1], 16)
            self._check_length(len(body) + length)
            if not length:
                break
            body += await reader.readexactly(length)
            if await reader.readexactly(2) != b"\r\n":
                raise ExchangeFailed("malformed", "a chunk of another size than it says")
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
        return bytes(body)

    def _check_length(self, length: int) -> None:
        if length > self._longest:
            raise ExchangeFailed("too large", f"an answer of more than {self._longest:,} bytes")

    async def _connect(self) -> _Connection:
        """A new connection, through the proxy where there is one, with TLS where the URL says https."""
        address, proxy = self._address, self._proxy
        host, port = (address.host, address.port) if proxy is None else (proxy.host, proxy.port)
        where = f"{host}:{port}" if proxy is None else f"the proxy {host}:{port}"
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(self._connect_seconds):
                reader, writer = await _open(host, port)
                if address.secure:
                    if proxy is not None:
                        await proxy.ask_through(reader, writer, address.host, address.port)
                    await writer.start_tls(self._context(), server_hostname=address.host)
                connection, writer = _Connection(reader, writer), None
                return connection
        except TimeoutError:
            message = f"no connection to {where} within {self._connect_seconds:g} s"
            raise ExchangeFailed("connection", message) from None
        except ssl.SSLCertVerificationError as error:
            raise WrongOption(
                f"{address.shown}: its certificate is not trusted ({error.verify_message}): check the URL, or name a "
                "file with the certificate in SSL_CERT_FILE"
            ) from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ExchangeFailed("connection", f"no connection to {where} ({_said(error)})") from error
        finally:
            if writer is not None:
                writer.transport.abort()

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


class _Stale(Exception):
    """A kept connection was closed meanwhile."""


async def _read_head(reader: asyncio.StreamReader, first: bytes = b"") -> tuple[str, int, dict[str, str]]:
    """HTTP version ("0" or "1"), status and headers of an answer."""
    block = first + await reader.readuntil(b"\r\n\r\n")
    status, *lines = block.decode("latin-1").split("\r\n")
    found = _STATUS.fullmatch(status)
    if found is None:
        raise ExchangeFailed("malformed", f"no HTTP answer but {status[:60]!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return found[1], int(found[2]), headers


async def _open(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address of a host that takes the connection."""
    problem: OSError | None = None
    for family, _, _, _, where in await _resolve(host, port):
        raw = socket.socket(family, socket.SOCK_STREAM)
        try:
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, where)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return await asyncio.open_connection(sock=raw, limit=_HEAD_BYTES)
        except OSError as error:
            raw.close()
            problem = error
        except BaseException:
            raw.close()
            raise
    raise problem or OSError(f"{host} has no address")


async def _resolve(host: str, port: int) -> list[tuple[Any, ...]]:
    """Addresses of a host; a name server that hangs holds up neither the loop nor the end of the process."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[tuple[Any, ...]]] = loop.create_future()

    def give(answer: list[tuple[Any, ...]] | OSError) -> None:
        if not found.done():
            found.set_exception(answer) if isinstance(answer, OSError) else found.set_result(answer)

    def ask() -> None:
        try:
            answer: Any = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answer = error if isinstance(error, OSError) else OSError(str(error))
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(give, answer)

    threading.Thread(target=ask, name="whet-names", daemon=True).start()
    return await found


def _said(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0 and not isinstance(error, ssl.SSLError):
        return os.strerror(number).lower()  # asyncio puts an address where the text belongs
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
