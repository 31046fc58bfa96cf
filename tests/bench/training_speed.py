"""One optimiser step on 64 completions in groups of 8, uneven lengths; a 5M-parameter policy, vocabulary 32,000.

python tests/bench/training_speed.py [--tiny] [--rounds N] [--memory]

Updates of a policy (the clipped policy gradient, entropy logged), supervised training on as many rows of prompts of
their own, and generation, in float32 and bfloat16. Where trl is installed its GRPOTrainer and SFTTrainer take the same
steps on the same tokens: without gradient checkpointing, at two batch sizes, supervised also padding-free; the best
counts. Rounds are interleaved: after each step of the peer's one of ours. Speeds are real tokens per CPU second of one
thread, prompts of all rows counted; ratio is ours / peer's, higher is better. --memory: the peak memory of one step
above that after loading, each in a process of its own; there lower is better.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from whet.artifacts import Draft
from whet.stages.batching import Step, TrainingRow
from whet.stages.engines import Request
from whet.stages.engines.decode import DecodeLoop
from whet.stages.groups import totals_of
from whet.stages.heap import keep_freed_memory
from whet.stages.learner import Learner
from whet.stages.loop import Loop
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.supervised import Supervised
from whet.stages.optimization import Optimization
from whet.stages.policy_loss import PolicyLoss
from whet.stages.sampling import Sampling
from whet.stages.training import Training

sys.path.insert(0, str(Path(__file__).parent))
from paired import peak_megabytes, show

VOCABULARY, GROUPS, GROUP = 32_000, 8, 8
PROMPT, COMPLETION = (64, 192), (16, 256)
PEER_BATCHES = (8, 32)
peer_batches = list(PEER_BATCHES)
PRECISIONS = ("float32", "bfloat16")
LEARNING_RATE = 1e-5


def policy() -> Any:
    """A Qwen2 of 4.8M parameters with random weights."""
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=128, intermediate_size=352, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=True, eos_token_id=1, bos_token_id=None,
        pad_token_id=0,
    )  # fmt: skip
    return transformers.Qwen2ForCausalLM(config)


def rows_of(groups: int, group: int) -> list[TrainingRow]:
    """Rows in groups of one prompt."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(groups):
        prompt = rng.integers(5, VOCABULARY, rng.integers(PROMPT[0], PROMPT[1] + 1)).astype(np.int32)
        for draw in range(group):
            completion = rng.integers(5, VOCABULARY, rng.integers(COMPLETION[0], COMPLETION[1] + 1)).astype(np.int32)
            reward = float(draw % 2)
            rows.append(
                TrainingRow(
                    rollout_id=f"{number}-{draw}", prompt_token_ids=prompt, token_ids=completion, reward=reward,
                    advantage=2 * reward - 1,
                )
            )  # fmt: skip
    return rows


