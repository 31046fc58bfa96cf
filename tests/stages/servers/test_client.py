"""The client against a real HTTP server that fails, hangs and answers nonsense."""

import asyncio
import itertools
import json
import random
import socket
import threading
import time
from collections import Counter
from typing import Any

import pytest

from whet.artifacts import Failed, WrongArtifact, WrongOption
from whet.stages.servers import RequestFailed, Serving
from whet.stages.servers.client import Server
from whet.stages.servers.completions import Written, chat, complete, read_written


def said(text):
    return {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}


def calls(count):
    return ((n, chat([{"role": "user", "content": str(n)}], max_tokens=4)) for n in range(count))


def echo(asked):
    return said(asked.body["messages"][0]["content"])


def send(server: Any, count: int, stopping: Any = lambda: False, **options: Any) -> tuple[list[Any], Any]:
    """Every answer of `count` requests as (number, text or failure), and the client's statistics."""
    first_delay = options.pop("first_delay", 0.01)
    serving = Serving(**{"concurrency": 8, "timeout_seconds": 5.0, **options})
    with Server(f"{server.url}#m", serving, first_delay=first_delay) as client:
        found = [
            (n, answer if isinstance(answer, RequestFailed) else answer.text)
            for n, answer in client.send(calls(count), read_written, stopping)
        ]
        return found, client.statistics


async def stall(writer):
    await asyncio.sleep(60)


async def drip(writer):
    """A byte every 20 ms, for ever: a time-out that starts anew with every byte never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_headers(writer):
    while True:
        writer.write(b"X")
        await writer.drain()
        await asyncio.sleep(0.02)


async def swallow(writer):
    """Huge, and without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


TRUNCATED = b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"choices": [{"mess'
HTML = (200, "<!DOCTYPE html><html><body>Welcome</body></html>")
NONSENSE = [
    HTML,
    TRUNCATED,
    b"",
    b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}}}}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"y" * 100_000,
    (200, "[1, 2"),
    (200, "[" * 100_000),
    (200, "null"),
    {"choices": []},
    {"choices": [{"message": {"role": "assistant"}}]},
    {"choices": [{"message": {"content": 7}}]},
    {"choices": "none"},
    {"error": {"message": "out of memory"}},
    said("x") | {"choices": [{**said("x")["choices"][0], "logprobs": {"content": [{"token": "x", "logprob": 5}]}}]},
]


def test_requests_are_answered_under_their_numbers_and_connections_are_used_again(local_server):
    server = local_server(echo)
    found, statistics = send(server, 300)
    assert sorted(found) == [(n, str(n)) for n in range(300)]
    assert statistics == {"requests": 300, "attempts": 300, "answered": 300}
    assert server.connections <= 8
    assert server.asked[0].path == "/v1/chat/completions"
    assert server.asked[0].body["model"] == "m"


def test_no_more_requests_are_under_way_than_wanted_nor_fewer(local_server):
    async def slow(asked):
        await asyncio.sleep(0.02)
        return echo(asked)

    server = local_server(slow)
    started = time.monotonic()
    send(server, 100, concurrency=5)
    assert server.busiest == 5
    assert time.monotonic() - started < 1.9  # one after the other it were 2 s, here 0.4


def test_calls_are_read_no_further_ahead_than_twice_the_concurrency(local_server):
    server, read = local_server(echo), []

    def source():
        for n, call in calls(10_000):
            read.append(n)
            yield n, call

    with Server(f"{server.url}#m", Serving(concurrency=4)) as client:
        answers = client.send(source(), read_written, lambda: False)
        for taken in range(1, 20):
            next(answers)
            assert len(read) <= 8 + taken
        answers.close()


