"""How fast the decode loop draws, against transformers' `model.generate`: the same rows, the same policy, one thread.

python tests/bench/sample_vs_generate.py [--tiny] [--size nano|tiny|small]

Two workloads: even (every row draws the same number of tokens) and uneven (rows end by themselves; a fresh policy ends
with a probability near 1/101 a token, so lengths are geometric). generate runs at batch 64 and 256, its rows sorted by
length; the better of the two counts. Speeds are drawn tokens per CPU second, which a busy neighbour disturbs less than
wall seconds; ratio is ours / generate's, higher is better. The decode loop also returns both log-probabilities,
generate returns tokens alone.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from whet.artifacts import Draft
from whet.stages.engines import Request
from whet.stages.engines.decode import DecodeLoop
from whet.stages.init import InitOptions, init
from whet.stages.sampling import Sampling

sys.path.insert(0, str(Path(__file__).parent))
from paired import show

END = 1
PEER_BATCHES = (64, 256)


def fresh_policy(size: Any, folder: Path) -> Any:
    draft = Draft.create(folder / "policy", kind="policy", stage="init")
    init(draft, InitOptions(size=size))
    loader: Any = transformers.AutoModelForCausalLM
    return loader.from_pretrained(draft.publish().path, attn_implementation="sdpa").eval()


def make_prompts(rows: int, low: int, high: int) -> list[list[int]]:
    rng = random.Random(0)
    prompts = [[rng.randrange(5, 101) for _ in range(rng.randint(low, high))] for _ in range(rows)]
    return sorted(prompts, key=len)


def draw_ours(loop: DecodeLoop, prompts: list[list[int]], new: int) -> int:
    requests = [Request(index, prompt, 7919 * index) for index, prompt in enumerate(prompts)]
    return sum(len(completion.token_ids) for completion in loop.sample(requests, Sampling(max_tokens=new)))


def draw_peer(model: Any, prompts: list[list[int]], new: int, batch: int, *, even: bool) -> int:
    drawn = 0
    for start in range(0, len(prompts), batch):
        rows = prompts[start : start + batch]
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        ends = {"eos_token_id": None} if even else {"eos_token_id": END}
        completed = model.generate(
            ids, attention_mask=mask, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=new,
            pad_token_id=0, **ends,
        )[:, width:]  # fmt: skip
        ended = (completed == END).int().cumsum(1) if not even else torch.zeros_like(completed)
        # A row's tokens are those before its first end token, and that one.
        drawn += int((ended - (completed == END).int() * (not even) == 0).sum())
    return drawn


def speed(call: Callable[[], int]) -> float:
    """Drawn tokens per CPU second."""
    start = time.process_time()
    tokens = call()
    return tokens / (time.process_time() - start)


def compare(model: Any, precision: str, prompts: list[list[int]], new: int, runs: int, *, even: bool) -> dict[str, Any]:
    peer = model if precision == "float32" else model.to(torch.bfloat16)
    loop = DecodeLoop(model, [] if even else [END], precision=precision)
    calls = {"ours": lambda: draw_ours(loop, prompts, new)} | {
        f"generate at batch {batch}": lambda batch=batch: draw_peer(peer, prompts, new, batch, even=even)
        for batch in PEER_BATCHES
    }
    for call in calls.values():
        call()
    rounds = [{name: speed(call) for name, call in calls.items()} for _ in range(runs)]
    medians = {name: statistics.median(found[name] for found in rounds) for name in calls}
    best = max((name for name in calls if name != "ours"), key=lambda name: medians[name])
    ratios = sorted(found["ours"] / found[best] for found in rounds)
    return {
        "tokens_per_cpu_second": {name: round(found) for name, found in medians.items()},
        "better_peer": best,
        "ratio": round(statistics.median(ratios), 3),
        "ratio_spread": [round(ratios[0], 3), round(ratios[-1], 3)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a few rows, to see that it runs")
    parser.add_argument("--size", default="nano", choices=["nano", "tiny", "small"])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows, new, longest, runs = (6, 8, 20, 1) if asked.tiny else (512, 64, 256, 5)
    with tempfile.TemporaryDirectory() as folder:
        model = fresh_policy(asked.size, Path(folder))
    settings = {
        "size": asked.size, "parameters": model.num_parameters(), "rows": rows, "runs": runs, "threads": 1,
        "temperature": 1.0,
        "even": {"prompt": 32, "new": new}, "uneven": {"prompt": [8, 64], "new_at_most": longest},
        "peer": {
            "call": "model.generate(do_sample=True, top_k=0, use_cache=True)", "attention": "sdpa",
            "batches": PEER_BATCHES,
            "transformers": transformers.__version__, "torch": torch.__version__,
        },
    }  # fmt: skip
    results: dict[str, Any] = {}
    for precision in ("float32", "bfloat16"):
        even, uneven = make_prompts(rows, 32, 32), make_prompts(rows, 8, 64)
        results[f"even, {precision}"] = compare(model, precision, even, new, runs, even=True)
        results[f"uneven, {precision}"] = compare(model, precision, uneven, longest, runs, even=False)
    show({"benchmark": "sample against generate", "settings": settings, **results})


if __name__ == "__main__":
    main()
