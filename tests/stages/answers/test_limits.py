"""What a comparison may take: near the limit of CPU time it is marked, long texts go through without a hitch."""

import re
import time
from fractions import Fraction
from pathlib import Path

import pytest

from whet import stages
from whet.stages.answers.bounded import LONGEST, LONGEST_HERE, compare_here, read_reference
from whet.stages.answers.comparison import Comparison
from whet.stages.answers.outcomes import Outcomes
from whet.stages.answers.pool import WorkerPool
from whet.stages.answers.question import Asked
from whet.stages.answers.task import LENGTH, Task, decode, encode
from whet.stages.answers.types import AnswerType, compare_fully
from whet.stages.answers.worker import NEAR_THE_LIMIT

TOLERANCE = Fraction(1, 10_000)


def task(expected, answer, answer_type: AnswerType = "math", **more):
    return Task(answer_type, expected, answer, Asked(**more), TOLERANCE)


def run(pool, *tasks):
    for one in tasks:
        pool.submit(one)
    found = {}
    while pool.unfinished:
        found.update(pool.results(wait=True))
    return found


@pytest.mark.slow
def test_a_comparison_that_took_more_than_half_of_its_time_is_marked():
    slow = task("x^{150}-1", "(x-1)(1+x+" + "+".join(f"x^{{{power}}}" for power in range(2, 150)) + ")")
    limit, seen = 3.0, []
    while not seen or seen[-1].equal is not None:
        with WorkerPool(1, cpu_seconds=limit, memory_bytes=1 << 30) as pool:
            seen.append(run(pool, slow)[slow])
        limit /= 1.5
    *inside, beyond = seen
    assert (beyond.equal, beyond.reason, beyond.marks) == (None, "timeout", ())
    # It takes more than 1 / 1.5 of the last limit that was enough, and less than 1 / 2.25 of the first.
    assert inside[-1].equal is True
    assert inside[-1].marks == (NEAR_THE_LIMIT,)
    assert inside[0]._replace(marks=()) == inside[-1]._replace(marks=())
    assert inside[0].marks == ()


def test_a_task_comes_back_from_its_bytes_whatever_it_holds():
    options = (("A", "a \x00 cat"), ("B", "\ud800 dog"))
    one = task("\udfff\u202e", "4\x00\n" + "é" * 10, "choice", options=options, percent=True, places=-2)
    written = encode(one)
    assert LENGTH.unpack(written[: LENGTH.size]) == (len(written) - LENGTH.size,)
    assert decode(written[LENGTH.size :]) == one
    assert hash(decode(written[LENGTH.size :])) == hash(one)


def test_tasks_of_other_flags_or_options_are_other_tasks():
    one = task("4", "4")
    others = {task("4", "4", percent=True), one._replace(strict=True), one._replace(tolerance=Fraction(0)), one}
    assert len(others | {one._replace(rules=0), task("4", "4", "number")}) == 6


def test_long_answers_reach_a_worker_that_is_busy_with_another():
    hanging = task("4", "9^{9^{9^9}}")
    long = [task("the cat sat", "the cat " * (50_000 + n), "text") for n in range(8)]
    with WorkerPool(1, cpu_seconds=1, memory_bytes=1 << 30) as pool:
        pool.submit(hanging)
        started = time.monotonic()
        for one in long:  # 400,000 characters each: more than a socket holds
            pool.submit(one)
        assert time.monotonic() - started < 1
        busy = time.process_time()
        found = run(pool)
        # Waiting for a socket takes no time of this process.
        assert time.process_time() - busy < 0.5
    assert found[hanging].reason == "timeout"
    assert {found[one].equal for one in long} == {False}
    assert all(found[one].reason for one in long)


def test_long_texts_are_not_compared_here():
    short, long = task("4", "4"), task("4", "4" + " " * LONGEST_HERE)
    assert compare_here(short) == compare_fully(*short[:-1])
    assert compare_here(long) is None
    other = compare_here(task("4", "4" * (LONGEST + 1)))
    assert other == Comparison(False, "length", "1000001 characters against 1")
    assert compare_here(task(" " + "4" * LONGEST, "4" * LONGEST + "\n")) == Comparison(True, "same text")


def test_the_type_of_a_long_reference_is_text_unless_it_is_given():
    long = "x+" * LONGEST_HERE
    assert read_reference(long, None).answer_type == "text"
    assert read_reference(long, "math").answer_type == "math"
    assert read_reference("x+1", None).answer_type == "math"
    assert read_reference("4", "exact").answer_type == "text"


def test_outcomes_are_bounded_in_number_and_in_characters():
    outcome = compare_fully("number", "4", "4", Asked(), TOLERANCE)
    known = Outcomes(kept=2, kept_characters=100)
    one, two, three = (task("4", str(n)) for n in range(3))
    known.put(one, outcome)
    known.put(two, outcome)
    assert known.get(one) == outcome
    known.put(three, outcome)
    # The second was used longest ago.
    assert [known.get(each) for each in (one, two, three)] == [outcome, None, outcome]
    large = task("4", "5" * 98)
    known.put(large, outcome)  # 99 characters and the 2 of another are more than 100
    assert (len(known), known.get(large)) == (1, outcome)
    known.put(task("4", "6" * 500), outcome)
    assert len(known) == 1


def test_no_alarm_signal_is_used_anywhere():
    # Alarms belong to the caller: a test's time limit, a trainer's watchdog.
    sources = list(Path(stages.__path__[0]).rglob("*.py"))
    assert len(sources) > 100
    assert [path for path in sources if re.search("SIGALRM|signal[.]alarm|ITIMER_REAL", path.read_text())] == []
