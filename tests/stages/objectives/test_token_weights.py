import math

import torch

from whet.stages.objectives.token_weights import running_mean, threshold_weights, top_k_weights

LN3 = math.log(3)


def test_the_running_mean_of_the_worked_vector():
    # (0, 2 ln 3, ln 3): means 0, (0 + 2) / 2, (0 + 2 + 1) / 3, in ln 3.
    mean = running_mean(torch.tensor([[0.0, 2 * LN3, LN3]]), torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(mean, torch.tensor([[0.0, LN3, LN3]]))


def test_tokens_that_are_not_trained_do_not_move_the_mean():
    mean = running_mean(torch.tensor([[4.0, 100.0, 2.0]]), torch.tensor([[True, False, True]]))
    torch.testing.assert_close(mean, torch.tensor([[4.0, 4.0, 3.0]]))


def test_threshold_weights_of_the_worked_vector():
    # sigmoid(0) = .5, sigmoid(ln 3) = .75: (.75 - .5) / .5 = .5; for the negative side 1 - q = .25 is below .5.
    positive, negative = threshold_weights(torch.tensor([[0.5, 0.75, 0.75]]))
    torch.testing.assert_close(positive, torch.tensor([[0.0, 0.5, 0.5]]))
    torch.testing.assert_close(negative, torch.zeros(1, 3))
    _, negative = threshold_weights(torch.tensor([[0.25, 0.25]]))
    torch.testing.assert_close(negative, torch.tensor([[0.5, 0.5]]))


def test_an_untrained_reward_model_weighs_nothing():
    positive, negative = threshold_weights(torch.full((1, 4), 0.5))
    assert positive.sum() == 0
    assert negative.sum() == 0


def test_another_threshold_rescales_what_is_above_it():
    # (.9 - .8) / (1 - .8) = .5
    positive, _ = threshold_weights(torch.tensor([[0.9, 0.7]]), positive_threshold=0.8)
    torch.testing.assert_close(positive, torch.tensor([[0.5, 0.0]]))


def test_top_k_scales_inside_the_kept_half():
    # 4 tokens, ratio .5: keep .9 and .7; the lowest kept becomes 0, the highest 1. Negative: 1 - q keeps .8 and .4.
    positive, negative = top_k_weights(torch.tensor([[0.2, 0.9, 0.6, 0.7]]), torch.ones(1, 4, dtype=torch.bool))
    torch.testing.assert_close(positive, torch.tensor([[0.0, 1.0, 0.0, 0.0]]))
    torch.testing.assert_close(negative, torch.tensor([[1.0, 0.0, 0.0, 0.0]]))


def test_top_k_of_equal_values_keeps_them_whole():
    positive, _ = top_k_weights(torch.full((1, 4), 0.6), torch.ones(1, 4, dtype=torch.bool))
    assert sorted(positive[0].tolist()) == [0.0, 0.0, 1.0, 1.0]


def test_top_k_counts_trained_tokens_only():
    mask = torch.tensor([[True, True, False, False]])
    positive, _ = top_k_weights(torch.tensor([[0.2, 0.3, 0.9, 0.9]]), mask)
    assert positive.tolist() == [[0.0, 1.0, 0.0, 0.0]]
