"""Proxies as the environment names them (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY); never for this machine."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ...artifacts import WrongOption
from .address import Address


@dataclass(frozen=True)
class Proxy:
    """Where requests go instead, and what they carry for it."""

    host: str
    port: int
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    async def ask_through(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
    ) -> None:
        """Have the proxy connect us to a host (CONNECT).

        Raises:
            OSError: it does not.
        """
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}", *(f"{n}: {v}" for n, v in self.headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode("ascii"))
        await writer.drain()
        status = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode("latin-1").split(" ", 2)
        if len(status) < 2 or status[1] != "200":
            raise OSError(f"the proxy says {' '.join(status[1:])[:60] or 'nothing'}")


def proxy_for(address: Address) -> Proxy | None:
    """The proxy that stands before a server, None where it is reached directly.

    Raises:
        WrongOption: it is no HTTP proxy.
    """
    from urllib.request import getproxies, proxy_bypass

    if is_here(address.host) or proxy_bypass(address.authority):
        return None
    known = getproxies()
    text = known.get("https" if address.secure else "http") or known.get("all")
    if not text:
        return None
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if parts.scheme != "http" or not host:
        raise WrongOption(
            f"the proxy that the environment names for {address.origin} is no http:// proxy: change it, or put "
            f"{address.host} into NO_PROXY"
        )
    headers = {}
    if parts.username or parts.password:
        told = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(told.encode()).decode()
    return Proxy(host, port, headers)


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
