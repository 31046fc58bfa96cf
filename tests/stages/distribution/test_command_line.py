"""The same command alone, under torchrun, under accelerate launch: what it writes, prints and exits with."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from whet.artifacts import Artifact
from whet.cli.main import main

HERE = Path(__file__).parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
TRAIN = [
    "train-policy", "policy", "--rollouts", "shown", "--objective", "supervised", "--rows-per-step", "12",
    "--learning-rate", "1e-3", "--epsilon", "1e-4", "--precision", "float32", "--out", "out",
]  # fmt: skip
"""With a large epsilon: where a gradient is nothing but rounding, Adam would make a whole step of it."""

LOG = "out/.draft-*/metrics.jsonl"


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Problems, a small policy, and rollouts to imitate."""
    folder = tmp_path_factory.mktemp("task")
    with contextlib.chdir(folder):
        add = ["addition", "--length", "1..2", "--templates", "1", "--count", "48"]
        assert main(["problems", *add, "--out", "problems", "-q"]) == 0
        assert main(["init", "--context", "128", "--out", "policy", "-q"]) == 0
        shown = ["sample", "problems", "program:tail-compact", "--tokenizer", "policy"]
        assert main([*shown, "--out", "shown", "-q"]) == 0
    return folder


@pytest.fixture
def place(task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the task in it; the current one."""
    for name in ("problems", "policy", "shown"):
        (tmp_path / name).symlink_to(task / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ranked(*arguments: str) -> subprocess.Popen[str]:
    """Two processes of a command; their exit codes will be in code-0 and code-1."""
    command = [*TORCHRUN, str(HERE / "ranked.py"), ".", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[str, str, list[int]]:
    """Standard output, standard error and the exit codes of the ranks."""
    try:
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    return out, err, [int(Path(f"code-{rank}").read_text()) for rank in (0, 1)]


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def steps_done() -> int:
    return sum(len(path.read_text().splitlines()) for path in Path().glob(LOG))


def pids() -> list[int]:
    """The processes by rank, as their logs are named."""
    held = json.loads(next(Path().glob("out/.draft-*/work/leases/writer.json")).read_text())["pid"]
    logs = {int(path.name.split("-")[-2]) for path in Path().glob("out/.draft-*/logs/*.log")}
    return [held, *(logs - {held})]


def assert_same_policy(one: Path, other: Path, within: float = 1e-5) -> None:
    left, right = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert left.keys() == right.keys()
    for name in left:
        assert (left[name] - right[name]).abs().max() <= within, name


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def alone(steps: int, name: str = "alone") -> Path:
    """The same training by one process."""
    assert main([*TRAIN[:-1], name, "--steps", str(steps), "-q"]) == 0
    return Path(name, "v1")


def test_other_processes_than_were_started_are_refused_with_the_line_that_starts_them(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*TRAIN, "--steps", "1", "--processes", "2"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "--processes is 2, but 1 process was started" in said.err
    assert "torchrun --nproc_per_node 2 -m whet.cli train-policy" in said.err
    assert not (place / "out").exists()
    assert main([*TRAIN, "--steps", "1", "--shard"]) == 2
    assert "--shard spreads a model over processes, but 1 was started" in capsys.readouterr().err
    assert main([*TRAIN, "--steps", "1", "--processes", "1"]) == 0


def test_fsdp_asked_of_the_launcher_is_not_forgotten_and_what_is_not_done_here_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert main([*TRAIN, "--steps", "1"]) == 2
    assert "--shard spreads" in capsys.readouterr().err
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "false")
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    assert main([*TRAIN, "--steps", "1"]) == 2
    assert "--use_deepspeed is not done here" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_under_torchrun_train_what_one_trains_and_say_it_once(place: Path) -> None:
    single = alone(5)
    out, err, codes = finished(ranked(*TRAIN, "--steps", "5", "--processes", "2"))
    assert (out, codes) == ("out/v1\n", [0, 0]), err
    made = Path("out/v1")
    assert_same_policy(made, single)
    assert losses(made) == pytest.approx(losses(single), rel=1e-5)
    assert len(list((made / "logs").iterdir())) == 2
    assert Artifact.open(Path("out")).manifest.recipe == Artifact.open(Path("alone")).manifest.recipe
    again, err, codes = finished(ranked(*TRAIN, "--steps", "5"))
    assert (again, codes) == ("out/v1\n", [0, 0])
    assert err.count("nothing to do") == 1


@pytest.mark.slow
def test_a_signal_to_torchrun_keeps_a_checkpoint_that_one_process_goes_on_from(place: Path) -> None:
    steps = ["--steps", "60", "--checkpoint-every", "1000"]
    process = ranked(*TRAIN, *steps)
    wait_for(lambda: steps_done() >= 3)
    process.send_signal(signal.SIGTERM)
    out, err, codes = finished(process)
    assert (out, codes) == ("", [75, 75]), err
    assert "saving, up to 20 s" in err
    kept = [int(path.name[5:]) for path in Path().glob("out/.draft-*/work/checkpoints/step-*")]
    assert len(kept) == 1
    assert kept[0] == steps_done() >= 3
    assert main([*TRAIN, *steps, "-q"]) == 0
    assert_same_policy(Path("out/v1"), alone(60), within=1e-5)
    assert [json.loads(line)["step"] for line in Path("out/v1/metrics.jsonl").read_text().splitlines()] == [
        *range(1, 61)
    ]


@pytest.mark.slow
def test_a_signal_to_one_rank_stops_both_at_the_same_step(place: Path) -> None:
    process = ranked(*TRAIN, "--steps", "400", "--checkpoint-every", "1000")
    wait_for(lambda: steps_done() >= 2)
    os.kill(pids()[1], signal.SIGINT)
    _, err, codes = finished(process)
    assert codes == [75, 75], err
    assert len(list(Path().glob("out/.draft-*/work/checkpoints/step-*/weights.safetensors"))) == 1


@pytest.mark.slow
def test_a_rank_that_is_killed_takes_the_other_along(place: Path) -> None:
    process = ranked(*TRAIN, "--steps", "400", "--checkpoint-every", "2")
    wait_for(lambda: steps_done() >= 4)
    os.kill(pids()[1], signal.SIGKILL)
    began = time.monotonic()
    process.communicate(timeout=120)
    assert time.monotonic() - began < 60
    assert Path("code-0").read_text() == "75"


@pytest.mark.slow
def test_a_sharded_training_that_was_killed_goes_on_and_ends_as_one_process_would(place: Path) -> None:
    from transformers import AutoModelForCausalLM

    steps = ["--steps", "12", "--checkpoint-every", "3", "--shard", "--processes", "2"]
    process = ranked(*TRAIN, *steps)
    wait_for(lambda: list(Path().glob("out/.draft-*/work/checkpoints/step-00000003")))
    files = {path.name for path in Path().glob("out/.draft-*/work/checkpoints/step-*/*")}
    for pid in pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=120)
    assert {"weights-00001-of-00002.safetensors", "moments-00002-of-00002.safetensors", "state.json"} <= files
    out, err, codes = finished(ranked(*TRAIN, *steps))
    assert (out, codes) == ("out/v1\n", [0, 0]), err
    single = alone(12)
    assert_same_policy(Path("out/v1"), single)
    assert losses(Path("out/v1")) == pytest.approx(losses(single), rel=1e-5)
    model: Any = AutoModelForCausalLM.from_pretrained("out/v1")
    assert torch.isfinite(model(torch.tensor([[1, 2, 3]])).logits).all()
    assert json.loads(Path("out/v1/config.json").read_text())["architectures"] == ["Qwen2ForCausalLM"]
    # One process goes on from what two wrote of the optimiser.
    more = [*TRAIN[:-1], "more", "--steps", "2", "-q", "--continue-from"]
    assert main([*more, "out"]) == 0
    assert main([*more[:-5], "other", *more[-4:], "alone"]) == 0
    assert_same_policy(Path("more/v1"), Path("other/v1"))


@pytest.mark.slow
def test_processes_share_the_drawing_of_rollouts_and_learn_of_all_of_them(place: Path) -> None:
    draw = [
        "train-policy", "policy", "--problems", "problems", "--objective", "grpo", "--steps", "2", "--groups-per-step",
        "3", "--sampling.rollouts-per-problem", "3", "--sampling.max-tokens", "10", "--kl-weight", "0.5",
        "--learning-rate", "1e-3", "--epsilon", "1e-4", "--precision", "float32", "--engine", "decode",
    ]  # fmt: skip
    out, err, codes = finished(ranked(*draw, "--out", "out"))
    assert (out, codes) == ("out/v1\n", [0, 0]), err
    assert main([*draw, "--out", "alone", "-q"]) == 0
    ours, theirs = (list(Artifact.open(Path(f"{name}-rollouts")).rows()) for name in ("out", "alone"))
    assert len(ours) == len(theirs) == 18
    for row, other in zip(ours, theirs, strict=True):
        assert [row[name] for name in ("rollout_id", "seed", "token_ids")] == [
            other[name] for name in ("rollout_id", "seed", "token_ids")
        ]
        assert list(row["logprobs"]) == pytest.approx(list(other["logprobs"]), abs=1e-4)
    assert list(Artifact.open(Path("out-verdicts")).rows()) == list(Artifact.open(Path("alone-verdicts")).rows())
    assert_same_policy(Path("out/v1"), Path("alone/v1"))
    out, err, codes = finished(ranked(*draw, "--out", "other", "--shard"))
    assert (out, codes) == ("", [2, 2])
    assert "--problems draws rollouts with the whole policy, and --shard spreads it" in err


@pytest.mark.slow
def test_a_verifier_is_trained_by_two_processes_as_by_one(place: Path) -> None:
    assert main(["init", "--tokenizer", "byte", "--context", "256", "--out", "bytes", "-q"]) == 0
    assert main(["verify", "shown", "--out", "verdicts", "-q"]) == 0
    Path("prompt.txt").write_text("Q: {question} R: {reference} C: {completion} V:")
    train = [
        "train-rm", "bytes", "--rollouts", "shown", "--labels", "verdicts", "--prompt", "prompt.txt", "--steps", "3",
        "--rows-per-step", "16", "--learning-rate", "1e-3", "--epsilon", "1e-4", "--precision", "float32",
    ]  # fmt: skip
    out, err, codes = finished(ranked(*train, "--shard", "--out", "out"))
    assert (out, codes) == ("out/v1\n", [0, 0]), err
    assert main([*train, "--out", "alone", "-q"]) == 0
    assert_same_policy(Path("out/v1"), Path("alone/v1"))
    assert Path("out/v1/verifier.json").read_text() == Path("alone/v1/verifier.json").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("token", ["--save-every", "2"]),
        ("bradley-terry", ["--centring", "0.1", "--shard"]),
        ("implicit", ["--lora.rank", "4", "--lora.merge"]),
    ],
)
def test_a_reward_model_is_trained_by_two_processes_as_by_one(
    place: Path, training_at: Callable[[Path], Any], method: str, more: list[str]
) -> None:
    tiny = training_at(place / "tiny")
    texts = [["ya", "nab", "yabc", "na"], ["nb", "yb", "nbb", "ybbb"], ["yc", "ncc", "yccc", "nc"]]
    tiny.verdicts(tiny.rollouts("r", texts), ["cici", "icic", "cici"])
    train = [
        "train-rm", "tiny/policy", "--method", method, "--rollouts", "tiny/r", "--verdicts", "tiny/r-verdicts",
        "--steps", "4", "--rows-per-step", "3", "--learning-rate", "1e-2", "--epsilon", "1e-4", "--precision",
        "float32", *more,
    ]  # fmt: skip
    out, err, codes = finished(ranked(*train, "--processes", "2", "--out", "out"))
    assert (out, codes) == ("out/v1\n", [0, 0]), err
    assert main([word for word in [*train, "--out", "alone", "-q"] if word != "--shard"]) == 0
    assert_same_policy(Path("out/v1"), Path("alone/v1"))
    assert losses(Path("out/v1")) == pytest.approx(losses(Path("alone/v1")), rel=1e-5)
    assert len(set(losses(Path("alone/v1")))) == 4
    for name in ("reward-model.json", "config.json", "tokenizer.json"):
        assert Path("out/v1", name).read_text() == Path("alone/v1", name).read_text()
    if "--save-every" in more:
        assert_same_policy(Path("out-step-0002/v1"), Path("alone-step-0002/v1"))


@pytest.mark.slow
def test_an_adapter_is_not_spread_over_processes(place: Path) -> None:
    out, err, codes = finished(ranked(*TRAIN, "--steps", "1", "--shard", "--lora.rank", "4"))
    assert (out, codes) == ("", [2, 2])
    assert "--lora.rank trains few weights, and --shard spreads all of them" in err


@pytest.mark.slow
def test_ranks_that_were_given_different_commands_refuse_to_train(place: Path) -> None:
    out, err, codes = finished(ranked(*TRAIN, "--steps", "3", "--only-rank-1", "--seed", "5"))
    assert (out, codes) == ("", [2, 2])
    assert "the processes were started with different commands" in err


@pytest.mark.slow
def test_the_error_of_one_rank_is_that_of_all(tmp_path: Path) -> None:
    command = [*TORCHRUN, str(HERE / "failing.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 1
    assert (tmp_path / "said-1").read_text() == "3 a file is missing here"
    assert (tmp_path / "said-0").read_text() == "3 process 1 failed: a file is missing here"


@pytest.mark.slow
def test_accelerate_launch_starts_two_or_is_found_to_start_one(place: Path) -> None:
    launch = [sys.executable, "-m", "accelerate.commands.launch"]
    plain = ["--num_machines", "1", "--num_processes", "2", "--mixed_precision", "no", "--dynamo_backend", "no"]
    train = ["-m", "whet.cli", *TRAIN, "--steps", "3", "--processes", "2"]
    one = subprocess.run([*launch, "--cpu", *plain, *train], capture_output=True, text=True, check=False, timeout=200)
    assert "--processes is 2, but 1 process was started" in one.stderr
    assert one.returncode != 0
    assert not Path("out").exists()
    two = subprocess.run(
        [*launch, "--multi_gpu", *plain, *train], capture_output=True, text=True, check=False, timeout=200,
        env={**os.environ, "ACCELERATE_USE_CPU": "true"},
    )  # fmt: skip
    assert two.returncode == 0, two.stderr
    assert two.stdout == "out/v1\n"
    assert_same_policy(Path("out/v1"), alone(3))
