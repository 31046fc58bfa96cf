"""Small published runs and reports on them, for the tests of eval; a tiny policy to train."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, Policy, Problem, Rollout, Verdict, Weights, make_problem
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
                            chunk.write({**ids, **judged}, order)
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
        others = None if against is None else list(against)
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

        def progress(done: float, total: float | None, unit: str = "rows", **shown: Any) -> None:
            draft.stop.requested = done == stop_after

        draft.progress = progress  # type: ignore[method-assign]
        try:
            train_policy(policy, draft, options, **inputs)
        except BaseException:
            draft.close()
            raise
        return draft.publish()


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path)


@pytest.fixture(scope="session")
def training_at() -> Callable[[Path], Training]:
    """As `training`, below a folder that several tests share."""
    return Training
