"""Where a server is and who asks: its URL, the model, the key. Secrets are shown nowhere."""

from __future__ import annotations

import base64
import os
import re
from urllib.parse import unquote, urlsplit

from ...artifacts import WrongOption
from ...artifacts.provenance import mask_url
from . import DEFAULT_KEY

_ENDS = ("/chat/completions", "/completions", "/models")
_SHORTEST_SECRET = 4
_SHORTEST_KEY = 20
"""Shorter ones (EMPTY, a version number) are no keys, and may well stand in what a model writes."""


class Address:
    """A server and one model of it, from `URL#MODEL`.

    A URL without a path gets `/v1`. A query stays with every request; user and password become Basic authorization
    where no key is set.

    Attributes:
        shown: the URL as messages may show it: no user, no query.
        model: as the server calls it.

    Raises:
        WrongOption: no such URL, or no model.
    """

    def __init__(self, text: str, key_variable: str = DEFAULT_KEY) -> None:
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None  # the error itself could repeat a password
        if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[^!-~]", text):
            # What cannot be taken apart cannot be masked for sure.
            raise WrongOption(f"server:{'***' if '@' in text else mask_url(text)} is no server, expected {_FORM}")
        self.secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = port or (443 if self.secure else 80)
        path = parts.path.rstrip("/")
        for end in _ENDS:
            path = path.removesuffix(end)
        self._path = path or "/v1"
        self._query = f"?{parts.query}" if parts.query else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.authority = host if port is None else f"{host}:{port}"
        self.origin = f"{parts.scheme}://{self.authority}"
        self.shown = f"{self.origin}{self._path}"
        self.model = parts.fragment
        if not self.model:
            raise WrongOption(f"server:{self.shown} names no model, expected {_FORM} ({self.shown}/models lists them)")
        self.key_variable = key_variable
        key = os.environ.get(key_variable, "").strip()
        if not key and key_variable != DEFAULT_KEY:
            raise WrongOption(
                f"--serving.api-key-env {key_variable}: no such environment variable is set, expected the key in it"
            )
        if re.search(r"[^!-~]", key):
            raise WrongOption(f"{key_variable} holds blanks or characters outside ASCII, expected a key")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        self.has_key = bool(key)
        self._authorization = f"Bearer {key}" if key else _basic(user, password) if user or password else None
        values = [pair.partition("=")[2] for pair in parts.query.split("&")]
        told = [
            key,
            (self._authorization or "").partition(" ")[2],
            password,
            parts.password or "",
            *values,
            *(unquote(value) for value in values),
        ]
        self._secrets = sorted({secret for secret in told if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)

    def __repr__(self) -> str:
        return f"Address({self.shown}#{self.model})"

    def target(self, path: str) -> str:
        """What a request line asks for."""
        return f"{self._path}/{path}{self._query}"

    def headers(self) -> dict[str, str]:
        """The headers of every request. Never to be shown."""
        sent = {"Host": self.authority, "User-Agent": "whet", "Accept": "application/json"}
        return sent | ({"Authorization": self._authorization} if self._authorization else {})

    def clean(self, text: str) -> str:
        """A text of the server as one printable line without our secrets, should it repeat them."""
        text = " ".join("".join(c if c.isprintable() else " " for c in self.hide(text, _SHORTEST_SECRET)).split())
        return text if len(text) <= 300 else text[:297] + "..."

    def hide(self, text: str, shortest: int = _SHORTEST_KEY) -> str:
        """A text without our secrets."""
        for secret in self._secrets:
            if len(secret) >= shortest:
                text = text.replace(secret, "***")
        return text


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


_FORM = "server:http://HOST:PORT/v1#MODEL"
