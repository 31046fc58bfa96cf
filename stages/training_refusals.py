"""What train-policy refuses before anything is loaded: options and inputs that do not go together, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..artifacts import WrongArtifact, WrongOption
from .input_refusals import input_refusals
from .objective_refusals import objective_refusals
from .on_policy_options import ON_POLICY_SAMPLING, on_policy_refusals
from .options import variant_name
from .training_inputs import TrainingInputs, TrainingOutputs
from .unread_options import unread_options
from .verifying import Verifying

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions


def refuse(options: TrainPolicyOptions, inputs: TrainingInputs) -> None:
    """Refuse the first thing that does not go together.

    Raises:
        WrongOption: options or inputs that exclude each other, or that nothing would read.
        WrongArtifact: another tokenizer in the policy to continue from.
    """
    sources = {
        "--rollouts": bool(inputs.rollouts),
        "--problems": inputs.on_policy,
        "--preferences": bool(inputs.preferences),
    }
    given = [flag for flag, is_given in sources.items() if is_given]
    if len(given) != 1:
        found = " and ".join(given) + " were" if given else "none was"
        raise WrongOption(f"{found} given, expected one of {', '.join(sources)}: what to train on")
    for table in (input_refusals, _refusals, objective_refusals, on_policy_refusals, unread_options):
        for wrong, message in table(options, inputs):
            if wrong:
                raise WrongOption(message)
    before, policy = inputs.continue_from, inputs.policy
    if before is not None and before.tokenizer_digest != policy.tokenizer_digest:
        raise WrongArtifact(
            f"{before.spec} has another tokenizer than {policy.spec}, expected a policy that was trained from it"
        )


def refuse_unmade(options: TrainPolicyOptions, inputs: TrainingInputs, outs: TrainingOutputs) -> None:
    """Refuse a folder for what this training does not make.

    Raises:
        WrongOption: rollouts where none are drawn, pairs where none are made, a token model where none is trained.
    """
    for flag, draft in (("--rollouts-out", outs.rollouts), ("--verdicts-out", outs.verdicts)):
        if draft is not None and not inputs.on_policy:
            raise WrongOption(f"{flag} is where rollouts of --problems go, and none are drawn: leave it out")
    if outs.reward_model is not None and getattr(options.objective, "token_model", "none") != "trained":
        raise WrongOption("--reward-model-out is where a token model goes that is trained, and none is: leave it out")
    if outs.pairs is not None and not (options.objective.needs_pairs and inputs.rollouts):
        raise WrongOption("--pairs-out is where pairs made of --rollouts go, and none are made: leave it out")


def _refusals(options: TrainPolicyOptions, inputs: TrainingInputs) -> list[tuple[Any, str]]:
    """(whether it is so, why that is refused), in the order of refusing: verdicts, steps, adapters."""
    objective, sampling, on_policy = options.objective, options.sampling, inputs.on_policy
    name = f"--objective {variant_name(type(objective))}"
    return [
        (
            objective.needs_verdicts and inputs.rollouts and not inputs.verdicts,
            f"{name} needs --verdicts of the rollouts",
        ),
        (
            inputs.verdicts and on_policy,
            "--verdicts go with --rollouts; --problems are verified here: leave them out",
        ),
        (
            inputs.verdicts and not objective.needs_verdicts and not objective.needs_pairs,
            f"{name} imitates every rollout: leave out --verdicts, or --objective rejection",
        ),
        (
            inputs.reference and not objective.needs_reference,
            f"{name} has no penalty that reads --reference: leave it out, or --kl-weight",
        ),
        (
            on_policy and not objective.needs_verdicts and not objective.learns_alone,
            f"{name} has nothing to learn from the policy's own rollouts: --objective rejection keeps the correct ones",
        ),
        (
            not (on_policy or inputs.evaluated) and (sampling, options.verifying) != (ON_POLICY_SAMPLING, Verifying()),
            "--sampling and --verifying options go with --problems: the rollouts given are sampled already",
        ),
        (
            options.rows_per_step and (objective.in_groups or on_policy),
            "--rows-per-step goes with --rollouts and objectives that do not compare rollouts: give --groups-per-step",
        ),
        (
            options.groups_per_step and not objective.in_groups and not on_policy,
            f"{name} does not compare rollouts: give --rows-per-step",
        ),
        (
            on_policy and sampling.temperature == 0,
            "--sampling.temperature 0 draws the same rollout every time: give it above 0",
        ),
        (
            on_policy and objective.in_groups and sampling.rollouts_per_problem < 2,
            f"{name} compares the rollouts of a problem: --sampling.rollouts-per-problem 2 or more",
        ),
        (
            options.lora.rank and inputs.continue_from,
            "--lora.rank begins a new adapter, and --continue-from goes on with whole weights: leave out one of them",
        ),
        (
            options.lora.rank and options.engine == "vllm",
            "--lora.rank trains an adapter, and --engine vllm follows whole weights: --engine decode or generate",
        ),
    ]
