"""What of the on-policy options does not go together, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .drawn_groups import Reuse
from .engines.options import VllmOptions
from .evaluation_runs import EvalSampling, EvaluationRuns
from .options import variant_name
from .problem_selection import ProblemSelection
from .sampling import Sampling
from .training_inputs import TrainingInputs
from .truncation import Truncation

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions

TRAINER_VLLM = VllmOptions(gpu_memory_utilization=0.4)
"""A trainer stands beside the engine, so it leaves more of a GPU's memory than where vllm is alone."""


ON_POLICY_SAMPLING = Sampling(rollouts_per_problem=16)


def on_policy_refusals(options: TrainPolicyOptions, inputs: TrainingInputs) -> list[tuple[bool, str]]:
    """(whether it is so, why that is refused), in the order of refusing."""
    on_policy, evaluated, pass_rates = inputs.on_policy, inputs.evaluated, inputs.pass_rates
    objective, selection, reuse, loop = options.objective, options.selection, options.reuse, options.loop
    name = f"--objective {variant_name(type(objective))}"
    updates = reuse.updates_per_draw
    samples = on_policy or evaluated
    return [
        (
            not on_policy and selection != ProblemSelection(),
            "--min-pass-rate, --max-pass-rate, --repeat-bins, --problem-weight and --refill go with --problems: "
            "whet select chooses among rollouts",
        ),
        (not on_policy and bool(pass_rates), "--pass-rates go with --problems: leave them out"),
        (
            on_policy and selection.reads_pass_rates and not pass_rates,
            "--min-pass-rate, --max-pass-rate, --repeat-bins and --problem-weight need --pass-rates VERDICTS: verdicts "
            "of rollouts of these problems",
        ),
        (
            on_policy and bool(pass_rates) and not selection.reads_pass_rates,
            "--pass-rates are read by nothing: give --min-pass-rate, --max-pass-rate, --repeat-bins or "
            "--problem-weight, or leave them out",
        ),
        (
            selection.problem_weight == "history" and len(pass_rates) < 2,
            "--problem-weight history compares rounds: give --pass-rates two or more times, oldest first",
        ),
        (
            selection.problem_weight == "even" and selection.uniform_share != ProblemSelection().uniform_share,
            "--uniform-share goes with --problem-weight: leave it out",
        ),
        (
            objective.standardises and (selection.problem_weight != "even" or bool(selection.bins)),
            "--problem-weight and --repeat-bins draw problems by how hard they are, and dividing by the standard "
            f"deviation of a group weighs hard and easy ones up too: give {objective.undivided}, or draw evenly",
        ),
        (
            not on_policy and reuse != Reuse(),
            "--updates-per-draw and --passes-per-draw go with --problems: rollouts that were made before are passed "
            "over as often as --epochs says",
        ),
        (
            updates > 1 and not objective.uses_ratios,
            f"{name} has no ratio to the policy that drew the rollouts, so from the second update on it would train on "
            "rollouts of another policy without noticing: --updates-per-draw 1, or an objective with ratios (grpo ...)",
        ),
        (
            on_policy and loop.steps is not None and loop.steps % updates != 0,
            f"--steps is {loop.steps}, expected a multiple of --updates-per-draw ({updates})",
        ),
        (
            not objective.needs_verdicts and options.truncation != Truncation(),
            f"{name} has no rewards, so --truncated means nothing: leave it out",
        ),
        (
            not evaluated and (options.evaluation, options.eval) != (EvaluationRuns(), EvalSampling()),
            "--eval-every, --patience, --publish and --eval options go with --eval-problems: give held-out problems",
        ),
        (not samples and options.engine != "auto", "--engine samples the policy in training: it goes with --problems"),
        (
            options.engine != "vllm" and options.vllm != TRAINER_VLLM,
            "--gpu-memory-utilization, --max-model-len and --engine-arg are read by --engine vllm: leave them out",
        ),
    ]
