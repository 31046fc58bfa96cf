"""`whet sample server:URL#MODEL` against real HTTP servers that answer, fail, stall and talk nonsense."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, make_problem
from whet.cli.main import main

PROBLEMS, DRAWS = 40, 5


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`problems` of addition and a `policy` whose tokenizer knows them; the test runs there."""
    monkeypatch.chdir(tmp_path)
    assert main(["problems", "addition", "--count", str(PROBLEMS), "--templates", "1", "--out", "problems", "-q"]) == 0
    assert main(["init", "--context", "64", "--out", "policy", "-q"]) == 0
    return tmp_path


def says(text: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}]}


def sample(server: Any, *words: str, out: str = "rollouts") -> int:
    drawn = ["--rollouts-per-problem", str(DRAWS), "--max-tokens", "16"]
    return main(["sample", "problems", f"server:{server.url}#m", *drawn, *words, "--out", out])


def rows(out: str = "rollouts") -> list[dict[str, Any]]:
    return list(Artifact.open(Path(out)).rows())


def test_without_a_tokenizer_messages_go_out_and_text_comes_back(
    folder: Path, local_server: Callable[..., Any]
) -> None:
    server = local_server(lambda asked: says(asked.body["messages"][-1]["content"], finish_reason="length"))
    assert sample(server, "--system", "be brief", "--temperature", "0.5", "--top-p", "0.9", "--stop", "END") == 0
    found = rows()
    questions = {
        problem["problem_id"]: problem["messages"][0]["content"] for problem in Artifact.open(Path("problems")).rows()
    }
    assert Counter(row["problem_id"] for row in found) == dict.fromkeys(questions, DRAWS)
    for row in found:
        assert row["text"] == questions[row["problem_id"]]
        assert row["finish_reason"] == "length"
        assert row["token_ids"] is row["logprobs"] is row["prompt_token_ids"] is row["error"] is None
    body = server.asked[0].body
    assert "top_k" not in body
    assert body["messages"][0] == {"role": "system", "content": "be brief"}
    assert (body["temperature"], body["top_p"], body["max_tokens"], body["stop"]) == (0.5, 0.9, 16, ["END"])
    assert {asked.body["seed"] for asked in server.asked} == {row["seed"] for row in found}
    assert server.busiest <= 64


