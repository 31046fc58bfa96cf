"""Groups that were chosen from more draws by their verdicts (adaptive sampling, a selection)."""

from typing import Any

import numpy as np
import pytest

from whet.artifacts import WrongArtifact
from whet.stages.groups import weigh
from whet.stages.objectives import AllDraws, Objective
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal
from whet.stages.reward_mapping import Reward
from whet.stages.training_rollouts import read_groups


def groups_of(training: Any, objective: Objective, texts: list[list[str]], letters: list[str], **totals: int) -> Any:
    rollouts = training.rollouts("chosen", texts, row=lambda *_: totals)
    reward = Reward().filled(objective.rewards)
    return read_groups(training.policy(), [rollouts], [training.verdicts(rollouts, letters)], objective, reward).groups


def advantages(groups: Any, objective: Objective) -> list[float]:
    return [row.advantage for row in weigh(groups, objective, np.random.default_rng(0)).rows]


def test_the_baseline_is_the_mean_over_all_draws(training: Any) -> None:
    """16 draws, 3 correct: rewards 1 and 0 have the mean .1875."""
    objective = Grpo(advantage="centred", old="recomputed")
    found = groups_of(training, objective, [["1", "1", "2", "3"]], ["ccii"], draws_total=16, correct_total=3)
    assert found[0].drawn == AllDraws(16, 3, 0.1875)
    assert advantages(found, objective) == [0.8125, 0.8125, -0.1875, -0.1875]


def test_oreal_has_its_own_rewards_and_the_pass_rate_of_all_draws(training: Any) -> None:
    """Rewards 1 and -1 have the mean 3/16 - 13/16 = -10/16; leave-one-out is 16/15 of 26/16 and of -6/16."""
    objective = Oreal(keep="none")
    found = groups_of(training, objective, [["1", "2"]], ["ci"], draws_total=16, correct_total=3)
    assert advantages(found, objective) == pytest.approx([26 / 15, -6 / 15])
    objective = Oreal(keep="none", positive_times_advantage=False, negative_weight="failure-rate")
    assert advantages(found, objective) == pytest.approx([1, -13 / 16])


def test_one_kept_rollout_is_enough(training: Any) -> None:
    objective = Grpo(advantage="centred", old="recomputed")
    found = groups_of(training, objective, [["1"]], ["c"], draws_total=8, correct_total=2)
    assert advantages(found, objective) == [0.75]


def test_a_group_that_is_all_that_was_drawn_is_its_own_baseline(training: Any) -> None:
    """The unknown rollout is one of the four drawn."""
    objective = Grpo(old="recomputed")
    found = groups_of(training, objective, [["1", "2", "3", "4"]], ["ciiu"], draws_total=4, correct_total=1)
    assert found[0].drawn is None
    assert sum(advantages(found, objective)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("objective", "flag"),
    [(Grpo(old="recomputed"), "--advantage centred"), (Oreal(advantage="grpo"), "--advantage rloo")],
)
def test_a_chosen_group_has_no_standard_deviation(training: Any, objective: Objective, flag: str) -> None:
    with pytest.raises(WrongArtifact, match=f"were chosen from more draws .* train with {flag}"):
        groups_of(training, objective, [["1", "2"]], ["ci"], draws_total=16, correct_total=3)


def test_rewards_of_invalid_rollouts_must_be_those_of_wrong_ones(training: Any) -> None:
    rollouts = training.rollouts("chosen", [["1", "2"]], row=lambda *_: {"draws_total": 16, "correct_total": 3})
    verdicts = training.verdicts(rollouts, ["ci"])
    with pytest.raises(WrongArtifact, match=r"--reward.invalid is -2, expected --reward.incorrect \(-1\)"):
        read_groups(
            training.policy(), [rollouts], [verdicts], Oreal(), Reward(correct=1.0, incorrect=-1.0, invalid=-2.0)
        )
