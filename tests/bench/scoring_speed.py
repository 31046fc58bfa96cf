"""How fast `whet score` is, against a transformers pipeline: the same reward model, the same rows, one thread.

python tests/bench/scoring_speed.py [--tiny] [--groups 24] [--precision float32] [--runs 5]

A Bradley-Terry model of 5M parameters scores groups of 8 rollouts of one problem, prompts of 64 to 256 tokens and
completions of 16 to 256, uniform. Each side runs in a process of its own, from the loaded libraries to the last score,
model loading, reading and writing included; the pipeline (text-classification) runs at batch sizes 1, 8 and 32 and the
best of them counts. Rounds are interleaved. Seconds are those of the CPU, which a busy neighbour disturbs less than
wall seconds; ratio is the pipeline's / ours, higher is better. Peak memory is that of the process.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from paired import peak_megabytes, show

PEER_BATCHES = (1, 8, 32)
ROLLOUTS = 8
PROMPT, COMPLETION = (64, 256), (16, 256)
"""Tokens, the shortest and the longest; each is a character."""


def make_inputs(folder: Path, size: Any, groups: int, share: float) -> None:
    """A scalar reward model with a random head, and rollouts whose texts the pipeline gets as they are."""
    import torch

    from whet.artifacts import Artifact, Draft, Weights, make_problem
    from whet.stages.init import InitOptions, init
    from whet.stages.rewards.folder import Settings, write_settings
    from whet.stages.rewards.loading import load_headed
    from whet.stages.tokens import load_encoder

    draft = Draft.create(folder / "policy", kind="policy", stage="init")
    init(draft, InitOptions(size=size))
    policy: Artifact[Any] = draft.publish()
    weights = Weights(str(policy.path))
    model = load_headed(weights, "bradley-terry")
    with torch.no_grad():
        model.score.weight.normal_(generator=torch.Generator().manual_seed(0))
    model.config.pad_token_id = 0  # without it a pipeline takes no batches
    model.save_pretrained(folder / "model")
    for file in policy.path.glob("*token*"):
        (folder / "model" / file.name).write_bytes(file.read_bytes())
    for file in policy.path.glob("*.jinja"):
        (folder / "model" / file.name).write_bytes(file.read_bytes())
    write_settings(folder / "model", Settings(method="bradley-terry"))
    encoder, rng = load_encoder(folder / "model"), random.Random(0)

    def text(length: int) -> str:
        return "".join(rng.choice("0123456789 +-=") for _ in range(length))

    def asked(tokens: int) -> Any:
        """A problem whose prompt has so many tokens."""
        around = len(encoder.encode_prompt([{"role": "user", "content": ""}]))
        return make_problem([{"role": "user", "content": "?" + text(tokens - around - 2) + "?"}], "4")

    def draw(bounds: tuple[int, int]) -> int:
        return rng.randint(*(max(16, int(share * bound)) for bound in bounds))

    problems = [asked(draw(PROMPT)) for _ in range(groups)]
    made = Draft.create(folder / "rollouts", kind="rollouts", stage="test", options={})
    made.facts["tokenizer_digest"] = Weights(str(folder / "model")).tokenizer_digest
    made.embed_problems(problems)
    texts, tokens = [], 0
    for chunk in made.chunks([0]):
        for order in range(groups * ROLLOUTS):
            problem, said = problems[order // ROLLOUTS], text(draw(COMPLETION))
            prompt = encoder.encode_prompt(problem["messages"])
            name = {"rollout_id": f"r{order}", "problem_id": problem["problem_id"], "draw": order % ROLLOUTS}
            # No end token: what a pipeline takes for the last token then depends on no padding token.
            chunk.write({**name, "text": said, "prompt_token_ids": prompt, "token_ids": encoder.encode(said)}, order)
            texts.append(encoder.decode(prompt, skip_special=False) + said)
            tokens += len(prompt) + len(said)
    made.publish()
    (folder / "texts.json").write_text(json.dumps(texts))
    (folder / "tokens.json").write_text(json.dumps(tokens))


def ours(folder: Path, precision: Any, batch_tokens: int | None) -> list[float]:
    """The whole stage, to the published scores."""
    from whet.artifacts import Artifact, Draft, Weights
    from whet.stages.score import ScoreOptions, score

    out = Path(tempfile.mkdtemp(dir=folder))
    draft: Draft[Any] = Draft.create(out / "scores", kind="scores", stage="score")
    model = Weights(str(folder / "model"))
    options = ScoreOptions(precision=precision, batch_tokens=batch_tokens)
    score(Artifact.open(folder / "rollouts"), model, draft, options)
    return [row["score"] for row in draft.publish().rows(["score"])]


def peer(folder: Path, precision: str, batch: int) -> list[float]:
    """transformers' pipeline over the texts, in the order they come."""
    from transformers import pipeline

    texts = json.loads((folder / "texts.json").read_text())
    make: Any = pipeline
    scored = make("text-classification", model=str(folder / "model"), dtype=precision, device="cpu")
    return [one["score"] for one in scored(texts, batch_size=batch, function_to_apply="none")]


