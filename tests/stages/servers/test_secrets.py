"""Addresses and keys: what is understood, and that no secret comes out anywhere."""

import logging
import pickle

import pytest
from loguru import logger

from whet.artifacts import WhetError, WrongOption
from whet.stages.servers import RequestFailed, Serving
from whet.stages.servers.address import Address
from whet.stages.servers.client import Server
from whet.stages.servers.completions import chat, read_written

KEY = "sk-proj-0123456789abcdefghij"
PASSWORD = "tr0ub4dor-and-more"


@pytest.mark.parametrize(
    ("text", "shown", "target"),
    [
        ("http://localhost:8000#m", "http://localhost:8000/v1", "/v1/models"),
        ("http://localhost:8000/#m", "http://localhost:8000/v1", "/v1/models"),
        ("http://localhost:8000/v1/#m", "http://localhost:8000/v1", "/v1/models"),
        ("https://api.example.org/v1/chat/completions#m", "https://api.example.org/v1", "/v1/models"),
        ("https://x.org/openai/v1?api-version=2#m", "https://x.org/openai/v1", "/openai/v1/models?api-version=2"),
        ("http://me:pw@[::1]:81/api#m", "http://[::1]:81/api", "/api/models"),
    ],
)  # fmt: skip
def test_a_url_is_completed_and_shown_without_what_is_secret(text, shown, target):
    address = Address(text)
    assert (address.shown, address.target("models"), address.model) == (shown, target, "m")


def test_a_model_may_have_any_name():
    assert Address("http://h:1/v1#org/name:7b@main").model == "org/name:7b@main"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("localhost:8000#m", "server:localhost:8000#m is no server, expected server:http://HOST:PORT/v1#MODEL"),
        ("ftp://h/v1#m", "server:ftp://h/v1#m is no server"),
        ("http://h:port/v1#m", "server:http://h:port/v1#m is no server"),
        ("http:///v1#m", "server:http:///v1#m is no server"),
        ("http://h/v1 x#m", "server:http://h/v1 x#m is no server"),
        ("http://h:1/v1", r"server:http://h:1/v1 names no model, .* \(http://h:1/v1/models lists them\)"),
        (f"http://me:{PASSWORD}/x@h/v1#m", r"server:\*\*\* is no server"),
    ],
)
def test_what_is_no_address_is_refused_with_what_is_expected(text, message):
    with pytest.raises(WrongOption, match=message) as caught:
        Address(text)
    assert PASSWORD not in str(caught.value)


def test_the_key_comes_from_a_variable_that_exists(monkeypatch):
    with pytest.raises(WrongOption, match="--serving.api-key-env NO_SUCH_KEY: no such environment variable is set"):
        Server("http://h:1/v1#m", Serving(api_key_env="NO_SUCH_KEY"))
    monkeypatch.setenv("ODD_KEY", "two words")
    with pytest.raises(WrongOption, match="ODD_KEY holds blanks") as caught:
        Server("http://h:1/v1#m", Serving(api_key_env="ODD_KEY"))
    assert "words" not in str(caught.value)


@pytest.mark.parametrize("given", [KEY, "hf_0123456789abcdef", "gsk_0123456789"])
def test_a_key_in_place_of_a_variables_name_is_refused_and_not_repeated(given):
    with pytest.raises(WrongOption, match="--serving.api-key-env is no name of an environment variable") as caught:
        Serving(api_key_env=given)
    assert given not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency": 0}, "--serving.concurrency is 0"),
        ({"retries": -1}, "--serving.retries is -1"),
        ({"timeout_seconds": 0.0}, "--serving.timeout-seconds is 0"),
        ({"timeout_seconds": float("inf")}, "--serving.timeout-seconds is inf"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(WrongOption, match=message):
        Serving(**options)


def test_the_key_goes_with_requests_and_nowhere_else(local_server, monkeypatch, capfd):
    """A server repeats all it was sent, in refusals, headers, broken and whole answers; nothing of it is shown."""
    monkeypatch.setenv("SOME_VARIABLE", KEY)
    repeats = f"you sent {KEY} and {PASSWORD} and code=SECRETCODE1"
    answers = [
        (401, {"error": {"message": repeats}}),
        (400, {"error": {"message": repeats}}),
        (404, repeats),
        (302, {}, {"Location": f"http://me:{PASSWORD}@h/{KEY}?code=SECRETCODE1"}),
        (503, {"error": repeats}),
        (200, repeats),
        f"HTTP/1.1 {repeats}\r\n\r\n".encode(),
        {"choices": [{"text": KEY * 2}]},
        {"choices": [{"text": 1, "note": repeats}]},
    ]
    lines: list[str] = []
    sink = logger.add(lines.append, level=0, backtrace=True, diagnose=True)
    logging.getLogger("asyncio").setLevel(logging.DEBUG)
    try:
        for answer in answers:
            server = local_server(lambda asked, answer=answer: answer)
            url = server.url.replace("//", f"//me:{PASSWORD}@") + "?code=SECRETCODE1#m"
            serving = Serving(api_key_env="SOME_VARIABLE", retries=1)
            lines.append(repr(serving))
            with Server(url, serving, first_delay=0.01) as client:
                lines += [repr(client), repr(client.address), str(client.statistics)]
                try:
                    call = chat([{"role": "user", "content": "?"}], max_tokens=1)
                    lines += map(repr, client.send([(0, call)], read_written, lambda: False))
                except WhetError as error:
                    lines += [repr(error), str(error)]
                    logger.opt(exception=error).debug("where it happened:")
            assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
            assert server.asked[0].path == "/v1/chat/completions?code=SECRETCODE1"
    finally:
        logger.remove(sink)
    shown = "".join(lines) + "".join(capfd.readouterr())
    assert len(lines) > 5 * len(answers)
    for secret in (KEY, PASSWORD, "SECRETCODE1"):
        assert secret not in shown


def test_user_and_password_of_a_url_are_sent_where_there_is_no_key(local_server):
    server = local_server(lambda asked: (400, asked.headers["authorization"] + " for p@ss"))
    with Server(server.url.replace("//", "//me:p%40ss@") + "#m") as client:
        ((_, failed),) = client.send([(0, chat([], max_tokens=1))], read_written, lambda: False)
    assert server.asked[0].headers["authorization"] == "Basic bWU6cEBzcw=="  # me:p@ss
    assert str(failed) == "HTTP 400: Basic *** for ***"


def test_a_placeholder_for_a_key_is_no_secret_in_what_a_model_writes(local_server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    server = local_server(lambda asked: {"choices": [{"text": "the EMPTY set"}]})
    with Server(f"{server.url}#m") as client:
        ((_, written),) = client.send([(0, chat([], max_tokens=1))], read_written, lambda: False)
    assert not isinstance(written, RequestFailed)
    assert written.text == "the EMPTY set"


def test_a_failure_can_be_kept(tmp_path):
    failed = RequestFailed("time-out", "no answer within 1 s", 3)
    assert pickle.loads(pickle.dumps(failed)) == failed
