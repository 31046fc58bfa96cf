"""Objectives side by side on the quickstart's task: equal rollouts, one grid of learning rates, several seeds.

python tests/bench/learning_curves.py FOLDER [--tiny] [--workers N] [--objectives grpo,oreal]

A policy with a short cold start learns addition. Each objective is trained at every learning rate of the grid on one
seed and measured on a development split; at its best rate it is trained on fresh seeds and measured on the test split.
All draw the same number of rollouts. dpo learns from pairs of rounds of rollouts, the others on-policy. All numbers are
made by `whet eval`; entropy is the last one logged. Intervals are Student's t over seeds. Run it again: what is
finished is not done again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRID = ("3e-5", "1e-4", "3e-4")
OBJECTIVES = {
    "rejection": ["--objective", "rejection"],
    "grpo": ["--objective", "grpo"],
    "oreal": ["--objective", "oreal", "--keep", "mixed-groups"],
    "oreal-token": [
        "--objective", "oreal", "--keep", "mixed-groups", "--token-model", "trained", "--token-model-learning-rate",
        "1e-3", "--freeze-steps", "4",
    ],
    "topr": ["--objective", "topr"],
    "w-reinforce": ["--objective", "w-reinforce"],
    "dpo": ["--objective", "dpo"],
}  # fmt: skip
SEEDS = {"rejection": 5, "grpo": 5, "oreal": 5, "oreal-token": 5}
"""Fresh seeds of each; others have 3."""

ADDITION = ("problems", "addition", "--length", "1..3", "--templates", "1")
COMMON = ["--beta2", "0.95", "--weight-decay", "0", "--warmup-steps", "3"]


@dataclass(frozen=True)
class Size:
    train: int = 6000
    test: int = 150
    draws: int = 4
    shots: int = 5000
    cold_steps: int = 140
    steps: int = 16
    groups: int = 32
    rounds: int = 4


def whet(*words: str, folder: Path) -> Path:
    """Run a command; the folder it prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "whet.cli", *words, "-q"], capture_output=True, text=True, env=environment, check=False,
        cwd=folder,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"whet {' '.join(words)}\n{done.stderr}")
    return folder / done.stdout.strip()


def prepared(folder: Path, size: Size) -> dict[str, str]:
    """Problems of three splits and the policy that all begin from."""

    def problems(split: str, seed: int, count: int, out: str) -> str:
        words = [*ADDITION, "--split", split, "--seed", str(seed), "--count", str(count), "--out", out]
        return str(whet(*words, folder=folder))

    found = {
        "train": problems("train", 0, size.train, "train"),
        "development": problems("train", 77, size.test, "development"),
        "test": problems("test", 0, size.test, "test"),
    }
    start = str(whet("init", "--size", "nano", "--context", "256", "--out", "start", folder=folder))
    shown = whet(
        "sample", found["train"], "program:tail-compact", "--limit", str(size.shots), "--tokenizer", start, "--out",
        "demonstrations", folder=folder,
    )  # fmt: skip
    found["cold"] = str(
        whet(
            "train-policy", start, "--rollouts", str(shown), "--objective", "supervised", "--steps",
            str(size.cold_steps), "--rows-per-step", "64", "--learning-rate", "2e-3", "--warmup-steps", "20", "--beta2",
            "0.95", "--weight-decay", "0", "--out", "cold", folder=folder,
        )
    )  # fmt: skip
    return found


