"""A verdict depends on its row alone: not on the rows around it, their order, the workers, the cache or a new start."""

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from whet.stages.answers.outcomes import Outcomes
from whet.stages.verifying import AnswerPool, Verifying

sys.path.insert(0, str(Path(__file__).parent))
from hostile import KINDS, Row, good_rows, hostile_rows

BAD = ("tower of powers", "memory bomb", "repeated factorial", "many signs", "lone surrogates", "one word", "deep json")
ROWS: list[Row] = 2 * [*good_rows(48), *(row for row in hostile_rows(len(KINDS)) if row.kind in BAD)]
"""Everything twice, so that the cache has something to give."""


def verdicts(order: list[int], workers: int, kept: int = 20_000) -> dict[int, dict[str, Any]]:
    """The verdicts of some rows, handed over in an order; without marks, which may tell of the machine."""
    with AnswerPool(Verifying(workers=workers, timeout_seconds=0.4, memory_megabytes=512)) as pool:
        pool._known = Outcomes(kept=kept)
        found = dict(pool.verify((key, ROWS[key].text, "stop", ROWS[key].problem) for key in order))
    return {key: {**fields, "marks": None} for key, fields in found.items()}


def shuffled(seed: int) -> list[int]:
    return random.Random(seed).sample(range(len(ROWS)), len(ROWS))


@pytest.fixture(scope="module")
def plain() -> dict[int, dict[str, Any]]:
    """The verdicts of the rows in their order, with one worker."""
    return verdicts(list(range(len(ROWS))), 1)


def test_equal_rows_have_equal_verdicts_of_every_sort(plain: dict[int, dict[str, Any]]) -> None:
    half = len(ROWS) // 2
    assert [plain[key] for key in range(half)] == [plain[key] for key in range(half, len(ROWS))]
    assert {fields["verdict"] for fields in plain.values()} == {"correct", "incorrect", "invalid", "unknown"}
    reasons = {ROWS[key].kind: fields["reason"] for key, fields in plain.items()}
    assert reasons["tower of powers"] == "timeout"
    assert reasons["memory bomb"] == "error: out of memory"


@pytest.mark.parametrize(("workers", "seed"), [(1, 1), (2, 2), (4, 3)])
def test_the_order_and_the_number_of_workers_change_no_verdict(
    workers: int, seed: int, plain: dict[int, dict[str, Any]]
) -> None:
    assert verdicts(shuffled(seed), workers) == plain


def test_the_cache_changes_no_verdict(plain: dict[int, dict[str, Any]]) -> None:
    assert verdicts(list(range(len(ROWS))), 2, kept=0) == plain


@pytest.mark.slow
def test_a_new_start_in_the_middle_changes_no_verdict(plain: dict[int, dict[str, Any]]) -> None:
    order = shuffled(4)
    begun, rest = order[:50], order[50:]
    assert verdicts(begun, 2) | verdicts(rest, 2) == plain
