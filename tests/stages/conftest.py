"""Small published runs and reports on them, for the tests of eval; a tiny policy to train; a local HTTP server."""

import asyncio
import inspect
import json
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, Policy, Problem, Rollout, Score, Verdict, Weights, make_problem
from whet.cli.options import record
from whet.stages.eval import EvalOptions
from whet.stages.eval import eval as evaluate
from whet.stages.train_policy import TrainPolicyOptions

Group = tuple[str, list[tuple[str, str | None]]]
"""A question, and the verdict ("invalid: its reason" too) and extracted answer of each of its rollouts."""
Judged = Artifact[Rollout] | Artifact[Verdict]


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., tuple[Artifact[Rollout], Artifact[Verdict]]]:
    """Publish rollouts and their verdicts below the test's folder."""

    def make(
        name: str,
        groups: Sequence[Group],
        *,
        facts: dict[str, Any] | None = None,
        row: Callable[[int, int], dict[str, Any]] = lambda problem, draw: {},
        answer_type: str | None = None,
    ) -> tuple[Artifact[Rollout], Artifact[Verdict]]:
        """`facts` goes into both manifests; `row(problem, draw)` gives further rollout columns."""
        source = f"digest of {name}"
        rollouts = Draft.create(tmp_path / name / "rollouts", kind="rollouts", stage="import", options={"of": name})
        verdicts = Draft.create(tmp_path / name / "verdicts", kind="verdicts", stage="import", options={"of": name})
        rollouts.facts.update({"source": source, **(facts or {})})
        verdicts.facts.update({"belongs_to": {"source": source}, **(facts or {})})
        problems = [make_problem([{"role": "user", "content": question}], "4") for question, _ in groups]
        rollouts.embed_problems(problems)
        for draft in (rollouts, verdicts):
            for chunk in draft.chunks([0]):
                order = 0
                for place, (problem, (_, group)) in enumerate(zip(problems, groups, strict=True)):
                    for draw, (said, extracted) in enumerate(group):
                        verdict, _, reason = said.partition(": ")
                        ids = {"rollout_id": f"{place}-{draw}", "problem_id": problem["problem_id"]}
                        if draft is rollouts:
                            chunk.write({**ids, "draw": draw, "text": "4" * (draw + 1), **row(place, draw)}, order)
                        else:
                            judged = {"verdict": verdict, "reason": reason or None, "extracted": extracted}
                            chunk.write({**ids, **judged, "answer_type": answer_type}, order)
                        order += 1
        return rollouts.publish(), verdicts.publish()

    return make


