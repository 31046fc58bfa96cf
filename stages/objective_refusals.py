"""What must not be combined with an objective, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .objectives.psr import Nsr
from .options import variant_name
from .training_inputs import TrainingInputs

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions


def objective_refusals(options: TrainPolicyOptions, inputs: TrainingInputs) -> list[tuple[bool, str]]:
    """(whether it is so, why that is refused), in the order of refusing."""
    scores, on_policy = inputs.scores, inputs.on_policy
    objective = options.objective
    name = f"--objective {variant_name(type(objective))}"
    reward = options.reward.filled(objective.rewards)
    given = options.reward.mix is not None or options.reward.score_scale is not None
    steps = options.reward.step_rewards
    mix = (reward.mix or "gated") if scores and not steps.on else None
    right = reward.of("correct") or 0.0
    wrong = [value for value in (reward.of("incorrect"), reward.of("invalid")) if value is not None]
    negative_only = isinstance(objective, Nsr)
    return [
        (
            negative_only and reward.invalid is not None and reward.invalid <= 0,
            f"{name} learns from wrong rollouts alone, so invalid ones (truncated, looping, without answer) counted as "
            "wrong would be what it learns from: leave out --reward.invalid, or --objective w-reinforce",
        ),
        (
            negative_only and options.truncation.truncated == "incorrect",
            f"{name} learns from wrong rollouts alone, so with --truncated incorrect it would learn to be brief: "
            "--truncated mask",
        ),
        (
            not scores and given and not objective.needs_pairs,
            "--reward.mix and --reward.score-scale join scores with verdicts: give --scores, or leave them out",
        ),
        (
            bool(scores) and on_policy,
            "--scores go with --rollouts: nothing scores the rollouts that are drawn in training",
        ),
        (
            bool(scores) and not objective.graded and not objective.needs_pairs,
            f"{name} asks whether a rollout is right, not how good it is: leave out --scores, or choose an objective "
            "that compares rewards (grpo, oreal, topr ...)",
        ),
        (
            steps.on and objective.needs_pairs,
            f"{name} compares whole rollouts, and --reward.steps rewards parts of them: leave it out",
        ),
        (
            steps.on and not scores,
            "--reward.steps reads the token scores of --scores (with --rollouts): give them, or leave it out",
        ),
        (
            steps.on and not objective.takes_step_rewards,
            f"{name} has one advantage a rollout, and --reward.steps gives each token its own: leave it out, "
            "or choose an objective that pushes tokens along advantages (grpo, dr-grpo, dapo, cispo, kdrl; rloo and "
            "gspo with --ratio-of token)",
        ),
        (
            steps.on and options.reward.mix is not None,
            "--reward.mix joins a rollout's score with its verdict, and with --reward.steps its steps are rewarded "
            "instead: leave out one of them",
        ),
        (
            mix == "gated" and objective.graded and any(right - value < 1 for value in wrong),
            "--reward.mix gated keeps correct rollouts above wrong ones where their rewards are 1 apart, and they are "
            f"{right:g} and {max(wrong, default=0):g}: change --reward.*, or give --reward.mix sum",
        ),
        (
            mix == "product" and any(value < 0 for value in wrong),
            f"--reward.mix product would punish a wrong rollout of reward {min(wrong, default=0):g} the more, the "
            "higher its score is: give --reward.incorrect 0 and --reward.invalid 0, or --reward.mix gated",
        ),
        (
            mix == "gated" and options.truncation.truncated == "soft-penalty",
            "--truncated soft-penalty can put a correct rollout below a wrong one, which --reward.mix gated promises "
            "not to happen: give --reward.mix sum, or --truncated mask",
        ),
    ]
