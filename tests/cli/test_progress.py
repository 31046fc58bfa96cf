import re

import pytest

from whet.cli.progress import EVERY_SECONDS, Reporter, duration


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_a_line_comes_every_30_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = Reporter(terminal=False, clock=clock)
    for done in range(61):
        reporter.update(done, 200, unit="rows", loss=0.25)
        clock.now += 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 60 / EVERY_SECONDS
    # one row a second: 200 - 60 = 140 left take 140 s
    assert lines[-1] == "60 of 200 rows, 1/s, 2 min 20 s left, loss 0.25"


def test_rows_that_come_fast_fill_no_memory_and_give_the_same_rate() -> None:
    clock = Clock()
    reporter = Reporter(terminal=False, clock=clock)
    for done in range(30_000):
        reporter.update(done, None)
        clock.now += 1e-3
    # Two notes a second for 30 seconds.
    assert len(reporter._seen) <= 62
    assert reporter.rate == pytest.approx(1000)


def test_the_rate_is_that_of_the_last_two_minutes() -> None:
    clock = Clock()
    reporter = Reporter(terminal=False, clock=clock)
    reporter.update(0, None)
    clock.now += 10_000
    reporter.update(10, None)
    for done in range(10, 10 + 4 * 200, 4):
        reporter.update(done, None)
        clock.now += 1
    assert reporter.rate == pytest.approx(4.0)


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = Reporter(quiet=True, terminal=False, clock=clock)
    clock.now += 100
    reporter.update(1, 2)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_that_leaves_nothing_behind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    reporter = Reporter(terminal=True)
    reporter.update(1, 4, unit="rows", loss=0.5)
    reporter.write("a message\n")
    reporter.update(2, 4, unit="rows", loss=0.5)
    reporter.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)  # colours and cursor movements
    assert "2/4 rows, loss 0.5" in shown
    assert "a message" in shown


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (59, "59 s"), (170, "2 min 50 s"), (12_000, "3 h 20 min")])
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text