def test_a_server_that_fails_in_every_way_loses_nothing(local_server):
    # 10% drop the connection, 3% stall, 2% drip, 5% nonsense, 5% 503, 5% 429: each request as the dice fall.
    dice, lock = random.Random(1), threading.Lock()

    def answer(asked):
        with lock:
            throw = dice.random()
        if throw < 0.10:
            return b""
        if throw < 0.13:
            return stall
        if throw < 0.15:
            return drip
        if throw < 0.20:
            return dice.choice(NONSENSE)
        if throw < 0.25:
            return 503, {"error": "busy"}
        if throw < 0.30:
            return 429, {"error": "slow down"}, {"Retry-After": "0.01"}
        return echo(asked)

    server = local_server(answer)
    started = time.monotonic()
    found, statistics = send(server, 400, concurrency=32, retries=12, timeout_seconds=0.3)
    assert sorted(found) == [(n, str(n)) for n in range(400)]
    assert statistics["attempts"] == 400 + statistics["retries"]
    assert len(server.asked) == statistics["attempts"] + statistics["resent"]
    assert statistics["retries"] == sum(count for name, count in statistics.items() if name.startswith("retried: "))
    reasons = {name for name in statistics if name.startswith("retried: ")}
    assert {"connection", "time-out", "malformed", "HTTP 503", "HTTP 429"} <= {name[9:] for name in reasons}
    # About 400 / .7 attempts, of which 5% hang for 0.3 s: 30 x 0.3 / 32 = 0.3 s, and the delays of the last.
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_tried_again(nonsense, local_server):
    turns = itertools.count()
    server = local_server(lambda asked: nonsense if next(turns) % 2 == 0 else echo(asked))
    found, statistics = send(server, 3, concurrency=1)
    assert sorted(found) == [(n, str(n)) for n in range(3)]
    assert statistics["retried: malformed"] + statistics["retried: connection"] + statistics["resent"] == 3


@pytest.mark.parametrize("hanging", [stall, drip, drip_headers])
def test_a_request_ends_in_time_whatever_the_server_does(hanging, local_server):
    started = time.monotonic()
    found, statistics = send(local_server(lambda asked: hanging), 4, retries=1, timeout_seconds=0.3)
    assert time.monotonic() - started < 10  # two attempts of 0.3 s, side by side
    assert {failed.reason for _, failed in found} == {"time-out"}
    assert str(found[0][1]) == "time-out: no answer within 0.3 s (2 attempts)"
    assert statistics["failed"] == statistics["failed: time-out"] == 4


