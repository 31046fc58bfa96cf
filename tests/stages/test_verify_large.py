"""`whet verify` on 100,000 rollouts: its memory does not grow with them, and killed it verifies nothing twice."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, make_problem, rollout_id
from whet.artifacts.parquet import read_batches

pytestmark = pytest.mark.slow

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
GROUP = 16
A_PART = 10_000
PROSE = "We add the two numbers, carry the one over to the next column, and check the sum by taking it apart. " * 8


def rollouts_of(folder: Path, count: int) -> Artifact[Any]:
    """Groups of 16: most answers are plain numbers, one in fifty is an expression, no two of these alike."""
    draft = Draft.create(folder / f"rollouts-{count}", kind="rollouts", stage="import", options={"rows": count})
    problems = [
        make_problem([{"role": "user", "content": f"How much is {n} plus {n + 1}?"}], str(2 * n + 1), "math")
        for n in range(count // GROUP)
    ]
    draft.embed_problems(problems)
    rng = random.Random(0)
    for chunk in draft.chunks(list(range(count // A_PART))):
        for order in range(A_PART):
            index = chunk.index * A_PART + order
            n, problem = index // GROUP, problems[index // GROUP]
            answer = f"{n}+{n + rng.randrange(3)}" if index % 50 == 0 else f"{2 * n + rng.randrange(4)}"
            chunk.write(
                {
                    "rollout_id": rollout_id("recipe", problem["problem_id"], index % GROUP),
                    "problem_id": problem["problem_id"],
                    "draw": index % GROUP,
                    "text": rf"{PROSE}{index} So it is \boxed{{{answer}}}.",
                    "finish_reason": "stop",
                },
                order,
            )
    return draft.publish()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Artifact[Any]:
    return rollouts_of(tmp_path_factory.mktemp("small"), 20_000)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Artifact[Any]:
    return rollouts_of(tmp_path_factory.mktemp("large"), 100_000)


def peak_megabytes(rollouts: Artifact[Any], out: Path) -> float:
    """The largest resident set of `whet verify` or of one of its workers."""
    command = [sys.executable, "-m", "whet.cli", "verify", str(rollouts.path), "--out", str(out), "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss / 1024


def test_five_times_the_rollouts_take_no_more_memory(
    small: Artifact[Any], large: Artifact[Any], tmp_path: Path
) -> None:
    few, many = peak_megabytes(small, tmp_path / "small"), peak_megabytes(large, tmp_path / "large")
    verdicts = Artifact.open(tmp_path / "large")
    assert len(verdicts) == 100_000
    assert set(verdicts.manifest.counts) == {"correct", "incorrect"}
    # 80,000 more texts are 72 MB, their verdicts 30 MB; 5,000 more problems, kept for the whole run, about 5.
    assert many < few + 40


def verify_alone(rollouts: Artifact[Any], out: Path, log: Path) -> subprocess.Popen[bytes]:
    script = Path(__file__).with_name("verifying_alone.py")
    return subprocess.Popen([sys.executable, str(script), str(rollouts.path), str(out), str(log)], env=ENVIRONMENT)


def durable_rows(out: Path) -> int:
    """The rows of a draft that a kill has not lost."""
    found = 0
    for draft in out.glob(".draft-*"):
        parts = {path.stem.removeprefix("part-") for path in (draft / "data").glob("part-*.parquet")}
        found += sum(
            batch.num_rows for part in parts for batch in read_batches(draft / "data" / f"part-{part}.parquet")
        )
        for pending in (draft / "work" / "pending").glob("*"):
            if pending.name not in parts:
                files = [path for path in pending.glob("*.parquet") if not path.name.startswith(".")]
                batches = [batch for path in files for batch in read_batches(path, ["__order"])]
                found += len({order for batch in batches for order in batch.column(0).to_pylist()})
    return found


def test_killed_at_any_moment_it_verifies_no_row_twice_that_was_written(large: Artifact[Any], tmp_path: Path) -> None:
    began = time.monotonic()
    assert verify_alone(large, tmp_path / "quiet", tmp_path / "quiet.log").wait() == 0
    length = time.monotonic() - began
    assert (tmp_path / "quiet.log").stat().st_size == 100_000
    out, rng, kept = tmp_path / "killed", random.Random(0), 0
    for attempt in range(4):
        log = tmp_path / f"{attempt}.log"
        process = verify_alone(large, out, log)
        time.sleep(rng.uniform(0.1, 0.4) * length)
        process.kill()
        process.wait()
        if (out / "v1").exists():
            break
        before, kept = kept, durable_rows(out)
        # Nothing of before is lost, and what is new on disk was verified just now.
        verified = log.stat().st_size if log.exists() else 0
        assert before <= kept <= before + verified + 1
    if not (out / "v1").exists():
        last = tmp_path / "last.log"
        assert verify_alone(large, out, last).wait() == 0
        assert last.stat().st_size == 100_000 - kept
    found, expected = Artifact.open(out), Artifact.open(tmp_path / "quiet")
    assert found.digest == expected.digest
    assert found.manifest.counts == expected.manifest.counts
