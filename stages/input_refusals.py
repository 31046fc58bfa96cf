"""Inputs of train-policy that an objective does not read, or that it lacks, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import variant_name
from .pairing import Pairing
from .training_inputs import TrainingInputs

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions

PAIRED = "--objective dpo, ipo or simpo"


def input_refusals(options: TrainPolicyOptions, inputs: TrainingInputs) -> list[tuple[bool, str]]:
    """(whether it is so, why that is refused), in the order of refusing: pairs and teachers."""
    objective, rollouts, verdicts, scores = options.objective, inputs.rollouts, inputs.verdicts, inputs.scores
    preferences, teacher, teacher_policy = inputs.preferences, inputs.teacher, inputs.teacher_policy
    on_policy = inputs.on_policy
    name = f"--objective {variant_name(type(objective))}"
    pairs, taught = objective.needs_pairs, objective.needs_teacher
    table = [
        (
            bool(preferences) and not pairs,
            f"{name} learns from rollouts and --preferences hold pairs: give --rollouts, or {PAIRED}",
        ),
        (
            pairs and on_policy,
            f"{name} learns from pairs that are there: give --preferences, or --rollouts with --verdicts or --scores",
        ),
        (
            pairs and bool(rollouts) and not verdicts and not scores,
            f"{name} makes pairs of --rollouts by what they are worth: give --verdicts, --scores or both",
        ),
        (
            bool(preferences) and bool(verdicts or scores),
            "--verdicts and --scores go with --rollouts: --preferences say already what is preferred",
        ),
        (
            bool(preferences) and getattr(objective, "pairing", Pairing()) != Pairing(),
            "--pairs and --max-pairs-per-problem make pairs of --rollouts: those of --preferences are made",
        ),
        (
            pairs and (options.reward.mix is not None or options.reward.score_scale is not None),
            "--reward.mix and --reward.score-scale make one number of verdict and score: pairs compare verdicts first, "
            "then scores; leave them out",
        ),
        (
            taught and not teacher and teacher_policy is None,
            f"{name} needs a teacher: "
            + (
                "--teacher-policy with the model"
                if on_policy
                else "--teacher with its scores of the rollouts (whet score ROLLOUTS TEACHER --method likelihood), or "
                "--teacher-policy with the model"
            ),
        ),
        (
            bool(teacher) and teacher_policy is not None,
            "--teacher and --teacher-policy give the same in two ways, expected one of them",
        ),
        (
            not taught and (bool(teacher) or teacher_policy is not None),
            f"{name} has no teacher: leave out {'--teacher' if teacher else '--teacher-policy'}, or choose --objective "
            "distill or kdrl",
        ),
        (
            bool(teacher) and on_policy,
            "--teacher holds scores of rollouts that are there: with --problems give --teacher-policy",
        ),
    ]
    if objective.learns_alone and not objective.needs_verdicts:
        table.append(
            (
                bool(verdicts),
                f"{name} trains on every rollout: leave out --verdicts"
                + (", or --distill-on wrong-only" if taught else ""),
            )
        )
    return table
