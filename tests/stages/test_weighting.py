"""Prompt weights against hand-computed numbers, and drawing against the probabilities it states."""

from pathlib import Path

import numpy as np
import pytest

from whet.artifacts import Artifact, Draft, make_problem
from whet.cli.main import main
from whet.stages.weighting import draw_problems, inclusion, weights_of

IDS = ["a", "b", "c", "d"]
RATES = {"a": 0.0, "b": 0.25, "c": 0.5, "d": 1.0}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("learnability", [0, 0.1875, 0.25, 0]),  # p (1 - p)
        ("mid", [0, 0.25, 0.5, 0]),
        ("alive", [0, 1, 1, 0]),
    ],
)
def test_weights_of_pass_rates(kind: str, expected: list[float]) -> None:
    assert weights_of(kind, IDS, [RATES]).tolist() == pytest.approx(expected)  # type: ignore[arg-type]


def test_history_is_the_deviation_over_the_rounds() -> None:
    """[0, 0, 1, 1] deviates by .5, [0, .5, .5, 1] by sqrt(1/8) = .3536."""
    rounds = [{"a": 0, "b": 0}, {"a": 0, "b": 0.5}, {"a": 1, "b": 0.5}, {"a": 1, "b": 1}]
    assert weights_of("history", ["a", "b", "c"], rounds).tolist() == pytest.approx([0.5, 0.125**0.5, 0])


def test_the_newest_round_that_knows_a_problem_counts() -> None:
    assert weights_of("learnability", ["a", "b"], [{"a": 0.5, "b": 0.5}, {"a": 1.0}]).tolist() == [0, 0.25]


def test_mid_takes_the_problems_nearest_to_one_half() -> None:
    """V = .1, .45, .5, .8 and two problems: the third and the second."""
    weights = weights_of("mid", IDS, [dict(zip(IDS, [0.1, 0.45, 0.5, 0.8], strict=True))])
    assert draw_problems(weights, 2, uniform_share=0, seed=3, best=True).places == [1, 2]


def test_inclusion_is_proportional_and_never_above_one() -> None:
    """Two of 4, 2, 1, 1: 4 would be 2 * 4/8 = 1, so it is certain and the rest share one place as 2:1:1."""
    assert inclusion(np.array([4.0, 2, 1, 1]), 2).tolist() == pytest.approx([1, 0.5, 0.25, 0.25])
    assert inclusion(np.array([1.0, 1, 0, 2]), 1).tolist() == pytest.approx([0.25, 0.25, 0, 0.5])
    assert inclusion(np.array([9.0, 1, 0]), 2).tolist() == [1, 1, 0]


def test_shares_drawn_are_the_probabilities_stated() -> None:
    """6 of 12 problems, half of them by weight: over 4,000 seeds each is drawn as often as stated, within 5 sigma."""
    weights = np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 8, 16], float)
    drawn, stated = np.zeros(12), np.zeros(12)
    for seed in range(4000):
        found = draw_problems(weights, 6, uniform_share=0.5, seed=seed)
        assert len(found.places) == len(set(found.places)) == 6
        drawn[found.places] += 1
        stated[found.places] = found.probabilities
    sigma = np.sqrt(stated * (1 - stated) * 4000) + 1
    assert np.all(np.abs(drawn - 4000 * stated) < 5 * sigma)
    assert stated.sum() == pytest.approx(6)


def test_problems_that_tie_for_the_last_places_share_the_probability() -> None:
    """Two of four by weight: one is heaviest, the other comes from three equals; the second two from what is left.

    First probabilities 1, 1/3, 1/3, 1/3 and four times 0; then 1 of the 6 others evenly.
    """
    weights = np.array([0.5, 0.25, 0.25, 0.25, 0, 0, 0, 0])
    drawn, stated = np.zeros(8), np.full(8, np.nan)
    for seed in range(2000):
        found = draw_problems(weights, 3, uniform_share=1 / 3, seed=seed, best=True)
        drawn[found.places] += 1
        stated[found.places] = found.probabilities
    assert stated == pytest.approx([1, *[1 / 3 + 2 / 3 / 6] * 3, *[1 / 6] * 4])
    assert np.abs(drawn / 2000 - stated).max() < 5 * np.sqrt(0.25 / 2000)