def train(folder: Path, given: dict[str, str], name: str, rate: str, seed: int, size: Size) -> tuple[Path, list[Path]]:
    """Train one policy; it, and the verdicts on what it drew meanwhile."""
    out = f"{name}-{rate}-{seed}"
    words = [*OBJECTIVES[name], *COMMON, "--learning-rate", rate, "--seed", str(seed)]
    if name != "dpo":
        policy = whet(
            "train-policy", given["cold"], "--problems", given["train"], *words, "--steps", str(size.steps),
            "--groups-per-step", str(size.groups), "--sampling.rollouts-per-problem", "8", "--sampling.max-tokens",
            "100", "--sampling.seed", str(seed), "--out", out, folder=folder,
        )  # fmt: skip
        return policy, [folder / f"{out}-verdicts"]
    policy, continued, verdicts = Path(given["cold"]), [], []
    per_round = size.groups * size.steps // size.rounds
    for number in range(size.rounds):
        asked = whet(
            *ADDITION, "--split", "train", "--seed", str(1000 * seed + number + 1), "--count", str(per_round), "--out",
            f"{out}/problems-{number}", folder=folder,
        )  # fmt: skip
        drawn = whet(
            "sample", str(asked), str(policy), "--rollouts-per-problem", "8", "--max-tokens", "100", "--seed",
            str(seed), "--out", f"{out}/rollouts-{number}", folder=folder,
        )  # fmt: skip
        verdicts.append(whet("verify", str(drawn), "--out", f"{out}/verdicts-{number}", folder=folder))
        policy = whet(
            "train-policy", str(policy), "--rollouts", str(drawn), "--verdicts", str(verdicts[-1]), *words,
            "--reference", given["cold"], "--steps", str(size.steps // size.rounds), "--rows-per-step",
            str(size.groups), *continued, "--out", f"{out}/policy-{number}", folder=folder,
        )  # fmt: skip
        continued = ["--continue-from", str(policy)]
    return policy, verdicts


def measure(folder: Path, policy: Path, problems: str, name: str, size: Size) -> dict[str, float]:
    """What `whet eval` says of a policy on problems."""
    drawn = whet(
        "sample", problems, str(policy), "--rollouts-per-problem", str(size.draws), "--max-tokens", "100", "--out",
        f"measured/{name}-rollouts", folder=folder,
    )  # fmt: skip
    judged = whet("verify", str(drawn), "--out", f"measured/{name}-verdicts", folder=folder)
    return metrics(whet("eval", str(drawn), str(judged), "--out", f"measured/{name}-report", folder=folder))


def metrics(report: Path) -> dict[str, float]:
    found = json.loads((report / "metrics.json").read_text())["metrics"]
    return {name: one["value"] for name, one in found.items()}


def curve(folder: Path, name: str, verdicts: list[Path], size: Size) -> list[float]:
    """pass@1 of the rollouts drawn at the start, after each third, and at the end."""
    if len(verdicts) > 1:
        chosen = [verdicts[round(share * (len(verdicts) - 1))] for share in (0, 1 / 3, 2 / 3, 1)]
        asked: list[tuple[Path, list[str]]] = [(one, []) for one in chosen]
    else:
        steps = [round(share * (size.steps - 1)) for share in (0, 1 / 3, 2 / 3, 1)]
        asked = [(verdicts[0], ["--step", str(step)]) for step in steps]
    reports = [
        whet("eval", str(one), *words, "--resamples", "100", "--out", f"curves/{name}-{place}", folder=folder)
        for place, (one, words) in enumerate(asked)
    ]
    return [metrics(report)["pass@1"] for report in reports]


def last_entropy(policy: Path) -> float | None:
    lines = [json.loads(line) for line in (policy / "metrics.jsonl").read_text().splitlines()]
    return next((line["entropy"] for line in reversed(lines) if "entropy" in line), None)


def interval(values: list[float]) -> str | None:
    """Mean with the 95 % interval of Student's t; None where nothing was measured."""
    from scipy.stats import t

    if not values:
        return None
    mean = statistics.mean(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    half = t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true", help="a few rows, to see that it runs")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--objectives", help="of them, by commas (default: all; with --tiny grpo)")
    asked = parser.parse_args()
    chosen = asked.objectives or ("grpo" if asked.tiny else ",".join(OBJECTIVES))
    size, names, folder = Size(), chosen.split(","), asked.folder.resolve()
    grid: tuple[str, ...] = GRID
    if asked.tiny:
        size = Size(train=60, test=6, draws=2, shots=20, cold_steps=2, steps=2, groups=4, rounds=2)
        grid = GRID[:1]
    folder.mkdir(parents=True, exist_ok=True)
    given = prepared(folder, size)

    def developed(name: str, rate: str) -> float:
        policy, _ = train(folder, given, name, rate, 0, size)
        return measure(folder, policy, given["development"], f"development-{name}-{rate}", size)["pass@1"]

    def tested(name: str, rate: str, seed: int) -> dict[str, Any]:
        policy, verdicts = train(folder, given, name, rate, seed, size)
        found = measure(folder, policy, given["test"], f"test-{name}-{seed}", size)
        drawn = curve(folder, f"{name}-{seed}", verdicts, size)
        return {**found, "curve": drawn, "entropy": last_entropy(policy)}

    with ThreadPoolExecutor(asked.workers) as pool:
        tried = {(name, rate): pool.submit(developed, name, rate) for name in names for rate in grid}
        rates = {name: max(grid, key=lambda rate, name=name: tried[name, rate].result()) for name in names}
        seeds = {name: 1 if asked.tiny else SEEDS.get(name, 3) for name in names}
        # Seed by seed, so that what is there after an interruption is as much of each.
        runs: dict[str, list[Any]] = {name: [] for name in names}
        for seed in range(1, max(seeds.values()) + 1):
            for name in names:
                if seed <= seeds[name]:
                    runs[name].append(pool.submit(tested, name, rates[name], seed))
        before = measure(folder, Path(given["cold"]), given["test"], "test-cold", size)
        results: dict[str, Any] = {"cold start": {"pass@1": round(before["pass@1"], 3)}}
        for name in names:
            found = [one.result() for one in runs[name]]
            results[name] = {
                "learning_rate": rates[name],
                "development": {rate: round(tried[name, rate].result(), 3) for rate in grid},
                "pass@1": interval([one["pass@1"] for one in found]),
                "mean length": interval([one["mean-length_tokens"] for one in found]),
                "entropy": interval([one["entropy"] for one in found if one["entropy"] is not None]),
                "curve": [
                    round(statistics.mean(values), 3) for values in zip(*(one["curve"] for one in found), strict=True)
                ],
                "seeds": len(found),
            }
    print(json.dumps({"benchmark": "learning curves", "steps": size.steps, "groups": size.groups, **results}, indent=1))


if __name__ == "__main__":
    main()
