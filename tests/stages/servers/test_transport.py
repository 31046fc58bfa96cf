"""Connections: TLS, proxies, name servers."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from whet.artifacts import WrongOption
from whet.stages.servers import RequestFailed, Serving
from whet.stages.servers.client import Server
from whet.stages.servers.completions import Written, chat, read_written
from whet.stages.servers.proxies import is_here

SAID = {"choices": [{"text": "x" * 300_000}]}


def ask(url, count=3, **options):
    serving = Serving(**{"retries": 0, "timeout_seconds": 5.0, "concurrency": 2, **options})
    calls = [(n, chat([{"role": "user", "content": "y" * 100_000}], max_tokens=1)) for n in range(count)]
    with Server(f"{url}#m", serving) as client:
        return [found for _, found in client.send(calls, read_written, lambda: False)]


class Tunnel:
    """A proxy that connects whoever asks with CONNECT, or passes a plain request on, to one server."""

    def __init__(self, port):
        self.heads, self._port = [], port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.where = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._pass_on, args=(self._socket.accept()[0],), daemon=True).start()

    def _pass_on(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        head, _, rest = head.partition(b"\r\n\r\n")
        self.heads.append(head.decode())
        server = socket.create_connection(("127.0.0.1", self._port))
        if head.startswith(b"CONNECT"):
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            first, _, more = head.partition(b"\r\n")
            method, target, version = first.split(b" ")
            path = b"/" + target.split(b"/", 3)[3]
            server.sendall(b" ".join([method, path, version]) + b"\r\n" + more + b"\r\n\r\n" + rest)
        back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
        back.start()
        self._copy(client, server)
        back.join(5)
        client.close()
        server.close()

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def tunnel():
    made = []

    def start(port):
        made.append(Tunnel(port))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is needed to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,DNS:model.example,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def tls_server(local_server, certificate):
    """The port of a server that speaks TLS."""
    server = local_server(lambda asked: SAID)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    listening = asyncio.start_server(server._serve, "127.0.0.1", 0, limit=1 << 24, ssl=context)
    secure = asyncio.run_coroutine_threadsafe(listening, server._loop).result(5)
    yield secure.sockets[0].getsockname()[1]
    server._loop.call_soon_threadsafe(secure.close)


def test_https_checks_the_certificate(tls_server, certificate, monkeypatch):
    with pytest.raises(WrongOption, match="its certificate is not trusted .*SSL_CERT_FILE"):
        ask(f"https://localhost:{tls_server}/v1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    found = ask(f"https://localhost:{tls_server}/v1")
    assert [len(written.text) for written in found if isinstance(written, Written)] == [300_000] * 3


def test_https_goes_through_a_proxy_in_a_tunnel(tls_server, certificate, tunnel, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    through = tunnel(tls_server)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@{through.where}")
    found = ask(f"https://model.example:{tls_server}/v1")
    assert [len(written.text) for written in found if isinstance(written, Written)] == [300_000] * 3
    assert through.heads[0].split("\r\n") == [
        f"CONNECT model.example:{tls_server} HTTP/1.1",
        f"Host: model.example:{tls_server}",
        "Proxy-Authorization: Basic bWU6c2VjcmV0",
    ]


def test_http_goes_through_a_proxy_with_the_whole_url(local_server, tunnel, monkeypatch):
    server = local_server(lambda asked: SAID)
    through = tunnel(server.port)
    monkeypatch.setenv("HTTP_PROXY", through.where)
    assert len(ask("http://model.example/v1", count=1)) == 1
    assert through.heads[0].startswith(
        "POST http://model.example/v1/chat/completions HTTP/1.1\r\nHost: model.example\r\n"
    )
    assert server.asked[0].path == "/v1/chat/completions"
    monkeypatch.setenv("NO_PROXY", "example")
    assert [failed.reason for failed in ask("http://model.example/v1", 1) if isinstance(failed, RequestFailed)]
    assert len(through.heads) == 1


def test_this_machine_is_never_asked_through_a_proxy(local_server, tunnel, monkeypatch):
    server = local_server(lambda asked: SAID)
    through = tunnel(server.port)
    monkeypatch.setenv("HTTP_PROXY", f"http://{through.where}")
    monkeypatch.setenv("ALL_PROXY", f"http://{through.where}")
    for host in ("127.0.0.1", "localhost"):
        assert isinstance(ask(f"http://{host}:{server.port}/v1", 1)[0], Written)
    assert through.heads == []
    assert all(is_here(host) for host in ("localhost", "127.1.2.3", "::1"))
    assert not is_here("localhost.example")


def test_a_proxy_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://me:secret@h:1080")
    with pytest.raises(WrongOption, match="no http:// proxy: change it, or put model.example into NO_PROXY") as caught:
        ask("http://model.example/v1", 1)
    assert "secret" not in str(caught.value)


def test_a_host_that_does_not_exist_is_a_failed_connection():
    ((failed),) = ask("http://no-such-host.invalid/v1", 1)
    assert isinstance(failed, RequestFailed)
    assert failed.reason == "connection"
    assert failed.message.startswith("no connection to no-such-host.invalid:80 (")


def test_a_name_server_that_hangs_holds_up_nothing(monkeypatch):
    """getaddrinfo cannot be interrupted; here it comes back when the test is over."""
    over, whole = threading.Event(), socket.getaddrinfo

    def slow(*arguments, **more):
        over.wait(60)
        return whole(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    started = time.monotonic()
    ((failed),) = ask("http://localhost:1/v1", 1, timeout_seconds=0.2)
    assert isinstance(failed, RequestFailed)
    assert failed.reason == "time-out"
    assert time.monotonic() - started < 10
    over.set()


def test_a_connection_that_lay_idle_and_was_closed_is_replaced(local_server):
    server = local_server(lambda asked: {"choices": [{"text": "a"}]})
    with Server(f"{server.url}#m", Serving(concurrency=1, retries=0)) as client:
        calls = [(0, chat([], max_tokens=1))]
        (first,) = client.send(calls, read_written, lambda: False)
        # The server forgets the connection without a word, as after a restart.
        asyncio.run_coroutine_threadsafe(_drop_all(), server._loop).result(5)
        (second,) = client.send(calls, read_written, lambda: False)
    assert first == second == (0, Written("a"))
    assert client.statistics["retries"] == client.statistics["failed"] == 0


async def _drop_all():
    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()
    await asyncio.sleep(0.01)
