import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft, DraftGone, Stopped, WrongArtifact, chunks, files, find, open_draft
from whet.artifacts.publishing import next_version

sys.path.insert(0, str(Path(__file__).parent))
import toy

TOY = Path(__file__).with_name("toy.py")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_recipe_makes_one_version_and_a_changed_one_the_next(tmp_path: Path) -> None:
    first = toy.run(tmp_path / "x")
    assert first.path == tmp_path / "x/v1"
    assert len(first) == 30
    assert first.manifest.counts == {"rows": 30}
    before = snapshot(tmp_path / "x/v1")
    assert toy.run(tmp_path / "x").path == first.path
    assert toy.run(tmp_path / "x", shuffle=True).path == tmp_path / "x/v2"
    assert Artifact.open(tmp_path / "x").path == tmp_path / "x/v2"
    assert Artifact.open(tmp_path / "x/v1").digest == first.digest
    assert snapshot(tmp_path / "x/v1") == before
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["v1", "v2"]


def test_rows_come_out_in_canonical_order_whatever_order_they_were_written_in(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    for chunk in draft.chunks([{"chunk": index} for index in range(toy.CHUNKS)]):
        for order in reversed(range(toy.ROWS)):
            chunk.write(toy.row(chunk.index, order), order, {"rows": 1})
    assert draft.publish().digest == toy.run(tmp_path / "y").digest


def test_again_makes_a_new_version_of_a_finished_recipe(tmp_path: Path) -> None:
    toy.run(tmp_path / "x")
    draft = open_draft(tmp_path / "x", again=True, **toy.declared())
    assert isinstance(draft, Draft)


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


def test_prefixes_are_kept_for_whoever_continues_the_chunk(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    chunk = next(draft.chunks([0]))
    assert chunk.prefixes() == []
    chunk.save_prefixes([{"order": 3, "token_ids": [1, 2]}])
    draft.close()
    again = next(Draft.create(tmp_path / "x", **toy.declared()).chunks([0]))
    assert again.prefixes() == [{"order": 3, "token_ids": [1, 2]}]


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


def test_two_recipes_on_one_output_make_two_versions(tmp_path: Path) -> None:
    one = Draft.create(tmp_path / "x", **toy.declared())
    two = Draft.create(tmp_path / "x", **toy.declared(other=1))
    assert one.folder != two.folder
    for draft in (one, two):
        for chunk in draft.chunks([0]):
            chunk.write(toy.row(0, 0), 0)
    assert [two.publish().path.name, one.publish().path.name] == ["v1", "v2"]


def test_a_draft_that_another_process_published_says_so(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    toy.run(tmp_path / "x")
    with pytest.raises(DraftGone):
        list(draft.chunks([0]))
    with pytest.raises(DraftGone):
        draft.publish()
    assert find(tmp_path / "x", draft.recipe) is not None


def test_a_full_disk_is_an_error_that_keeps_the_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    monkeypatch.setattr(chunks, "FLUSH_SECONDS", 0.0)
    real, written = os.write, 0

    def full(handle: int, data: Any) -> int:
        nonlocal written
        written += len(data)
        if written > 20_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr(files.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        for chunk in draft.chunks([{"chunk": index} for index in range(toy.CHUNKS)]):
            for order in range(toy.ROWS):
                chunk.write(toy.row(chunk.index, order), order, {"rows": 1})
    with contextlib.suppress(
        OSError
    ):  # rows that are not on disk yet fail again, and the lease is given back all the same
        draft.close()
    monkeypatch.undo()
    log = tmp_path / "log"
    resumed = toy.run(tmp_path / "x", log)
    assert len(log.read_text().splitlines()) < 30
    assert resumed.digest == toy.run(tmp_path / "y").digest


def test_numbers_of_removed_versions_are_not_used_again(tmp_path: Path) -> None:
    toy.run(tmp_path / "x")
    assert toy.run(tmp_path / "x", other=1).path.name == "v2"
    shutil.rmtree(tmp_path / "x/v2")
    (tmp_path / "x/.highest").write_text("2")
    assert next_version(tmp_path / "x") == 3


def test_a_finished_draft_whose_process_died_before_the_rename_is_published_by_the_next_look(tmp_path: Path) -> None:
    whole = toy.run(tmp_path / "x")
    os.rename(whole.path, tmp_path / "x" / f".draft-{whole.recipe[:12]}")
    (tmp_path / "x" / f".draft-{whole.recipe[:12]}" / "work").mkdir()
    found = find(tmp_path / "x", whole.recipe)
    assert found is not None
    assert found.path == tmp_path / "x/v1"
    assert not (found.path / "work").exists()


def test_a_gate_marks_the_version_and_readers_want_to_be_told(tmp_path: Path) -> None:
    draft = Draft.create(tmp_path / "x", **toy.declared())
    for chunk in draft.chunks([0]):
        chunk.write(toy.row(0, 0), 0)
    draft.gate("max-unknown", "3 of 10 unknown")
    draft.publish()
    with pytest.raises(WrongArtifact, match="max-unknown .*--accept-gated"):
        Artifact.open(tmp_path / "x", accept_gated=False)
    assert Artifact.open(tmp_path / "x", accept_gated=True).manifest.gates == {"max-unknown": "3 of 10 unknown"}


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


def test_a_version_or_a_file_is_no_place_for_versions(tmp_path: Path) -> None:
    made = toy.run(tmp_path / "x")
    (tmp_path / "file").write_text("")
    for wrong in (made.path, tmp_path / "file", tmp_path / "new/v3"):
        with pytest.raises(WrongArtifact):
            Draft.create(wrong, **toy.declared())


def test_a_manifest_says_where_it_came_from_and_keeps_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["whet", "toy", "--api-key", "hunter2", "--token=hunter3", "http://me:hunter4@h/x?k=hunter5"]
    )
    monkeypatch.setenv("HF_TOKEN", "hunter6")
    artifact = toy.run(tmp_path / "x")
    text = (artifact.path / "manifest.json").read_text()
    manifest = json.loads(text)
    assert "hunter" not in text
    assert manifest["attempts"][0]["arguments"] == [
        "whet",
        "toy",
        "--api-key",
        "***",
        "--token=***",
        "http://***@h/x?***",
    ]
    assert manifest["environment"]["packages"]["pyarrow"]
    assert manifest["recipe"] == artifact.recipe
    assert manifest["stage"] == "toy"


def test_an_input_whose_name_is_not_utf8_can_be_written_down_and_read_back(tmp_path: Path) -> None:
    named = tmp_path / os.fsdecode(b"c\xff.csv")
    files.write_json(tmp_path / "x.json", {"path": str(named)})
    assert files.read_json(tmp_path / "x.json") == {"path": str(named)}


def test_a_row_that_two_processes_flushed_is_kept_and_counted_once(tmp_path: Path) -> None:
    one = Draft.create(tmp_path / "x", **toy.declared())
    slow = next(one.chunks([0]))
    slow.write(toy.row(0, 0), 0, {"rows": 1, "tokens": 7})
    slow.write(toy.row(0, 1), 1, {"rows": 1, "tokens": 5})
    # The lease goes stale while its holder lives on: another takes the chunk before the holder's rows are on disk.
    (one.work / "leases/00000.json").unlink()
    two = Draft.create(tmp_path / "x", **toy.declared())
    quick = next(two.chunks([0]))
    quick.write(toy.row(0, 1), 1, {"rows": 1, "tokens": 5})
    quick.flush()
    slow.flush()
    quick.write(toy.row(0, 2), 2, {"rows": 1})
    quick.finish()
    one.close()
    artifact = two.publish()
    assert [row["answer"] for row in artifact.rows()] == ["00", "01", "02"]
    assert artifact.manifest.counts == {"rows": 3, "tokens": 12}
