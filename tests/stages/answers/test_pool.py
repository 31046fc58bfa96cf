import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import pytest

from whet.stages.answers.pool import WorkerPool
from whet.stages.answers.question import Asked
from whet.stages.answers.task import Task

TOLERANCE = Fraction(1, 10_000)
GIGABYTE = 1 << 30

HANGING = [
    "9^{9^{9^9}}",
    "(10^7)!+1",
    r"\left(" * 150 + "x" + r"\right)" * 150,
    r"\sum_{k=1}^{10^{9}} \frac{1}{k^2+\sin k}",
]
"""Each needs minutes or more."""

FAILING = [
    ("-" * 1900 + "5", "error: nested too deeply"),
    ("5!!!!!!!", "error: OverflowError"),
]


def task(answer, expected="4"):
    return Task("math", expected, answer, Asked(), TOLERANCE)


def run(pool, tasks):
    for one in tasks:
        pool.submit(one)
    found = {}
    while pool.unfinished:
        found.update(pool.results(wait=True))
    return found


def parent_of(pool):
    assert pool.parent is not None
    return pool.parent.process


def first_pid(pool):
    assert pool.workers[0].pid is not None
    return pool.workers[0].pid


def test_workers_compare_what_the_parent_would():
    with WorkerPool(2, cpu_seconds=5, memory_bytes=GIGABYTE) as pool:
        found = run(pool, [task("2+2"), task("x=4"), task("5-2"), task("banana"), task(r"\sqrt{8}", r"2\sqrt{2}")])
    assert {one.answer: outcome.equal for one, outcome in found.items()} == {
        "2+2": True,
        "x=4": True,
        "5-2": False,
        "banana": False,
        r"\sqrt{8}": True,
    }


def test_what_hangs_is_a_timeout_and_the_others_are_decided():
    good = [task(f"{n}+1", str(n + 1)) for n in range(40)]
    mixed = [*good[:20], *map(task, HANGING), *good[20:]]
    with WorkerPool(2, cpu_seconds=0.5, memory_bytes=GIGABYTE) as pool:
        started = time.monotonic()
        found = run(pool, mixed)
        seconds = time.monotonic() - started
    assert {found[one].reason for one in map(task, HANGING)} == {"timeout"}
    assert {found[one].equal for one in map(task, HANGING)} == {None}
    assert all(found[one].equal is True for one in good)
    assert len(found) == len(mixed)
    # 4 rows of 0.5 s on 2 workers, their start and 40 good rows; 10 times that on a busy machine.
    assert seconds < 60


@pytest.mark.parametrize(("answer", "reason"), FAILING)
def test_what_breaks_is_an_error_with_its_reason_and_the_pool_goes_on(answer, reason):
    with WorkerPool(1, cpu_seconds=20, memory_bytes=GIGABYTE) as pool:
        found = run(pool, [task(answer), task("2+2")])
    assert found[task(answer)].equal is None
    assert str(found[task(answer)].reason).startswith(reason)
    assert found[task("2+2")].equal is True


