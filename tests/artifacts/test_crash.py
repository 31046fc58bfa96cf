"""A process dies at every single file operation of a small run: nothing lost, nothing doubled."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DYING = Path(__file__).with_name("dying.py")


def deaths(folder: Path, step: int, flush: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(DYING), str(folder), "1", str(step), flush], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(results: list[dict[str, Any]], rows_lost_at_most: int) -> None:
    whole = results[-1]
    assert whole["survived"]
    assert whole["rows"] == 4
    for death in results:
        assert death["second_status"] == 0, death
        assert death["versions"] == ["v1"], death
        assert death["left"] == [], death
        assert death["digest"] == whole["digest"], death
        assert (death["rows"], death["distinct"]) == (4, 4), death
        assert death["counts"] == {"rows": 4}, death
        assert death["inodes_kept"], death
        assert death["finished_parts_redone"] == [], death
        assert len(death["computed_twice"]) <= rows_lost_at_most, death


@pytest.mark.parametrize(("step", "flush", "rows_lost_at_most"), [(31, "every-row", 1), (23, "at-the-end", 2)])
def test_a_process_that_dies_at_a_file_operation_loses_nothing_beyond_the_last_flush(
    tmp_path: Path, step: int, flush: str, rows_lost_at_most: int
) -> None:
    check(deaths(tmp_path, step, flush), rows_lost_at_most)


@pytest.mark.slow
@pytest.mark.parametrize(("flush", "rows_lost_at_most"), [("every-row", 1), ("at-the-end", 2)])
def test_a_process_that_dies_at_any_file_operation_loses_nothing_beyond_the_last_flush(
    tmp_path: Path, flush: str, rows_lost_at_most: int
) -> None:
    results = deaths(tmp_path, 1, flush)
    assert len(results) > 40
    check(results, rows_lost_at_most)