@pytest.mark.parametrize("best", [False, True])
@pytest.mark.parametrize("weights", [np.zeros(10), np.full(10, 0.25)])
def test_equal_or_missing_weights_are_an_even_draw(weights: np.ndarray, best: bool) -> None:
    """MMR1's release crashes where all weights are equal: its min-max scaling makes them 0."""
    found = draw_problems(weights, 4, uniform_share=0.5, seed=1, best=best)
    assert len(found.places) == 4
    assert found.probabilities == pytest.approx([0.4] * 4)


def test_a_seed_gives_the_same_draw() -> None:
    weights = np.arange(50.0)
    assert draw_problems(weights, 9, uniform_share=0.3, seed=5) == draw_problems(weights, 9, uniform_share=0.3, seed=5)
    assert draw_problems(weights, 9, uniform_share=0.3, seed=5) != draw_problems(weights, 9, uniform_share=0.3, seed=6)


def test_the_stage_draws_by_the_verdicts_of_an_earlier_run_and_keeps_the_probability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten problems, of which two are solved half of the time: both are certain to be among two drawn by weight."""
    draft = Draft.create(tmp_path / "problems", kind="problems", stage="test", options={})
    problems = [make_problem([{"role": "user", "content": f"{number}?"}], "1") for number in range(10)]
    for chunk in draft.chunks([0]):
        for number, problem in enumerate(problems):
            chunk.write(problem, number)
    draft.publish()
    judged = Draft.create(tmp_path / "verdicts", kind="verdicts", stage="test", options={})
    for chunk in judged.chunks([0]):
        for number, problem in enumerate(problems):
            for draw, verdict in enumerate(("correct", "incorrect" if number in (3, 7) else "correct")):
                ids = {"rollout_id": f"{number}-{draw}", "problem_id": problem["problem_id"]}
                chunk.write({**ids, "verdict": verdict}, 2 * number + draw)
    judged.publish()
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--context", "64", "--out", "policy"]) == 0
    command = ["sample", "problems", "policy", "--max-tokens", "4", "--weights-from", "verdicts", "--out", "drawn"]
    assert main([*command, "--draw-problems", "3", "--uniform-share", "0.34"]) == 0
    rows = list(Artifact.open(tmp_path / "drawn").rows())
    probabilities = {row["problem_id"]: row["drawing_probability"] for row in rows}
    assert len(probabilities) == 3
    # Two by weight (round(3 * .66)), both certain; the third evenly from the other eight.
    assert probabilities.pop(problems[3]["problem_id"]) == 1
    assert probabilities.pop(problems[7]["problem_id"]) == 1
    assert list(probabilities.values()) == [0.125]
    assert main(["sample", "problems", "policy", "--weight", "mid", "--out", "x"]) == 2
    assert "go with --weights-from" in capsys.readouterr().err


def test_verdicts_without_pass_rates_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["problems", "addition", "--count", "4", "--templates", "1", "--out", "problems"]) == 0
    assert main(["init", "--context", "64", "--out", "policy"]) == 0
    rounds = ["--until", "positive", "--max-rollouts", "2", "--round-rollouts", "2", "--max-tokens", "4"]
    assert main(["sample", "problems", "policy", *rounds, "--out", "rollouts"]) == 0
    assert main(["verify", "rollouts", "--out", "verdicts"]) == 0
    again = ["sample", "problems", "policy", "--out", "x", "--weights-from", "verdicts"]
    assert main(again) == 3
    assert "stop rule 'until positive', whose shares of correct ones" in capsys.readouterr().err
    assert main([*again, "--weight", "history"]) == 2
    assert "two or more times" in capsys.readouterr().err