def test_a_server_that_reads_nothing_is_left_in_time():
    long = chat([{"role": "user", "content": "x" * 20_000_000}], max_tokens=1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1#m"
        with Server(url, Serving(timeout_seconds=0.3, retries=0)) as client:
            started = time.monotonic()
            ((_, failed),) = client.send([(0, long)], read_written, lambda: False)
    assert isinstance(failed, RequestFailed)
    assert failed.reason == "time-out"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_beyond_the_limit_is_not_read(declared, local_server):
    huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" if declared else swallow
    server = local_server(lambda asked: huge)
    with Server(f"{server.url}#m", Serving(timeout_seconds=5), longest_body=1_000_000) as client:
        ((_, failed),) = client.send(calls(1), read_written, lambda: False)
    assert isinstance(failed, RequestFailed)
    assert (failed.reason, failed.attempts) == ("too large", 1)
    assert failed.message == "an answer of more than 1,000,000 bytes"


def test_chunked_bodies_and_early_hints_are_read(local_server):
    body = json.dumps(said("héé")).encode()
    pieces = [body[k : k + 7] for k in range(0, len(body), 7)]
    chunks = b"".join(b"%x;note=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n"
    server = local_server(lambda asked: head + chunks + b"0\r\nTrailer: x\r\n\r\n")
    assert send(server, 1)[0] == [(0, "héé")]
    until_closed = b"HTTP/1.0 200 OK\r\n\r\n" + body
    assert send(local_server(lambda asked: until_closed), 2)[0] == [(0, "héé"), (1, "héé")]


def test_retry_after_is_respected_by_all_requests(local_server):
    came = []

    def answer(asked):
        came.append(time.monotonic())
        return (429, {"error": "slow"}, {"Retry-After": "0.5"}) if asked.number == 1 else echo(asked)

    found, statistics = send(local_server(answer), 20, concurrency=1)
    assert sorted(found) == [(n, str(n)) for n in range(20)]
    assert came[1] - came[0] >= 0.5
    assert statistics["retries"] == 1


def test_a_wait_beyond_five_minutes_is_no_wait(local_server):
    server = local_server(lambda asked: (503, {"error": {"message": "down for the day"}}, {"Retry-After": "86400"}))
    ((_, failed),) = send(server, 1)[0]
    assert str(failed) == "HTTP 503: down for the day, asks to wait 8.64e+04 s"
    assert not failed.permanent


def test_a_rate_limit_costs_no_row_while_others_are_answered(local_server):
    # Three of four requests are sent away, some of them far more often than there are retries.
    server = local_server(lambda asked: (429, {}) if asked.number % 4 else echo(asked))
    found, statistics = send(server, 40, retries=4, first_delay=0.002)
    assert sorted(found) == [(n, str(n)) for n in range(40)]
    assert statistics["retried: HTTP 429"] > 40


def test_refused_requests_fail_row_by_row_and_are_not_tried_again(local_server):
    def answer(asked):
        number = int(asked.body["messages"][0]["content"])
        return (400, {"error": {"message": "This model's maximum context length is 8"}}) if number % 2 else echo(asked)

    server = local_server(answer)
    found, statistics = send(server, 30)
    assert [failed for n, failed in found if n % 2 and not isinstance(failed, RequestFailed)] == []
    failed = dict(found)[1]
    assert (failed.reason, failed.permanent, failed.attempts) == ("HTTP 400", True, 1)
    assert str(failed) == "HTTP 400: This model's maximum context length is 8"
    assert (len(server.asked), statistics["failed: HTTP 400"], statistics["retries"]) == (30, 15, 0)


def test_a_refused_key_ends_the_stage_at_once(local_server, monkeypatch):
    server = local_server(lambda asked: (401, {"error": {"message": "Incorrect API key"}}))
    with pytest.raises(WrongOption, match=r"wants a key, and OPENAI_API_KEY is not set \(HTTP 401: Incorr"):
        send(server, 10_000)
    assert len(server.asked) <= 16
    monkeypatch.setenv("MY_KEY", "sk-1234567890")
    with pytest.raises(
        WrongOption, match="refuses the key in MY_KEY .* or name another variable with --serving.api-key-env"
    ):
        send(server, 10_000, api_key_env="MY_KEY")


def test_an_unknown_model_or_path_ends_the_stage_and_names_what_there_is(local_server):
    def answer(asked):
        if asked.method == "GET":
            return {"data": [{"id": "small"}, {"id": "large"}]}
        return 404, {"error": {"message": "The model `m` does not exist"}}

    server = local_server(answer)
    with pytest.raises(WrongArtifact) as caught:
        send(server, 10_000)
    assert str(caught.value) == (
        f"{server.url}/chat/completions or model m is not there (HTTP 404: The model `m` does not exist); it serves "
        "small, large: expected server:URL#MODEL with the URL that ends in /v1"
    )
    with Server(f"{server.url}#m") as client:
        assert client.models() == ["small", "large"]
    nothing = local_server(lambda asked: (404, "nothing here"))
    with pytest.raises(WrongArtifact, match="it lists no models either"):
        send(nothing, 1)


def test_redirects_are_refused(local_server):
    server = local_server(lambda asked: (307, {}, {"Location": "https://me:pw@elsewhere/v1?key=abc"}))
    with pytest.raises(WrongOption) as caught:
        send(server, 1)
    assert "redirects to https://***@elsewhere/v1?*** (307): give the URL of the server itself" in str(caught.value)


def test_a_server_that_is_gone_ends_the_stage_instead_of_failing_every_row(local_server):
    server = local_server(echo)
    url = server.url
    with Server(f"{url}#m", Serving(concurrency=4, retries=2, timeout_seconds=1), first_delay=0.01) as client:
        found = []
        started = time.monotonic()
        with pytest.raises(Failed, match="failed 10 requests in a row .*no connection to 127.0.0.1:.*refused"):
            for n, answer in client.send(calls(100_000), read_written, lambda: False):
                found.append(answer)
                if n == 50:
                    server._loop.call_soon_threadsafe(server._server.close)
                    server.answer = lambda asked: b""
        assert time.monotonic() - started < 10
    kept = [answer for answer in found if not isinstance(answer, RequestFailed)]
    assert 51 <= len(kept) < 100


def test_a_stop_lets_requests_under_way_finish_and_begins_no_other(local_server):
    async def slow(asked):
        await asyncio.sleep(0.2)
        return echo(asked)

    server, stopped = local_server(slow), []

    def stopping():
        if len(server.asked) >= 12 and not stopped:
            stopped.append(time.monotonic())
        return bool(stopped)

    found, _ = send(server, 1000, stopping, concurrency=6)
    assert time.monotonic() - stopped[0] < 4
    assert len(found) == len(server.asked) <= 18  # none begun is lost, none is begun after the stop
    assert Counter(n for n, _ in found).most_common(1)[0][1] == 1


def test_a_stop_does_not_wait_for_a_server_that_hangs(local_server):
    server = local_server(lambda asked: stall)
    with Server(f"{server.url}#m", Serving(concurrency=4, timeout_seconds=60), drain_seconds=0.3) as client:
        started = time.monotonic()
        assert list(client.send(calls(100), read_written, lambda: len(server.asked) >= 4)) == []
    assert time.monotonic() - started < 10


def test_a_stop_does_not_wait_for_delays(local_server):
    server = local_server(lambda asked: (503, {}))
    with Server(f"{server.url}#m", Serving(concurrency=4), first_delay=60, drain_seconds=5) as client:
        started = time.monotonic()
        assert list(client.send(calls(4), read_written, lambda: len(server.asked) >= 4)) == []
    assert time.monotonic() - started < 10


def test_a_caller_that_breaks_off_leaves_nothing_behind(local_server):
    server = local_server(lambda asked: stall if asked.number > 5 else echo(asked))
    with Server(f"{server.url}#m", Serving(concurrency=2)) as client:
        answers = client.send(calls(100), read_written, lambda: False)
        next(answers)
        answers.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == "whet-server"] == []


def test_a_broken_source_of_calls_is_the_callers_error(local_server):
    def source():
        yield from calls(3)
        raise KeyError("mine")

    server = local_server(echo)
    with Server(f"{server.url}#m") as client, pytest.raises(KeyError, match="mine"):
        list(client.send(source(), read_written, lambda: False))


def test_token_ids_go_to_completions_and_log_probabilities_come_back(local_server):
    def answer(asked):
        assert asked.path == "/v1/completions"
        assert asked.body == {
            "model": "m", "prompt": [5, 6, 7], "max_tokens": 2, "temperature": 1.0, "logprobs": 2, "seed": 9,
            "return_token_ids": True,
        }  # fmt: skip
        told = {
            "tokens": [" a", "b"], "token_logprobs": [-0.5, -3.0],
            "top_logprobs": [{" a": -0.5, "c": -1.0}, {"d": -0.25}],
        }  # fmt: skip
        return {"choices": [{"text": " ab", "finish_reason": "length", "logprobs": told, "token_ids": [1, 2]}]}

    call = complete([5, 6, 7], max_tokens=2, temperature=1.0, most_likely=2, seed=9, return_token_ids=True)
    with Server(f"{local_server(answer).url}#m") as client:
        ((_, written),) = client.send([(0, call)], read_written, lambda: False)
    assert isinstance(written, Written)
    assert (written.text, written.finish_reason) == (" ab", "length")
    assert (written.tokens, written.token_ids) == ([" a", "b"], [1, 2])
    assert written.logprobs == [-0.5, -3.0]
    assert written.likely == [[(" a", -0.5), ("c", -1.0)], [("d", -0.25), ("b", -3.0)]]
