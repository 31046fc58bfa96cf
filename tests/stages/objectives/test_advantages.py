import pytest
import torch

from whet.stages.objectives import AllDraws
from whet.stages.objectives.advantages import centred, of_all_draws, rloo, z_score


def test_rloo_of_two_right_and_two_wrong():
    # r = (1, 1, -1, -1): a right one sees (1 - 1 - 1) / 3 = -1/3 around it, so 1 + 1/3 = 4/3.
    torch.testing.assert_close(rloo(torch.tensor([1.0, 1.0, -1.0, -1.0])), torch.tensor([4.0, 4.0, -4.0, -4.0]) / 3)


@pytest.mark.parametrize(
    ("correct", "right", "wrong"), [(1, 2.0, -0.1333333), (8, 1.0666667, -1.0666667), (15, 0.1333333, -2.0)]
)
def test_rloo_of_sixteen_has_the_closed_form(correct, right, wrong):
    # A+ = 2 (K - c) / (K - 1), A- = -2 c / (K - 1) with K = 16.
    advantages = rloo(torch.tensor([1.0] * correct + [-1.0] * (16 - correct)))
    torch.testing.assert_close(advantages[0].item(), right, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(advantages[-1].item(), wrong, rtol=1e-5, atol=1e-6)


def test_the_z_score_divides_by_the_deviation_with_one_less():
    # mean 0, squares sum to 4, std = sqrt(4 / 3): 1 / 1.1547005 = 0.8660254.
    advantages = z_score(torch.tensor([1.0, 1.0, -1.0, -1.0]))
    torch.testing.assert_close(advantages, torch.tensor([1.0, 1.0, -1.0, -1.0]) * 0.8660254)


def test_centred_rewards_keep_their_unit():
    torch.testing.assert_close(centred(torch.tensor([1.0, 0.0, 0.0, 0.0])), torch.tensor([0.75, -0.25, -0.25, -0.25]))


@pytest.mark.parametrize("advantage", [rloo, z_score, centred])
@pytest.mark.parametrize(("reward", "number"), [(1.0, 4), (0.7, 12), (0.1, 7), (1 / 3, 16)])
def test_equal_rewards_have_no_advantage(advantage, reward, number):
    # In float32 the mean of 12 times 0.7 is 1.2e-7 off, and so is the deviation: a z-score of 0.9.
    assert advantage(torch.full((number,), reward)).tolist() == [0.0] * number


@pytest.mark.parametrize("advantage", [rloo, z_score, centred])
def test_a_permuted_group_permutes_the_advantages(advantage):
    rewards, order = torch.tensor([1.0, 0.5, 0.0, 0.0, 1.0]), torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(advantage(rewards[order]), advantage(rewards)[order])


@pytest.mark.parametrize("advantage", [rloo, z_score, centred])
def test_whole_numbers_are_rewards_too(advantage):
    whole, halves = torch.tensor([1, 0, 0, 1]), torch.tensor([1.0, 0.0, 0.0, 1.0])
    assert advantage(whole).tolist() == advantage(halves).tolist()
    assert advantage(whole).abs().min() > 0


@pytest.mark.parametrize("advantage", [rloo, z_score])
def test_a_single_rollout_has_no_baseline(advantage):
    with pytest.raises(ValueError, match="a group of 1 rollout has no baseline"):
        advantage(torch.ones(1))


def test_rows_chosen_from_more_draws_are_compared_with_all_of_them():
    # 16 draws, 3 correct: the mean reward is 3/16 = .1875, whatever was kept of them (Reinforce-Ada, M = 8, n = 4).
    # Leave-one-out: 1 - 2/15 and 0 - 3/15, which is 16/15 of the centred ones.
    rewards, drawn = torch.tensor([1.0, 1.0, 0.0, 0.0]), AllDraws(total=16, correct=3, mean_reward=3 / 16)
    assert of_all_draws(rewards, drawn, leave_one_out=False).tolist() == [0.8125, 0.8125, -0.1875, -0.1875]
    torch.testing.assert_close(
        of_all_draws(rewards, drawn, leave_one_out=True), torch.tensor([13 / 15, 13 / 15, -3 / 15, -3 / 15])
    )
