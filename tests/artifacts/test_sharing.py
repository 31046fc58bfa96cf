"""Processes that share a draft: chunks taken, stopped, killed, published before the end; one writer of a model."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from whet.artifacts import Artifact, Draft, Stopped, WrongArtifact

sys.path.insert(0, str(Path(__file__).parent))
import toy

TOY = Path(__file__).with_name("toy.py")


def test_a_stop_keeps_every_row_and_the_same_command_goes_on(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    written = 0
    with pytest.raises(Stopped):
        for chunk in draft.chunks([{"chunk": index} for index in range(toy.CHUNKS)]):
            for order in range(toy.ROWS):
                written += 1
                draft.stop.requested = written == 8
                chunk.write(toy.row(chunk.index, order), order, {"rows": 1})
    draft.close()
    assert written == 8
    log = tmp_path / "log"
    resumed = toy.run(tmp_path / "x", log)
    assert log.read_text().splitlines()[0] == "1 3"  # 8 rows were written: chunk 0 whole, three of chunk 1
    assert len(log.read_text().splitlines()) == 30 - 8
    assert resumed.digest == toy.run(tmp_path / "y").digest
    assert resumed.manifest.counts == {"rows": 30}
    assert len(resumed.manifest.attempts) == 2


def start(out: Path, log: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(TOY), str(out), str(log), str(seconds)], stdout=subprocess.PIPE, text=True
    )


def test_four_processes_two_of_them_killed_and_restarted_make_one_version_equal_to_that_of_one(tmp_path: Path) -> None:
    out, log = tmp_path / "x", tmp_path / "log"
    running = [start(out, log, 0.05) for _ in range(4)]
    while not log.exists() or len(log.read_text().splitlines()) < 6:
        time.sleep(0.01)
    for process in running[:2]:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    running = [start(out, log, 0.05), start(out, log, 0.05), *running[2:]]
    printed = [process.communicate(timeout=60)[0].strip() for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert printed == [str(out / "v1")] * 4
    assert [path.name for path in out.iterdir()] == ["v1"]
    shared = Artifact.open(out)
    rows = [row["problem_id"] for row in shared.rows()]
    assert len(rows) == len(set(rows)) == 30
    assert shared.digest == toy.run(tmp_path / "y").digest
    computed = log.read_text().splitlines()
    assert len(computed) - len(set(computed)) <= 2 * toy.ROWS  # a kill costs at most its own chunk


def test_what_a_draft_has_can_be_published_marked_incomplete(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    work = draft.chunks([0, 1, 2])
    chunk = next(work)
    chunk.write(toy.row(0, 0), 0)
    chunk = next(work)
    chunk.write(toy.row(1, 0), 0)
    draft.close()
    draft = Draft.create(tmp_path / "x", **toy.declared())
    draft.finish_incomplete()
    artifact = draft.publish()
    assert artifact.manifest.incomplete == {"done": 1, "chunks": 3}
    assert len(artifact) == 2
    with pytest.raises(WrongArtifact, match="1 of 3 chunks.*--accept-incomplete"):
        Artifact.open(tmp_path / "x", accept_incomplete=False)


def test_rows_of_the_only_chunk_published_before_its_end_are_marked_incomplete(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    next(draft.chunks([0])).write(toy.row(0, 0), 0)
    draft.close()
    draft = Draft.create(tmp_path / "x", **toy.declared())
    draft.finish_incomplete()
    draft.close()
    # Its process died here: the command without --finish takes the part for what it is.
    draft = Draft.create(tmp_path / "x", **toy.declared())
    assert list(draft.chunks([0])) == []
    assert draft.publish().manifest.incomplete == {"done": 0, "chunks": 1}


def test_a_chunk_that_is_done_after_all_is_not_incomplete(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    next(draft.chunks([0])).write(toy.row(0, 0), 0)
    draft.close()
    (draft.work / "partial").mkdir()  # of a process that died before it made the part
    (draft.work / "partial" / "00000.json").write_text("{}")
    draft = Draft.create(tmp_path / "x", **toy.declared())
    for chunk in draft.chunks([0]):
        chunk.write(toy.row(0, 1), 1)
    artifact = draft.publish()
    assert (artifact.manifest.incomplete, len(artifact)) == (None, 2)


def test_a_chunk_with_no_finished_row_makes_no_part(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    next(draft.chunks([0])).save_prefixes([{"order": 0}])
    draft.close()
    draft = Draft.create(tmp_path / "x", **toy.declared())
    draft.finish_incomplete()
    assert not draft.is_done(0)
    draft.close()


def test_a_second_writer_of_a_model_is_told_to_wait(tmp_path: Path) -> None:
    one = Draft.create(tmp_path / "x", kind="policy", stage="init")
    two = Draft.create(tmp_path / "x", kind="policy", stage="init")
    with one.writer(), pytest.raises(Stopped, match=f"written by process {os.getpid()}"), two.writer():
        pass
    with two.writer():
        (two.folder / "config.json").write_text("{}")
        (two.folder / "config.json").chmod(0o600)
    artifact = two.publish()
    assert [file.path for file in artifact.manifest.files] == ["config.json"]
    assert (artifact.path / "config.json").stat().st_mode & 0o777 == (
        artifact.path / "manifest.json"
    ).stat().st_mode & 0o777
    assert artifact.manifest.rows is None


def test_chunks_of_later_steps_can_be_dropped_and_made_again(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    for step in range(3):
        chunk = draft.open_chunk(step)
        chunk.write(toy.row(step, 0), 0, {"rows": 1})
        draft.close_chunk(chunk)
    draft.discard_chunks_from(1)
    assert [draft.is_done(step) for step in range(3)] == [True, False, False]
    chunk = draft.open_chunk(1)
    chunk.write(toy.row(1, 1), 0, {"rows": 1})
    draft.close_chunk(chunk)
    artifact = draft.publish()
    assert [row["answer"] for row in artifact.rows()] == ["00", "11"]
    assert artifact.manifest.counts == {"rows": 2}
