"""A state that several processes wrote is read by any number of them; a checkpoint may be written in the background."""

import threading
import time
from pathlib import Path

import pytest
import torch

from whet.artifacts.files import remove_tree
from whet.stages.checkpoints import Checkpoints, Progress, _Snapshot
from whet.stages.distribution.dealing import rows_of
from whet.stages.distribution.state_files import read_part, write_part
from whet.stages.learner import Learner
from whet.stages.optimization import Optimization

from .one_step import tiny_model

FLOAT32 = Optimization(learning_rate=0.1, precision="float32")


def test_rows_are_cut_as_torch_cuts_them() -> None:
    for length in range(12):
        for count in range(1, 6):
            chunks = [len(chunk) for chunk in torch.arange(length).chunk(count)] if length else []
            ranges = [rows_of(length, rank, count) for rank in range(count)]
            assert [end - first for first, end in ranges if end > first] == chunks
            assert ranges[0][0] == 0
            assert ranges[-1][1] == length


@pytest.mark.parametrize("written", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_what_several_processes_wrote_any_number_reads(written: int, count: int, tmp_path: Path) -> None:
    whole = {"w": torch.randn(7, 3), "bias": torch.randn(2), "exp_avg/w": torch.randn(7, 3)}
    alike = {"step/w": torch.tensor(4.0), "random": torch.arange(9)}
    for rank in range(written):
        own = {key: value[slice(*rows_of(len(value), rank, written))] for key, value in whole.items()}
        write_part(tmp_path, "moments", own | alike, rank, written)
    parts = [read_part(tmp_path, "moments", written, rank, count, {"w", "bias"}) for rank in range(count)]
    for key, value in whole.items():
        assert torch.equal(torch.cat([part[key] for part in parts]), value)
    for key, value in alike.items():
        assert all(torch.equal(part[key], value) for part in parts)


def test_a_checkpoint_written_in_the_background_holds_the_state_as_it_was(tmp_path: Path) -> None:
    learner = Learner(tiny_model(0), FLOAT32)
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    before = {name: weight.clone() for name, weight in learner.weights().items()}
    checkpoints.save(learner, Progress(step=3), background=True)
    with torch.no_grad():
        for weight in learner.parameters.values():
            weight.zero_()
    checkpoints.finish()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000003"]
    restored = checkpoints.restore(learner)
    assert restored is not None
    assert restored.step == 3
    assert all(torch.equal(weight, before[name]) for name, weight in learner.weights().items())


def test_what_could_not_be_written_in_the_background_is_told_at_the_next_save(tmp_path: Path) -> None:
    learner = Learner(tiny_model(0), FLOAT32)
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(learner, Progress(step=1), background=True)
    (tmp_path / "checkpoints" / ".tmp-step-00000002").write_text("in the way of a folder")
    with pytest.raises(OSError, match="step-00000002"):
        checkpoints.save(learner, Progress(step=2), background=True)
        checkpoints.finish()


def test_the_first_process_does_not_wait_for_a_part_that_could_not_be_written(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    snapshot = _Snapshot(Learner(tiny_model(0), FLOAT32), Progress(step=1))
    snapshot.parts = 2
    unfinished = tmp_path / ".tmp-step-00000001"
    unfinished.mkdir()
    waiting = threading.Thread(
        target=checkpoints._write, args=(snapshot, unfinished, tmp_path / "step-00000001"), daemon=True
    )
    waiting.start()
    while not (unfinished / "weights-00001-of-00002.safetensors").exists():
        time.sleep(0.01)
    waiting.join(0.2)
    assert waiting.is_alive()
    # What a process does whose disk is full.
    remove_tree(unfinished)
    waiting.join(10)
    assert not waiting.is_alive()
    with pytest.raises(OSError, match=r"another process could not write its part|No such file"):
        checkpoints.finish()
    assert checkpoints.newest() is None
