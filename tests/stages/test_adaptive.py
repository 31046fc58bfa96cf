"""Adaptive sampling against the planning numbers of Reinforce-Ada, and on simulated policies."""

import random

import pytest

from whet.artifacts import WrongOption
from whet.stages.adaptive import Adaptive, kept, planned, resolved


@pytest.mark.parametrize(
    ("pass_rate", "first", "draws"),
    [(0.25, 0.6325, 11.52), (0.05, None, 27.32), (0.5, None, 8.57)],
)
def test_planning_numbers_are_the_published_ones(pass_rate: float, first: float | None, draws: float) -> None:
    table = planned(pass_rate, group=4, round_size=8, rounds=4, until="balanced")
    assert table.draws == pytest.approx(draws, abs=0.006)  # 27.3147 is published as 27.32
    if first is not None:
        assert table.resolved == pytest.approx([0.6325, 0.9365, 0.9910, 0.9988], abs=5e-5)
    if pass_rate == 0.05:
        assert table.resolved[-1] == pytest.approx(0.4800, abs=5e-5)


def test_one_correct_rollout_in_a_round_of_four_by_hand() -> None:
    """p = 1/4: 1 - (3/4)^4 = 175/256 after one round of 4, 1 - (3/4)^8 after two; draws 4 (1 + 81/256)."""
    table = planned(0.25, group=4, round_size=4, rounds=2, until="positive")
    assert table.resolved == pytest.approx([175 / 256, 1 - 0.75**8])
    assert table.draws == pytest.approx(4 * (1 + 81 / 256))


@pytest.mark.parametrize(
    ("correct", "wrong", "until", "expected"),
    [
        (2, 2, "balanced", True), (1, 9, "balanced", False), (9, 1, "balanced", False), (1, 0, "positive", True),
        (0, 31, "positive", False),
    ],
)  # fmt: skip
def test_a_problem_is_resolved_when_it_has_what_was_asked_for(
    correct: int, wrong: int, until: str, expected: bool
) -> None:
    assert resolved(correct, wrong, 4, until) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdicts", "draws"),
    [
        ("wwcwwcwc", [0, 1, 2, 5]),  # the first two of each
        ("wwwwcwww", [0, 1, 2, 4]),  # one correct: filled from the wrong ones
        ("cccccccc", [0, 1, 2, 3]),
        ("uwuuuccu", [0, 1, 5, 6]),  # an unknown one fills the last place
        ("iwcc", [0, 1, 2, 3]),  # invalid counts as wrong
        ("cw", [0, 1]),
    ],
)
def test_a_group_has_as_many_correct_as_wrong_draws_where_there_are(verdicts: str, draws: list[int]) -> None:
    names = {"w": "incorrect", "c": "correct", "u": "unknown", "i": "invalid"}
    assert kept([names[letter] for letter in verdicts], 4) == draws


def test_a_simulated_policy_takes_the_draws_that_were_planned() -> None:
    """20,000 problems of pass rate .25: the mean number of draws is within 5 standard errors of 11.52."""
    rng = random.Random(0)
    totals = []
    for _ in range(20_000):
        correct = drawn = 0
        while drawn < 32 and not resolved(correct, drawn - correct, 4, "balanced"):
            correct += sum(rng.random() < 0.25 for _ in range(8))
            drawn += 8
        totals.append(drawn)
    mean = sum(totals) / len(totals)
    deviation = (sum((total - mean) ** 2 for total in totals) / len(totals)) ** 0.5
    assert mean == pytest.approx(11.52, abs=5 * deviation / len(totals) ** 0.5)


def test_options_of_adaptive_sampling_go_with_until() -> None:
    with pytest.raises(WrongOption, match="go with --until"):
        Adaptive(max_rollouts=8)
    assert Adaptive(until="balanced", max_rollouts=20).rounds == 3
