import pytest

from whet.stages.rewards.polar_laws import advice, batch_pairs, learning_rate, loss_of_compute, loss_of_size


def test_the_laws_give_what_the_paper_trained_with():
    # 1.8B on 2.5T and .94T tokens: the paper rounds to 1.4e-5 and 1940; 7B on 4.0T and 3.6T: to 1.67e-5 and 4343.
    assert learning_rate(1.8e9, 2.5e12, 0.94e12) == pytest.approx(1.397e-5, rel=1e-3)
    assert batch_pairs(1.8e9, 0.94e12) == pytest.approx(2021, rel=1e-3)
    assert learning_rate(7e9, 4e12, 3.6e12) == pytest.approx(1.636e-5, rel=1e-3)
    assert batch_pairs(7e9, 3.6e12) == pytest.approx(4525, rel=1e-3)


def test_the_loss_falls_slowly_with_size_and_computation():
    assert loss_of_size(1e9) == pytest.approx(0.373, abs=5e-4)
    assert loss_of_size(5e7) == pytest.approx(0.424, abs=5e-4)
    # Ten times the computation: a factor of 10^-.0342.
    assert loss_of_compute(1e21) / loss_of_compute(1e20) == pytest.approx(0.92427, abs=1e-4)


def test_the_plan_of_a_pre_training_is_told_what_they_say():
    # 7B on 3.6T tokens: 1.636e-5 was for 4T seen; for 1T it is 4^.66587 = 2.517 times as much.
    (line,) = advice(7e9, 3.6e12)
    assert line == (
        "POLAR's laws for 7,000M parameters and 3.6e+03B tokens: 4,525 pairs a step, --learning-rate 4.1e-05 for a "
        "policy that has seen 1T tokens (times T^-0.67 for T of them), a validation loss of 0.343"
    )
    assert advice(4.9e7, 1e9) == []