@pytest.fixture
def report_on(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run eval, publish its report below the test's folder, and read metrics.json."""

    def report(
        name: str, artifacts: Sequence[Judged], against: Sequence[Judged] | None = None, **options: Any
    ) -> dict[str, Any]:
        draft = Draft.create(
            tmp_path / name, kind="report", stage="eval", options={key: str(value) for key, value in options.items()}
        )
        others: Any = None if against is None else list(against)
        evaluate(list(artifacts), draft, EvalOptions(**{"resamples": 500, **options}), against=others)
        published = draft.publish()
        assert {file.path for file in published.manifest.files} == {"metrics.json", "metrics.png"}
        assert (published.path / "metrics.png").read_bytes().startswith(b"\x89PNG")
        return json.loads((published.path / "metrics.json").read_text())

    return report


class Training:
    """A tiny policy, rollouts of it, and `train_policy` on them, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.drafts: list[Draft[Any]] = []

    def policy(self, name: str = "policy", *, seed: int = 0) -> Weights:
        """A fresh policy with 1 layer of width 32 and a tokenizer of printable characters."""
        import torch
        from transformers import Qwen2Config, Qwen2ForCausalLM

        from whet.stages.alphabets import write_tokenizer

        folder = self.folder / name
        if not folder.exists():
            folder.mkdir(parents=True)
            vocabulary = write_tokenizer("character", folder)
            torch.manual_seed(seed)
            Qwen2ForCausalLM(
                Qwen2Config(
                    vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
                    num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=True,
                    initializer_range=0.1, eos_token_id=1, pad_token_id=0, bos_token_id=None,
                )
            ).save_pretrained(folder)  # fmt: skip
        return Weights(str(folder))

    def problems(self, count: int = 4) -> list[Problem]:
        return [make_problem([{"role": "user", "content": f"{n}?"}], "1", "number") for n in range(count)]

    def problems_artifact(self, count: int = 4) -> Artifact[Problem]:
        draft = Draft.create(self.folder / f"problems-{count}", kind="problems", stage="test", options={"n": count})
        for chunk in draft.chunks([0]):
            for order, problem in enumerate(self.problems(count)):
                chunk.write(problem, order)
        return draft.publish()

    def rollouts(
        self,
        name: str,
        texts: Sequence[Sequence[str]],
        facts: dict[str, Any] | None = None,
        row: Callable[[int, int], dict[str, Any]] = lambda problem, draw: {},
    ) -> Artifact[Rollout]:
        """Rollouts with the tokens of these texts, one list a problem. `row(problem, draw)` changes columns."""
        from whet.stages.tokens import load_encoder

        policy = self.policy()
        assert policy.path is not None
        encoder = load_encoder(policy.path)
        draft = Draft.create(self.folder / name, kind="rollouts", stage="test", options={"of": name})
        draft.facts.update({"tokenizer_digest": policy.tokenizer_digest, **(facts or {})})
        problems = self.problems(len(texts))
        draft.embed_problems(problems)
        for chunk in draft.chunks([0]):
            order = 0
            for place, (problem, group) in enumerate(zip(problems, texts, strict=True)):
                for draw, text in enumerate(group):
                    plain = {
                        "rollout_id": f"{name}-{place}-{draw}", "problem_id": problem["problem_id"], "draw": draw,
                        "prompt_token_ids": encoder.encode_prompt(problem["messages"]), "text": text,
                        "token_ids": [*encoder.encode(text), encoder.end_id], "finish_reason": "stop",
                    }  # fmt: skip
                    chunk.write({**plain, **row(place, draw)}, order)
                    order += 1
        return draft.publish()

    def verdicts(self, rollouts: Artifact[Rollout], letters: Sequence[str]) -> Artifact[Verdict]:
        """A verdict for every rollout: c, i, v (invalid), p (invalid: problem) or u, one text a problem."""
        words = {"c": "correct", "i": "incorrect", "v": "invalid", "p": "invalid", "u": "unknown"}
        draft = Draft.create(
            self.folder / f"{rollouts.path.parent.name}-verdicts", kind="verdicts", stage="test",
            options={"letters": list(letters)}, inputs={"rollouts": rollouts},
        )  # fmt: skip
        draft.facts["belongs_to"] = {"rollouts": rollouts.digest}
        for chunk in draft.chunks([0]):
            for order, (row, letter) in enumerate(zip(rollouts.rows(), "".join(letters), strict=True)):
                ids = {"rollout_id": row["rollout_id"], "problem_id": row["problem_id"]}
                chunk.write({**ids, "verdict": words[letter], "reason": "problem" if letter == "p" else None}, order)
        return draft.publish()

    def scores(
        self, rollouts: Artifact[Rollout], values: Sequence[Sequence[float | None]], rows: int | None = None
    ) -> Artifact[Score]:
        """A score for every rollout, one list a problem; for the first `rows` of them where that is given."""
        draft = Draft.create(
            self.folder / f"{rollouts.path.parent.name}-scores", kind="scores", stage="test",
            options={"values": [list(group) for group in values], "rows": rows}, inputs={"rollouts": rollouts},
        )  # fmt: skip
        draft.facts["belongs_to"] = {"rollouts": rollouts.digest}
        flat = [value for group in values for value in group]
        for chunk in draft.chunks([0]):
            for order, (row, value) in enumerate(list(zip(rollouts.rows(), flat, strict=True))[:rows]):
                chunk.write({"rollout_id": row["rollout_id"], "problem_id": row["problem_id"], "score": value}, order)
        return draft.publish()

    @staticmethod
    def published(draft: Draft[Any], run: Callable[[], None], stop_after: int | None = None) -> Artifact[Any]:
        """Run a training and publish its draft; a stop is requested after a step."""

        def progress(done: float, total: float | None, unit: str = "rows", **shown: Any) -> None:
            draft.stop.requested = done == stop_after

        draft.progress = progress  # type: ignore[method-assign]
        try:
            run()
        except BaseException:
            draft.close()
            raise
        return draft.publish()

    def train(
        self, name: str, options: TrainPolicyOptions, *, stop_after: int | None = None, **inputs: Any
    ) -> Artifact[Policy]:
        """Run `train_policy` and publish what it makes.

        Args:
            stop_after: ask it to stop once so many steps are done.
        """
        from whet.stages.train_policy import train_policy

        policy = inputs.pop("policy", None) or self.policy()
        declared = {
            "stage": "train-policy", "options": record(options)[0], "inputs": {"policy": policy, **inputs},
        }  # fmt: skip
        draft = Draft.create(self.folder / name, kind="policy", **declared)
        self.drafts.append(draft)
        return self.published(draft, lambda: train_policy(policy, draft, options, **inputs), stop_after)


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path)


@pytest.fixture(scope="session")
def training_at() -> Callable[[Path], Training]:
    """As `training`, below a folder that several tests share."""
    return Training


@pytest.fixture(scope="session")
def undecided(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """A policy that boxes 1 or 2 about equally often, whatever it is asked."""
    from whet.stages.loop import Loop
    from whet.stages.objectives.supervised import Supervised
    from whet.stages.optimization import Optimization

    training = Training(tmp_path_factory.mktemp("undecided"))
    texts = [[r"\boxed{1}", r"\boxed{2}"] * 4] * 4
    options = TrainPolicyOptions(
        objective=Supervised(), rows_per_step=32, loop=Loop(steps=60),
        optimization=Optimization(learning_rate=2e-2, precision="float32"),
    )  # fmt: skip
    made = training.train("undecided", options, rollouts=[training.rollouts("shown", texts)])
    return Weights(str(made.path))


@dataclass
class Asked:
    """One request that came in."""

    number: int
    """From 1, in the order of coming"""
    method: str
    path: str
    headers: dict[str, str]
    body: Any


Answering = Callable[[Asked], Any]


class LocalServer:
    """A real HTTP server on this machine, in a thread, whose answers a test decides.

    `answer(asked)` gives a JSON-able body, a (status, body) or (status, body, headers), bytes to send as they are (the
    connection is closed after them), an async function that gets the StreamWriter, or a coroutine that returns one of
    these.

    Attributes:
        asked: every request, in order.
        busiest: the most requests that were being answered at the same time.
    """

    def __init__(self, answer: Answering) -> None:
        self.answer, self.asked, self.busiest, self._busy, self.connections = answer, [], 0, 0, 0
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 24, backlog=1024)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.01)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection goes on."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        asked = Asked(len(self.asked) + 1, method, path, headers, json.loads(body) if body else None)
        self.asked.append(asked)
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            answer: Any = self.answer(asked)
            while inspect.isawaitable(answer):
                answer = await answer
            if callable(answer):
                behave: Any = answer
                await behave(writer)
                return False
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
                writer.close()
                return False
            status, content, more = (*answer, {}, {})[:3] if isinstance(answer, tuple) else (200, answer, {})
            text = content if isinstance(content, str) else json.dumps(content)
            head = {"Content-Type": "application/json", "Content-Length": len(text.encode()), **more}
            lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in head.items()), "", text]
            writer.write("\r\n".join(lines).encode())
            await writer.drain()
            return True
        finally:
            self._busy -= 1


@pytest.fixture
def local_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answering], LocalServer]]:
    """Start servers that answer as a test says; no key and no proxy is set."""
    for name in ("OPENAI_API_KEY", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    started: list[LocalServer] = []

    def start(answer: Answering) -> LocalServer:
        started.append(LocalServer(answer))
        return started[-1]

    yield start
    for server in started:
        server.close()


_LABEL_AFTER = {".": {"A": 1.0}, "!": {"B": 1.0}, "?": {"C": 1.0}, ";": {"A": 0.6, "B": 0.4}}


@pytest.fixture(scope="session")
def marked_verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A verifier that can be foreseen: its label depends on the last character of the completion alone.

    "." gives A (correct), "!" B (incorrect), "?" C (invalid), ";" A with confidence .6, all else no label; it writes
    the label and ends. A Markov chain in the weights of a Qwen2 model whose layers do nothing.
    """
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from whet.stages.alphabets import write_tokenizer
    from whet.stages.tokens import load_encoder
    from whet.stages.verifiers.prompts import Prompt
    from whet.stages.verifiers.settings import Settings, write_settings

    folder = tmp_path_factory.mktemp("marked")
    vocabulary = write_tokenizer("byte", folder)
    encoder = load_encoder(folder)
    model: Any = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=vocabulary, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=8192, tie_word_embeddings=False,
            eos_token_id=encoder.end_id, pad_token_id=0, bos_token_id=None,
        )
    )  # fmt: skip

    def token(character: str) -> int:
        return encoder.encode(character)[0]

    chain = {token(one): {token(other): p for other, p in after.items()} for one, after in _LABEL_AFTER.items()}
    chain |= {token(label): {encoder.end_id: 1.0} for label in "ABC"}
    with torch.no_grad():
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
        embeddings, head = model.model.embed_tokens.weight, model.lm_head.weight
        embeddings.zero_()
        head.zero_()
        # The final norm turns an embedding of a single 1 into sqrt(32) of it.
        scale = 32**0.5
        embeddings[:, 31] = 1.0
        head[token("z"), 31] = 30.0 / scale
        for place, (last, after) in enumerate(chain.items()):
            embeddings[last] = 0
            embeddings[last, place] = 1.0
            for follower, probability in after.items():
                head[follower, place] = (30.0 + math.log(probability)) / scale
    model.save_pretrained(folder)
    prompt = Prompt("Q: {question} R: {reference} C: {completion}")
    write_settings(folder, Settings(prompt, chat=False))
    return folder