class Ours:
    """Optimiser steps of this package."""

    def __init__(self, rows: list[TrainingRow], objective: Any, precision: Any, folder: Path) -> None:
        optimization = Optimization(learning_rate=LEARNING_RATE, precision=precision)
        self.learner = Learner(policy(), optimization)
        loss = PolicyLoss(self.learner, objective)
        self.step = Step(rows=rows, totals=totals_of(rows))
        self.training: Training[TrainingRow] = Training(
            learner=self.learner, draft=Draft.create(folder, kind="policy", stage="bench"), optimization=optimization,
            loop=Loop(), until=1, rows_of=lambda _: self.step, loss=loss, packed=self.learner.packed,
            prepare=loss.prepare,
        )  # fmt: skip
        self.padding = 0.0

    def __call__(self) -> None:
        self.padding = self.training.accumulate(self.step)["padding"]
        self.learner.gradient_norm()
        self.learner.update(LEARNING_RATE)


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {f"t{index}": index for index in range(VOCABULARY)}
    inner = Tokenizer(models.WordLevel(words, unk_token="t2"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="t0", eos_token="t1", unk_token="t2")


class _Rounds(transformers.TrainerCallback):
    """Takes the CPU seconds of each step of a trainer, and runs ours after it."""

    def __init__(self, ours: Callable[[], None] | None) -> None:
        self.ours, self.elsewhere = ours, 0.0
        self.seconds: list[tuple[float, float]] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.began, self.elsewhere = time.process_time(), 0.0

    def on_step_end(self, *_: Any, **__: Any) -> None:
        ended = time.process_time()
        if self.ours is not None:
            self.ours()
        self.seconds.append((time.process_time() - ended, ended - self.began - self.elsewhere))
        print("CPU seconds of a step, ours and the peer's:", *self.seconds[-1], file=sys.stderr, flush=True)


def shared_settings(folder: str, batch: int, rows: int, steps: int, precision: str) -> dict[str, Any]:
    return {
        "output_dir": folder, "per_device_train_batch_size": batch, "gradient_accumulation_steps": rows // batch,
        "max_steps": steps, "bf16": precision == "bfloat16", "use_cpu": True, "gradient_checkpointing": False,
        "learning_rate": LEARNING_RATE, "report_to": "none", "save_strategy": "no", "logging_steps": 1000,
        "disable_tqdm": True,
    }  # fmt: skip


def peer_update(rows: list[TrainingRow], batch: int, precision: str, steps: int, rounds: _Rounds) -> Callable[[], Any]:
    """GRPOTrainer on completions that are given to it; what it does before its first step is not counted."""
    import trl  # pyright: ignore[reportMissingImports] - an environment of its own
    from datasets import Dataset

    prompts = {f"p{row.rollout_id.split('-')[0]}": row.prompt_token_ids.tolist() for row in rows}
    completions = {name: [r for r in rows if f"p{r.rollout_id.split('-')[0]}" == name] for name in prompts}

    def rollouts(asked: list[str], _: Any) -> dict[str, Any]:
        seen: dict[str, int] = {}
        found: dict[str, Any] = {"prompt_ids": [], "completion_ids": [], "logprobs": None}
        for name in asked:
            draw = seen[name] = seen.get(name, -1) + 1
            found["prompt_ids"].append(prompts[name])
            found["completion_ids"].append(completions[name][draw].token_ids.tolist())
        return found

    class Timed(trl.GRPOTrainer):
        def _generate_and_score_completions(self, *given: Any, **more: Any) -> Any:
            began = time.process_time()
            made = super()._generate_and_score_completions(*given, **more)
            rounds.elsewhere += time.process_time() - began
            return made

    folder = tempfile.mkdtemp()
    group = len(rows) // len(prompts)
    config = trl.GRPOConfig(
        **shared_settings(folder, batch, len(rows), steps, precision), num_generations=group, beta=0.0,
        max_completion_length=COMPLETION[1],
    )  # fmt: skip
    return Timed(
        model=policy(), args=config, processing_class=tokenizer(), callbacks=[rounds], rollout_func=rollouts,
        reward_funcs=lambda completions, **_: [float(index % 2) for index in range(len(completions))],
        train_dataset=Dataset.from_dict({"prompt": sorted(prompts)}),
    ).train  # fmt: skip


def peer_supervised(
    rows: list[TrainingRow], batch: int, precision: str, steps: int, rounds: _Rounds, *, padding_free: bool = False
) -> Callable[[], Any]:
    """SFTTrainer on the same rows, the loss on completions."""
    import trl  # pyright: ignore[reportMissingImports] - an environment of its own
    from datasets import Dataset

    data = {
        "input_ids": [[*row.prompt_token_ids.tolist(), *row.token_ids.tolist()] for row in rows],
        "completion_mask": [[0] * len(row.prompt_token_ids) + [1] * len(row.token_ids) for row in rows],
    }
    config = trl.SFTConfig(
        **shared_settings(tempfile.mkdtemp(), batch, len(rows), steps, precision), max_length=None,
        padding_free=padding_free, completion_only_loss=True,
    )  # fmt: skip
    return trl.SFTTrainer(
        model=policy(), args=config, processing_class=tokenizer(), callbacks=[rounds],
        train_dataset=Dataset.from_dict(data),
    ).train  # fmt: skip


def peers_of(kind: str, rows: list[TrainingRow]) -> dict[str, Callable[..., Any]]:
    """The ways in which the peer takes such a step."""
    batches = [batch for batch in peer_batches if batch <= len(rows)]
    if kind == "update":
        return {f"GRPOTrainer at batch {batch}": lambda *a, b=batch: peer_update(rows, b, *a) for batch in batches}
    found = {f"SFTTrainer at batch {batch}": lambda *a, b=batch: peer_supervised(rows, b, *a) for batch in batches}
    free = lambda *a: peer_supervised(rows, batches[0], *a, padding_free=True)  # noqa: E731
    return {**found, f"SFTTrainer padding-free at batch {batches[0]}": free}


def compare(kind: str, rows: list[TrainingRow], precision: str, runs: int, *, with_peer: bool) -> dict[str, Any]:
    tokens = sum(row.length for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(rows, Grpo() if kind == "update" else Supervised(), precision, Path(folder) / "policy")
        seconds: dict[str, list[float]] = {"ours": []}
        ratios: dict[str, list[float]] = {}
        ours()
        for name, peer in peers_of(kind, rows).items() if with_peer else ():
            rounds = _Rounds(ours)
            peer(precision, runs + 1, rounds)()
            kept = rounds.seconds[1:]
            seconds["ours"] += [mine for mine, _ in kept]
            seconds[name] = [other for _, other in kept]
            ratios[name] = [other / mine for mine, other in kept]
        for _ in range(0 if with_peer else runs):
            began = time.process_time()
            ours()
            seconds["ours"].append(time.process_time() - began)
    found: dict[str, Any] = {
        "tokens_per_cpu_second": {name: round(tokens / statistics.median(each)) for name, each in seconds.items()},
        "padding": round(ours.padding, 4),
    }
    if ratios:
        best = min(ratios, key=lambda name: statistics.median(seconds[name]))
        found |= {"better_peer": best, "ratio": round(statistics.median(ratios[best]), 3)}
        found["ratio_spread"] = [round(edge(ratios[best]), 3) for edge in (min, max)]
    return found


def generation(rows: list[TrainingRow], precision: Any, runs: int) -> dict[str, Any]:
    """The decode loop at the lengths of the rows; `generate` as the peer calls it draws every row to the longest."""
    model = policy().eval()
    loop = DecodeLoop(model, [], precision=precision)
    rng = random.Random(0)
    requests = [
        Request(index, row.prompt_token_ids.tolist(), rng.getrandbits(60), max_tokens=len(row.token_ids))
        for index, row in enumerate(rows)
    ]
    longest = max(len(row.token_ids) for row in rows)
    width = max(len(row.prompt_token_ids) for row in rows)
    ids = torch.tensor([[0] * (width - len(row.prompt_token_ids)) + row.prompt_token_ids.tolist() for row in rows])

    def ours() -> int:
        return sum(len(completion.token_ids) for completion in loop.sample(requests, Sampling(), lambda: False))

    def peer() -> int:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"), torch.no_grad():
            model.generate(
                ids, attention_mask=(ids != 0).long(), do_sample=True, top_k=0, max_new_tokens=longest,
                min_new_tokens=longest, pad_token_id=0,
            )  # fmt: skip
        return longest * len(rows)

    speeds: dict[str, list[float]] = {"ours": [], "generate": []}
    for _ in range(runs):
        for name, call in (("ours", ours), ("generate", peer)):
            began = time.process_time()
            speeds[name].append(call() / (time.process_time() - began))
    medians = {name: round(statistics.median(each)) for name, each in speeds.items()}
    return {"tokens_per_cpu_second": medians, "ratio": round(medians["ours"] / medians["generate"], 3)}


def alone(name: str, kind: str, precision: str, rows: list[TrainingRow]) -> None:
    """Take two steps; the peak memory of this process above that after loading, in MB."""
    # Libraries and their kernels are no part of the step: load all of them before.
    if name == "ours":
        keep_freed_memory()
        with tempfile.TemporaryDirectory() as folder:
            ours = Ours(rows, Grpo() if kind == "update" else Supervised(), precision, Path(folder) / "policy")
            before = peak_megabytes()
            ours()
            ours()
    else:
        train = peers_of(kind, rows)[name](precision, 2, _Rounds(None))
        before = peak_megabytes()
        train()
    print(json.dumps(peak_megabytes() - before))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a few rows, to see that it runs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs=2, metavar=("KIND", "PRECISION"), help="one of the comparisons")
    parser.add_argument("--batches", type=int, nargs="+", default=PEER_BATCHES, help="batch sizes of the peer")
    parser.add_argument("--memory", action="store_true", help="also the peak memory of each")
    parser.add_argument("--alone", nargs=3, metavar=("WHO", "KIND", "PRECISION"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    peer_batches[:] = asked.batches
    warnings.simplefilter("ignore")
    kinds = {
        "update": rows_of(1, 4) if asked.tiny else rows_of(GROUPS, GROUP),
        "supervised": rows_of(4, 1) if asked.tiny else rows_of(GROUPS * GROUP, 1),
    }
    if asked.alone:
        who, kind, precision = asked.alone
        return alone(who, kind, precision, kinds[kind])
    runs, with_peer = (1 if asked.tiny else asked.rounds), find_spec("trl") is not None and not asked.tiny
    results: dict[str, Any] = {}
    if asked.only:
        kind, precision = asked.only
        results[f"{kind}, {precision}"] = compare(kind, kinds[kind], precision, runs, with_peer=with_peer)
    for precision in () if asked.only else PRECISIONS:
        for kind, rows in kinds.items():
            results[f"{kind}, {precision}"] = compare(kind, rows, precision, runs, with_peer=with_peer)
        results[f"generation, {precision}"] = generation(kinds["update"][: len(kinds["update"])], precision, 1)
    for kind, rows in kinds.items() if asked.memory else ():
        for precision in PRECISIONS:
            for name in ["ours", *(peers_of(kind, rows) if with_peer else ())]:
                done = subprocess.run(
                    [sys.executable, __file__, "--alone", name, kind, precision],
                    check=True, capture_output=True, text=True,
                )  # fmt: skip
                where = results[f"{kind}, {precision}"].setdefault("megabytes_above_loading", {})
                where[name] = json.loads(done.stdout.splitlines()[-1])
    settings = {
        "rows": len(kinds["update"]), "prompt": PROMPT, "completion": COMPLETION, "vocabulary": VOCABULARY,
        "parameters": sum(parameter.numel() for parameter in policy().parameters()), "runs": runs, "threads": 1,
        "trl": __import__("trl").__version__ if with_peer else "left out",
        "transformers": transformers.__version__, "torch": torch.__version__,
    }  # fmt: skip
    show({"benchmark": "training speed", "settings": settings, **results})
    return None


if __name__ == "__main__":
    main()
