"""Options that nothing reads are refused, with what would read them; defaults and those of a manifest are not."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from whet.artifacts import WrongOption
from whet.stages.objectives.choice import PolicyObjective
from whet.stages.objectives.dpo import Dpo
from whet.stages.objectives.dr_grpo import DrGrpo
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.inverse_q import InverseQ
from whet.stages.objectives.kdrl import Kdrl
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.psr import Nsr
from whet.stages.objectives.supervised import Supervised
from whet.stages.optimization import Optimization
from whet.stages.reward_mapping import Reward
from whet.stages.train_policy import TrainPolicyOptions, resolve
from whet.stages.training_inputs import TrainingInputs
from whet.stages.unread_options import unread_options

COSINE = Optimization(schedule="cosine", floor_ratio=0.2, schedule_steps=80)


def refusal_of(training: Any, options: TrainPolicyOptions, **given: Any) -> str:
    """The message, "" where nothing is refused."""
    inputs = TrainingInputs.of(training.policy(), **given)
    return next((message for wrong, message in unread_options(options, inputs) if wrong), "")


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Grpo(kl="reverse"), "--kl is read only with --kl-weight above 0"),
        (Nsr(kl_by_ratio=True), "--kl-by-ratio is read only with --kl-weight above 0"),
        (Oreal(kl_weight=0, kl="reverse"), "--kl is read only with --kl-weight above 0"),
        (Grpo(kl="reverse", kl_weight=0.1, kl_by_ratio=True), ""),
        (Grpo(old="recomputed", mismatch_cap=5), "--mismatch-cap is read only with --mismatch truncate or mask"),
        (Grpo(old="recomputed", mismatch="mask", mismatch_cap=5), ""),
        (Grpo(constant_tokens=256), "--constant-tokens is read only with --normaliser constant"),
        (DrGrpo(constant_tokens=256), ""),
        (Oreal(token_model="none", freeze_steps=3), "--freeze-steps is read only with --token-model trained"),
        (Oreal(token_model="fixed", token_model_learning_rate=1e-5), "only with --token-model trained"),
        (Oreal(token_model="none", token_score="token"), "--token-score is read only with a token model"),
        (Oreal(token_model="fixed", top_k_ratio=0.2), "--top-k-ratio is read only with a token model and"),
        (Oreal(token_model="fixed", token_weights="top-k", positive_threshold=0.6), "--positive-threshold is read"),
        (Oreal(token_model="trained", freeze_steps=3, positive_threshold=0.6), ""),
        (InverseQ(contrast_weight=2), "--contrast-weight is read only with --target contrast"),
        (InverseQ(target="contrast", contrast_weight=2, partition=False), ""),
        (InverseQ(clip=0.1), "--clip is read only with --form clip"),
        (InverseQ(form="clip", clip=0.1), ""),
    ],
)
def test_options_of_an_objective_that_it_does_not_read(training: Any, objective: Any, message: str) -> None:
    found = refusal_of(training, TrainPolicyOptions(objective=objective))
    assert message in found if message else not found


@pytest.mark.parametrize("objective", [kind() for kind in get_args(PolicyObjective)])
def test_no_objective_has_defaults_that_it_does_not_read(training: Any, objective: Any) -> None:
    settled = TrainPolicyOptions(objective=objective, reward=Reward().filled(objective.rewards))
    assert refusal_of(training, settled) == refusal_of(training, TrainPolicyOptions(objective=objective)) == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimization": replace(COSINE, schedule="constant", schedule_steps=None)}, "--floor-ratio is where"),
        ({"optimization": Optimization(schedule_steps=80)}, "--schedule-steps is where"),
        ({"optimization": Optimization(schedule_steps=80), "objective": Kdrl()}, ""),
        ({"optimization": COSINE}, ""),
        ({"reward": Reward(correct=2)}, "--objective supervised has no rewards"),
        ({"reward": Reward(correct=2), "objective": Grpo()}, ""),
    ],
)
def test_a_schedule_and_rewards_that_mean_nothing(training: Any, options: dict[str, Any], message: str) -> None:
    found = refusal_of(training, TrainPolicyOptions(**{"objective": Supervised(), **options}))
    assert message in found if message else not found


def test_they_are_refused_before_anything_is_read(training: Any) -> None:
    options = TrainPolicyOptions(objective=Supervised(), reward=Reward(incorrect=-1))
    with pytest.raises(WrongOption, match="--reward options mean nothing: leave them out"):
        resolve(options, training.policy(), rollouts=[training.rollouts("r", [["1"]])])


def test_rewards_beside_preferences_mean_nothing(training: Any) -> None:
    options = TrainPolicyOptions(objective=Dpo(), reward=Reward(invalid=-1))
    message = "--preferences say what is preferred"
    assert message in refusal_of(training, options, preferences=[training.rollouts("r", [["1"]])])
    assert refusal_of(training, options, rollouts=[training.rollouts("r", [["1"]])]) == ""