def child(asked: argparse.Namespace) -> None:
    """One measurement: CPU seconds, peak megabytes and the scores."""
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    _load_libraries(asked.folder)
    start = time.process_time()
    if asked.child == "ours":
        scores = ours(asked.folder, asked.precision, asked.batch_tokens)
    else:
        scores = peer(asked.folder, asked.precision, asked.batch)
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "peak_mb": peak_megabytes(), "scores": scores}))


def _load_libraries(folder: Path) -> None:
    """What either side imports while it works: that time is the interpreter's."""
    import pyarrow.parquet
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline  # noqa: F401

    import whet.stages.rewards.heads
    import whet.stages.score  # noqa: F401

    pyarrow.array([0])  # imports pandas where there is one
    model: Any = AutoModelForSequenceClassification
    model.from_pretrained(folder / "model")
    AutoTokenizer.from_pretrained(folder / "model")


def measure(folder: Path, asked: argparse.Namespace, side: str, batch: int = 0) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", side, "--folder", str(folder), "--batch", str(batch)]
    command += ["--precision", asked.precision]
    if asked.batch_tokens:
        command += ["--batch-tokens", str(asked.batch_tokens)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a few short rows, to see that it runs")
    parser.add_argument("--size", default="tiny", help="of the model, as whet init names it")
    parser.add_argument("--groups", type=int, default=24)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"], help="of both sides")
    parser.add_argument("--batch-tokens", type=int, help="of ours; the default where left out")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked)
        return
    if asked.tiny:
        asked.size, asked.groups, asked.runs = "pico", 2, 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_inputs(folder, asked.size, asked.groups, 0.25 if asked.tiny else 1.0)
        tokens = json.loads((folder / "tokens.json").read_text())
        found: dict[str, list[dict[str, Any]]] = {}
        for _ in range(asked.runs):
            found.setdefault("ours", []).append(measure(folder, asked, "ours"))
            for batch in PEER_BATCHES[1:] if asked.tiny else PEER_BATCHES:
                found.setdefault(f"batch {batch}", []).append(measure(folder, asked, "peer", batch))
    seconds = {name: statistics.median(run["seconds"] for run in runs) for name, runs in found.items()}
    best = min((name for name in seconds if name != "ours"), key=seconds.__getitem__)
    ratios = sorted(peer["seconds"] / mine["seconds"] for mine, peer in zip(found["ours"], found[best], strict=True))
    far = max(abs(one - other) for one, other in zip(found["ours"][0]["scores"], found[best][0]["scores"], strict=True))
    show(
        {
            "rows": asked.groups * ROLLOUTS,
            "tokens": tokens,
            "precision": asked.precision,
            "runs": asked.runs,
            "ours_cpu_seconds": round(seconds["ours"], 3),
            "pipeline_cpu_seconds": {name: round(value, 3) for name, value in seconds.items() if name != "ours"},
            "pipeline_best": best,
            "ratio": round(statistics.median(ratios), 3),
            "ratio_spread": [round(ratios[0], 3), round(ratios[-1], 3)],
            "peak_mb": {name: statistics.median(run["peak_mb"] for run in runs) for name, runs in found.items()},
            "largest_difference_of_scores": far,
        }
    )


if __name__ == "__main__":
    main()
