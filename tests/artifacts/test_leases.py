import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from whet.artifacts import leases
from whet.artifacts.leases import Heartbeat, Lease, holder, identity, live_workers


def someone(path: Path, **who: object) -> None:
    path.write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": "5", "job": None, **who}))


def test_only_one_process_holds_a_lease(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path / "a.json")
    assert lease is not None
    assert Lease.take(tmp_path / "a.json") is None
    lease.release()
    assert not (tmp_path / "a.json").exists()
    assert Lease.take(tmp_path / "a.json") is not None
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_lease_of_a_dead_process_of_this_host_is_taken_at_once(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    someone(tmp_path / "a.json", **{**identity(), "pid": dead.pid})
    assert Lease.take(tmp_path / "a.json") is not None


def test_a_process_that_reused_the_number_is_not_the_holder(tmp_path: Path) -> None:
    someone(tmp_path / "a.json", **{**identity(), "started": "1"})
    held = holder(tmp_path / "a.json")
    assert held is not None
    assert not held["alive"]
    assert Lease.take(tmp_path / "a.json") is not None


def test_a_lease_of_another_host_is_live_until_it_goes_unheeded(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    someone(path)
    assert Lease.take(path) is None
    assert [worker["host"] for worker in live_workers(tmp_path)] == ["elsewhere"]
    long_ago = time.time() - leases.STALE_SECONDS - 5
    os.utime(path, (long_ago, long_ago))
    assert live_workers(tmp_path) == []
    assert Lease.take(path) is not None


def test_many_takers_of_a_stale_lease_are_one_winner(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    someone(path, **{**identity(), "started": "1"})
    won: list[Lease] = []
    barrier = threading.Barrier(8)

    def take() -> None:
        barrier.wait()
        if (lease := Lease.take(path)) is not None:
            won.append(lease)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_releasing_a_lease_that_was_taken_over_leaves_the_new_one(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path / "a.json")
    assert lease is not None
    someone(tmp_path / "a.json")
    lease.release()
    assert (tmp_path / "a.json").exists()


def test_a_heartbeat_keeps_leases_fresh_and_calls_what_is_due(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path / "a.json")
    assert lease is not None
    os.utime(lease.path, (0, 0))
    called = threading.Event()
    heartbeat = Heartbeat(interval=0.02)
    heartbeat.leases.add(lease)
    heartbeat.due.append(called.set)
    assert called.wait(10)
    heartbeat.close()
    assert lease.path.stat().st_mtime > 0


@pytest.mark.skipif(not hasattr(os, "link"), reason="needs hard links to take them away")
def test_a_file_system_without_hard_links_still_has_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("links are not supported")

    monkeypatch.setattr(os, "link", refuse)
    assert Lease.take(tmp_path / "a.json") is not None
    assert Lease.take(tmp_path / "a.json") is None
    assert json.loads((tmp_path / "a.json").read_text())["pid"] == os.getpid()
