"""whet train-policy POLICY --rollouts R --verdicts V --out FOLDER: train a policy on rollouts, or on its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from ..artifacts import (
    Artifact,
    Draft,
    Policy,
    Preference,
    Problem,
    RewardModel,
    Rollout,
    Score,
    Verdict,
    Weights,
)
from .conditioned import with_texts
from .drawn_groups import Reuse
from .engines.options import VllmOptions
from .evaluation_runs import EvalSampling, EvaluationRuns, refuse_overlap
from .loop import Loop
from .lora import Lora
from .objectives.choice import PolicyObjective
from .objectives.inverse_q import InverseQ
from .objectives.oreal import Oreal, with_token_model
from .on_policy_options import ON_POLICY_SAMPLING, TRAINER_VLLM
from .optimization import Optimization
from .options import Flat, expect
from .policy_folder import Saving
from .problem_selection import ProblemSelection
from .reward_mapping import Reward
from .sampling import Sampling
from .training_engine import TrainingEngine, resolve_engine
from .training_inputs import TrainingInputs, TrainingOutputs
from .training_refusals import refuse, refuse_unmade
from .truncation import Truncation
from .verifying import Verifying

VERSION = 5


@dataclass(frozen=True, kw_only=True)
class TrainPolicyOptions:
    """How a policy is trained."""

    objective: PolicyObjective = field(default_factory=Oreal)
    """What the policy is trained for"""

    loop: Annotated[Loop, Flat] = field(default_factory=Loop)
    """The optimisation loop"""

    groups_per_step: int | None = None
    """Groups (problems) that one step learns from (default: 64 where the objective compares rollouts)"""

    rows_per_step: int | None = None
    """Rollouts that one step learns from, for objectives that do not compare them; pairs, for those of pairs (default:
    64)"""

    optimization: Annotated[Optimization, Flat] = field(default_factory=Optimization)
    """The optimiser"""

    lora: Lora = field(default_factory=Lora)
    """An adapter instead of all weights"""

    reward: Reward = field(default_factory=Reward)
    """What verdicts are worth"""

    truncation: Annotated[Truncation, Flat] = field(default_factory=Truncation)
    """Rollouts that hit the length limit"""

    sampling: Sampling = ON_POLICY_SAMPLING
    """How rollouts are drawn, with --problems"""

    selection: Annotated[ProblemSelection, Flat] = field(default_factory=ProblemSelection)
    """Which problems are drawn"""

    reuse: Annotated[Reuse, Flat] = field(default_factory=Reuse)
    """How often drawn rollouts are learned from"""

    engine: TrainingEngine = "auto"
    """What samples the policy in training. decode: the decode loop on the trainer's weights (Qwen2, Qwen3, Llama);
    generate: transformers, any architecture; vllm: a copy that follows the trainer; auto: vllm on a GPU where it is
    installed, else decode, else generate"""

    vllm: Annotated[VllmOptions, Flat] = TRAINER_VLLM
    """What only vllm reads"""

    verifying: Verifying = field(default_factory=Verifying)
    """How they are verified, with --problems"""

    evaluation: Annotated[EvaluationRuns, Flat] = field(default_factory=EvaluationRuns)
    """When the policy is evaluated"""

    eval: EvalSampling = field(default_factory=EvalSampling)
    """How it is sampled then"""

    saving: Annotated[Saving, Flat] = field(default_factory=Saving)
    """What is published"""

    def __post_init__(self) -> None:
        checks = (
            ("--groups-per-step", self.groups_per_step, (self.groups_per_step or 1) >= 1, "at least 1"),
            ("--rows-per-step", self.rows_per_step, (self.rows_per_step or 1) >= 1, "at least 1"),
        )
        expect(checks)


def train_policy(
    policy: Weights,
    out: Draft[Policy],
    options: TrainPolicyOptions,
    *,
    rollouts: list[Artifact[Rollout]] | None = None,
    verdicts: list[Artifact[Verdict]] | None = None,
    problems: Artifact[Problem] | None = None,
    pass_rates: list[Artifact[Verdict]] | None = None,
    eval_problems: Artifact[Problem] | None = None,
    scores: list[Artifact[Score]] | None = None,
    reward_model: Weights | None = None,
    continue_from: Weights | None = None,
    reference: Weights | None = None,
    preferences: list[Artifact[Preference]] | None = None,
    teacher: list[Artifact[Score]] | None = None,
    teacher_policy: Weights | None = None,
    rollouts_out: Draft[Rollout] | None = None,
    verdicts_out: Draft[Verdict] | None = None,
    pairs_out: Draft[Preference] | None = None,
    reward_model_out: Draft[RewardModel] | None = None,
) -> None:
    """Train a policy on rollouts and their verdicts, or on its own rollouts of problems as it goes.

    With --rollouts the data is fixed. With --problems every step draws problems, samples the policy as it is, verifies
    and updates; the rollouts and verdicts are published too. Weights and moments are float32. The same command goes on
    where it was stopped.

    Args:
        rollouts: What to train on
        verdicts: The verdicts of those rollouts, for every --rollouts
        problems: Train on-policy: sample these problems with the policy in training
        pass_rates: Verdicts that tell how often --problems are solved (several times: oldest first)
        eval_problems: Problems to evaluate the policy on while it trains, none of them trained on
        scores: Scores of those rollouts, for every --rollouts: what --reward.mix or --reward.steps reads
        reward_model: A token reward model (whet train-rm --method token) that weighs the tokens, with oreal
        continue_from: A policy whose trainer/ to go on from: weights, moments, schedule, step
        reference: The policy a penalty refers to (default: POLICY)
        preferences: Pairs to train on, with dpo, ipo or simpo; or they are made of --rollouts
        teacher: A teacher's --method likelihood scores of the rollouts, for every --rollouts, with distill or kdrl
        teacher_policy: The teacher itself; with --problems it is needed
        rollouts_out: Where on-policy rollouts go (default: OUT-rollouts)
        verdicts_out: Where their verdicts go (default: OUT-verdicts)
        pairs_out: Where pairs made of --rollouts go (default: OUT-pairs)
        reward_model_out: Where the token model goes that was trained beside the policy (default: OUT-reward-model)

    Examples:
        whet train-policy runs/start --rollouts runs/shown --objective supervised --learning-rate 1e-3 --out runs/cold
        whet train-policy runs/cold --rollouts runs/r --verdicts runs/v --objective grpo --out runs/grpo
        whet train-policy runs/cold --problems runs/train --steps 80 --sampling.max-tokens 256 --out runs/oreal
    """
    import torch

    from .distribution.starting import joined
    from .policy_training import PolicyTraining

    inputs = TrainingInputs.of(
        policy, rollouts=rollouts, verdicts=verdicts, problems=problems, pass_rates=pass_rates,
        eval_problems=eval_problems, scores=scores, reward_model=reward_model, continue_from=continue_from,
        reference=reference, preferences=preferences, teacher=teacher, teacher_policy=teacher_policy,
    )  # fmt: skip
    outs = TrainingOutputs(
        out=out, rollouts=rollouts_out, verdicts=verdicts_out, pairs=pairs_out, reward_model=reward_model_out
    )
    options = _settled(options, inputs)
    refuse_unmade(options, inputs, outs)
    # A stage called from a notebook leaves the random numbers there as they were.
    with joined("train-policy", out, options.loop), torch.random.fork_rng(devices=[]):
        PolicyTraining(inputs, outs, options).train()


def resolve(options: TrainPolicyOptions, policy: Weights, **given: Any) -> TrainPolicyOptions:
    """Settle what the options leave to the objective and the machine, and refuse what does not go together.

    Args:
        given: the inputs, by the names that `train_policy` has for them.

    Raises:
        WrongOption: options or inputs that exclude each other, or that nothing would read.
        WrongArtifact: another tokenizer in the policy to continue from.
    """
    return _settled(options, TrainingInputs.of(policy, **given))


def plan(options: TrainPolicyOptions, policy: Weights, **given: Any) -> list[str]:
    """What --dry-run adds: what there is to learn from, and how many steps it makes."""
    from .training_plan import planned

    return planned(options, TrainingInputs.of(policy, **given))


def _settled(options: TrainPolicyOptions, inputs: TrainingInputs) -> TrainPolicyOptions:
    from .head_scale import head_scale
    from .models import folder_of, read_config

    policy, on_policy, eval_problems = inputs.policy, inputs.on_policy, inputs.eval_problems
    options = replace(options, objective=with_token_model(options.objective, on_policy, inputs.reward_model))
    refuse(options, inputs)
    head_scale(read_config(folder_of(policy)), policy.spec)
    objective, engine = options.objective, options.engine
    in_groups = objective.in_groups or on_policy
    if eval_problems is not None:
        refuse_overlap(inputs.problems, inputs.rollouts, inputs.preferences, eval_problems)
    if on_policy or eval_problems is not None:
        engine = resolve_engine(engine, folder_of(policy), policy.spec, follows=not options.lora.rank)
    return replace(
        options,
        objective=with_texts(objective) if isinstance(objective, InverseQ) else objective,
        engine=engine,
        eval=options.eval if eval_problems is None else options.eval.filled(options.sampling),
        loop=options.loop.settled(),
        groups_per_step=options.groups_per_step or (64 if in_groups else None),
        rows_per_step=options.rows_per_step or (None if in_groups else 64),
        reward=options.reward.filled(objective.rewards),
        optimization=options.optimization.settled(objective.learning_rate),
    )