def test_the_memory_of_a_worker_is_limited():
    # 2^(2^33) has 2^33 bits: one gigabyte, made by a shift that takes no time.
    hungry = task(r"\lfloor 2^{2^{33}}/3 \rfloor")
    with WorkerPool(1, cpu_seconds=10, memory_bytes=GIGABYTE // 4) as pool:
        found = run(pool, [hungry, task("2+2")])
        peak = max(_resident_megabytes(worker.pid) for worker in pool.workers)
    assert found[hungry].reason == "error: out of memory"
    assert found[task("2+2")].equal is True
    assert peak < 256


def _resident_megabytes(pid):
    with open(f"/proc/{pid}/status") as status:
        return max((int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")), default=0.0)


def finished(pool):
    found = {}
    while pool.unfinished:
        found.update(pool.results(wait=True))
    return found


def test_the_task_of_a_worker_that_is_killed_from_outside_is_given_to_another_one_once():
    with WorkerPool(1, cpu_seconds=2, memory_bytes=GIGABYTE) as pool:
        assert run(pool, [task("2+2")])[task("2+2")].equal is True
        slow = task(HANGING[0])
        pool.submit(slow)
        pool.submit(task("1+3"))
        time.sleep(0.1)
        first = first_pid(pool)
        os.kill(first, signal.SIGKILL)
        found = finished(pool)
        # A new worker tried it again, up to the limit.
        assert pool.workers[0].pid != first
        assert found[slow].reason == "timeout"
        assert found[task("1+3")].equal is True

        pool.submit(slow)
        killed, found = set(), {}
        while not found:
            for worker in pool.workers:
                if worker.tasks and worker.pid is not None and worker.pid not in killed:
                    time.sleep(0.05)
                    os.kill(worker.pid, signal.SIGKILL)
                    killed.add(worker.pid)
            found.update(pool.results(wait=False))
        assert len(killed) == 2
        assert found[slow].reason == "error: the worker ended with SIGKILL"
        assert run(pool, [task("2+3")])[task("2+3")].equal is False


def test_everything_goes_on_when_all_processes_are_killed_at_once():
    tasks = [task(f"{n}+1", str(n + 1)) for n in range(60)]
    with WorkerPool(2, cpu_seconds=5, memory_bytes=GIGABYTE) as pool:
        for one in tasks:
            pool.submit(one)
        found = {}
        for _ in range(2):
            while len(found) % 60 < 10:
                found.update(pool.results(wait=True))
            os.killpg(parent_of(pool).pid, signal.SIGKILL)
        found.update(finished(pool))
    assert {one.equal for one in found.values()} == {True}
    assert set(found) == set(tasks)


@pytest.mark.slow
def test_the_wall_limit_ends_a_worker_that_sleeps():
    with WorkerPool(1, cpu_seconds=0.2, memory_bytes=GIGABYTE) as pool:
        run(pool, [task("2+2")])
        pool.submit(task(HANGING[0]))
        # A stopped process uses no CPU time: only the outer bound of 10 * 0.2 s can end it.
        os.kill(first_pid(pool), signal.SIGSTOP)
        started = time.monotonic()
        found = {}
        while pool.unfinished:
            found.update(pool.results(wait=True))
    assert found[task(HANGING[0])].reason == "timeout"
    assert 1.5 < time.monotonic() - started < 60


def test_no_process_is_left_behind():
    with WorkerPool(2, cpu_seconds=30, memory_bytes=GIGABYTE) as pool:
        run(pool, [task("2+2"), task("1+3"), task("5-1"), task("6-2")])
        for answer in HANGING[:2]:
            pool.submit(task(answer))
        time.sleep(0.2)
        pids = [parent_of(pool).pid, *(worker.pid for worker in pool.workers if worker.pid)]
        started = time.monotonic()
    assert time.monotonic() - started < 5
    time.sleep(0.2)
    assert pids
    assert not any(_alive(pid) for pid in pids)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_without_their_modules_are_an_error_that_says_so(tmp_path, monkeypatch):
    from whet.stages.answers import pool as module

    (tmp_path / "sympy.py").write_text("raise ImportError('sympy is broken here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with WorkerPool(1, cpu_seconds=5, memory_bytes=GIGABYTE) as pool, pytest.raises(module.WorkersFailed) as failure:
        run(pool, [task("2+2")])
    assert "sympy is broken here" in str(failure.value)


LOOP = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs the tests in the background
from fractions import Fraction
from whet.stages.answers.pool import WorkerPool
from whet.stages.answers.question import Asked
from whet.stages.answers.task import Task
with WorkerPool(2, cpu_seconds=float(sys.argv[1]), memory_bytes=1 << 30) as pool:
    pool.submit(Task("math", "4", "2+2", Asked(), Fraction(0)))
    while pool.unfinished:
        pool.results(wait=True)
    pool.submit(Task("math", "4", "9^{9^{9^9}}", Asked(), Fraction(0)))
    pool.submit(Task("math", "4", "9^{9^{9^8}}", Asked(), Fraction(0)))
    print(pool.parent.process.pid, *[worker.pid for worker in pool.workers if worker.pid], flush=True)
    while pool.unfinished:
        pool.results(wait=True)
"""


def _start_loop(cpu_seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, str(cpu_seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def test_an_interrupt_of_the_process_group_prints_one_traceback_and_leaves_nothing():
    process, pids = _start_loop(60)
    os.killpg(process.pid, signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert printed.count("Traceback") == 1
    assert printed.strip().endswith("KeyboardInterrupt")
    time.sleep(0.2)
    assert pids
    assert not any(_alive(pid) for pid in pids)


def test_workers_of_a_killed_process_end_by_themselves():
    process, pids = _start_loop(1)
    process.kill()
    process.communicate(timeout=60)
    # Those that wait see the end of their input at once, busy ones reach their limit of one second.
    deadline = time.monotonic() + 30
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert pids
    assert not any(_alive(pid) for pid in pids)


def test_processes_that_died_while_they_were_idle_are_replaced():
    with WorkerPool(1, 5.0, GIGABYTE) as pool:
        run(pool, [task("4")])
        os.killpg(parent_of(pool).pid, signal.SIGKILL)
        parent_of(pool).wait()
        assert run(pool, [task("2+2")])[task("2+2")].equal
        os.kill(first_pid(pool), signal.SIGKILL)
        time.sleep(0.1)
        assert run(pool, [task("3+1")])[task("3+1")].equal


@pytest.mark.slow
def test_workers_that_leave_after_enough_tasks_lose_none():
    # A worker leaves after 1,000 tasks, while others have been given to it ahead.
    tasks = [task(f"{n}+1", str(n + 1)) for n in range(2_600)]
    with WorkerPool(2, cpu_seconds=5, memory_bytes=GIGABYTE) as pool:
        pids, found = set(), {}
        for one in tasks:
            pool.submit(one)
        while pool.unfinished:
            found.update(pool.results(wait=True))
            pids |= {worker.pid for worker in pool.workers}
    assert len(found) == 2_600
    assert {outcome.equal for outcome in found.values()} == {True}
    assert len(pids - {None}) >= 4


@pytest.mark.slow
def test_a_parent_that_stands_still_is_replaced(monkeypatch):
    from whet.stages.answers import pool as module

    monkeypatch.setattr(module, "STUCK_SECONDS", 0.5)
    with WorkerPool(1, cpu_seconds=0.1, memory_bytes=GIGABYTE) as pool:
        run(pool, [task("2+2")])
        os.kill(parent_of(pool).pid, signal.SIGSTOP)
        assert run(pool, [task(HANGING[0])])[task(HANGING[0])].reason == "timeout"
        assert run(pool, [task("3+1")])[task("3+1")].equal