def test_with_a_tokenizer_token_ids_go_out_and_come_back(folder: Path, local_server: Callable[..., Any]) -> None:
    def answer(asked: Any) -> Any:
        told = {"tokens": ["a", "b"], "token_logprobs": [-0.5, -1.25], "top_logprobs": [{}, {}]}
        choice = {"text": "ab", "token_ids": [7, 1], "logprobs": told, "finish_reason": "stop"}
        return {"choices": [choice]}

    server = local_server(answer)
    assert sample(server, "--tokenizer", "policy") == 0
    for row in rows():
        assert list(row["token_ids"]) == [7, 1]
        assert list(row["logprobs"]) == [-0.5, -1.25]
        assert list(row["sampling_logprobs"]) == [-0.5, -1.25]
        assert [part["origin"] for part in row["segments"]] == ["policy"]
    assert server.asked[0].path == "/v1/completions"
    # vLLM takes what is not said from the model's generation_config.json, where Qwen2.5 has top-k 20 and a penalty.
    neutral = {"top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
    assert server.asked[0].body.items() >= neutral.items()
    sent = {tuple(asked.body["prompt"]) for asked in server.asked}
    assert sent == {tuple(row["prompt_token_ids"]) for row in rows()}
    assert sample(server, "--tokenizer", "policy", "--temperature", "0.7", out="tempered") == 0
    assert {row["sampling_logprobs"] for row in rows("tempered")} == {None}
    assert Artifact.open(Path("tempered")).manifest.facts["tokenizer_digest"]


def test_a_server_that_drops_stalls_and_talks_nonsense_loses_nothing(
    folder: Path, local_server: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of every 100 requests 10 are dropped, 1 stalls and 2 come back malformed; nothing is tried twice in a run."""
    rng = random.Random(0)
    served: Counter[int] = Counter()

    async def stall(writer: Any) -> None:
        await asyncio.sleep(60)

    def answer(asked: Any) -> Any:
        luck = rng.random()
        if luck < 0.10:
            return b""
        if luck < 0.11:
            return stall
        if luck < 0.13:
            return (200, "<html>nonsense")
        served[asked.body["seed"]] += 1
        return says(f"answer {asked.body['seed']}")

    server = local_server(answer)
    patience = ("--serving.retries", "0", "--serving.timeout-seconds", "1.5", "--serving.concurrency", "32")
    codes = []
    while not codes or codes[-1] == 75:
        codes.append(sample(server, *patience))
        told = capsys.readouterr().err
        if codes[-1] == 75:
            assert "rollouts of a chunk failed" in told
            assert "run the same command again" in told
        assert len(codes) < 12
    assert codes[0] == 75
    assert codes[-1] == 0
    found = rows()
    assert len(found) == PROBLEMS * DRAWS
    assert all(row["text"] == f"answer {row['seed']}" and row["error"] is None for row in found)
    assert served == Counter(row["seed"] for row in found), "what was answered was asked again"


@pytest.mark.parametrize("words", [[], ["--tokenizer", "policy"]])
@pytest.mark.parametrize("adaptive", [[], ["--until", "balanced", "--max-rollouts", "10", "--round-rollouts", "5"]])
def test_what_was_answered_before_a_stop_is_not_asked_again(
    folder: Path, local_server: Callable[..., Any], words: list[str], adaptive: list[str]
) -> None:
    """The process is told to stop at its 90th request, and again at its 150th."""
    served: Counter[int] = Counter()

    def answer(asked: Any) -> Any:
        served[asked.body["seed"]] += 1
        if served.total() in (90, 150):
            os.kill(os.getpid(), signal.SIGTERM)
        if words:
            told = {"tokens": ["a", "b"], "token_logprobs": [-0.5, -1.25], "top_logprobs": [{}, {}]}
            # Two tokens, the end not among them: a stop word that is no token of its own.
            return {"choices": [{"text": "ab", "token_ids": [7, 8], "logprobs": told, "finish_reason": "stop"}]}
        return says(f"answer {asked.body['seed']}")

    server = local_server(answer)
    several = ("--serving.concurrency", "8", *words, *adaptive)
    assert [sample(server, *several) for _ in range(3)] == [75, 75, 0]
    assert set(served.values()) == {1}, "what was answered was asked again"
    found = rows()
    assert len(found) == PROBLEMS * DRAWS
    assert all(row["finish_reason"] == "stop" and row["error"] is None for row in found)
    assert served.keys() >= {row["seed"] for row in found}
    assert all(list(row["token_ids"]) == [7, 8] if words else row["text"].startswith("answer") for row in found)
    assert served.total() == PROBLEMS * (10 if adaptive else DRAWS)


def test_a_server_that_fails_while_drawing_in_rounds_loses_nothing(
    folder: Path, local_server: Callable[..., Any]
) -> None:
    served: Counter[int] = Counter()
    rng = random.Random(0)

    def answer(asked: Any) -> Any:
        if rng.random() < 0.05:
            return b""
        served[asked.body["seed"]] += 1
        return says("fine")

    server = local_server(answer)
    rounds = ("--until", "balanced", "--max-rollouts", "10", "--round-rollouts", "5", "--serving.retries", "0")
    codes = []
    while not codes or codes[-1] == 75:
        codes.append(sample(server, *rounds))
        assert len(codes) < 12
    assert (codes[0], codes[-1]) == (75, 0)
    assert set(served.values()) == {1}
    assert served.total() == PROBLEMS * 10
    assert {(row["draws_total"], row["error"]) for row in rows()} == {(10, None)}


def test_what_a_server_refuses_for_good_is_a_row_that_says_so(folder: Path, local_server: Callable[..., Any]) -> None:
    def answer(asked: Any) -> Any:
        if asked.body["seed"] % 10 == 0:
            return (400, {"error": {"message": "prompt has a forbidden word"}})
        return says("fine")

    assert sample(local_server(answer)) == 0
    found = rows()
    refused = [row for row in found if row["seed"] % 10 == 0]
    assert refused
    assert all("forbidden word" in row["error"] and row["text"] is None for row in refused)
    assert all(row["text"] == "fine" for row in found if row["seed"] % 10)
    counts = Artifact.open(Path("rollouts")).manifest.counts
    assert counts["failed"] == len(refused)
    assert counts["empty"] == 0, "what was never written is not empty"
    assert main(["verify", "rollouts", "--max-unknown", "1", "--out", "verdicts"]) == 0
    unknown = [row for row in Artifact.open(Path("verdicts")).rows() if row["verdict"] == "unknown"]
    assert {row["rollout_id"] for row in unknown} == {row["rollout_id"] for row in refused}


def test_a_server_without_token_ids_cannot_go_on(
    folder: Path, local_server: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    server = local_server(lambda asked: {"choices": [{"text": "ab", "finish_reason": "stop"}]})
    assert sample(server, "--tokenizer", "policy", "--prefill", "Hm") == 2
    assert "gives no token ids back" in capsys.readouterr().err


def test_several_turns_need_a_tokenizer(
    folder: Path, local_server: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    turns = [{"role": "user", "content": "1+1="}, {"role": "user", "content": "2+2="}]
    draft = Draft.create(folder / "several", kind="problems", stage="test", options={})
    for chunk in draft.chunks([0]):
        chunk.write(make_problem(turns, "4"), 0)  # type: ignore[arg-type]
    draft.publish()
    server = local_server(lambda asked: says("never"))
    assert main(["sample", "several", f"server:{server.url}#m", "--out", "x"]) == 3
    assert "has 2 turns" in capsys.readouterr().err
    assert not server.asked


def test_failed_rollouts_may_be_allowed(folder: Path, local_server: Callable[..., Any]) -> None:
    """Every tenth seed is never answered; a fifth of each chunk may fail."""
    server = local_server(lambda asked: b"" if asked.body["seed"] % 10 == 0 else says("fine"))
    patience = ("--serving.retries", "1", "--allow-failed", "0.2", "--serving.concurrency", "100")
    assert sample(server, *patience) == 0
    failed = [row for row in rows() if row["error"]]
    assert failed
    assert all(row["seed"] % 10 == 0 and row["finish_reason"] == "error" for row in failed)


def test_a_server_that_is_not_there_ends_with_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Gone:
        url = "http://127.0.0.1:9/v1"

    assert sample(Gone, "--serving.retries", "0", "--serving.concurrency", "4") == 1
    assert capsys.readouterr().err.count("error:") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--prefill", "<think>"], "--tokenizer FOLDER"),
        (["--check", "5"], "is a server"),
        (["--engine", "decode"], "leave --engine out"),
        (["--max-model-len", "5"], "is read by --engine vllm"),
    ],
)
def test_what_a_server_cannot_do_is_refused(
    folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Somewhere:
        url = "http://127.0.0.1:9/v1"

    assert sample(Somewhere, *words) == 2
    assert message in capsys.readouterr().err
