"""What a policy's training learns from, made of its inputs: given rollouts, pairs, or its own rollouts of problems.

with supplied(models, outs) as supply:
    ...                                  # train
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from loguru import logger

from ..artifacts import Artifact, WrongArtifact
from ..artifacts.files import digest_of
from . import preflight
from .conditioned import ConditionedPrompts
from .drawn_groups import logprobs_of
from .groups import Order
from .memory_needs import policy_memory
from .models import context_of, read_config
from .objectives.inverse_q import InverseQ
from .on_policy import OnPolicy
from .pairs.preferences import write_pairs
from .pairs.reading import read_pairs
from .policy_models import PolicyModels
from .problem_selection import ProblemDraws, select_problems
from .spans import Span, span_before, span_of
from .stepwise_publishing import publish_once
from .supply import FixedRollouts, Supply
from .teachers import attach, teacher_logprobs, warn_foreign
from .tokens import load_encoder
from .training_engine import training_engine
from .training_inputs import TrainingOutputs
from .training_pairs import FixedPairs
from .training_rollouts import learnable, read_groups
from .undrawable import refuse_undrawable_in_training
from .verifying import AnswerPool

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions


def supplied(models: PolicyModels, outs: TrainingOutputs) -> AbstractContextManager[Supply]:
    """What these models are trained on; where training ends well, what it drew or made is published."""
    if models.options.objective.needs_pairs:
        return _pairs(models, outs)
    return _own_rollouts(models, outs) if models.inputs.on_policy else _given_rollouts(models)


@contextmanager
def _given_rollouts(models: PolicyModels) -> Iterator[Supply]:
    """Rollouts that were made before."""
    inputs, options = models.inputs, models.options
    policy, objective, rollouts = inputs.policy, options.objective, inputs.rollouts
    given = read_groups(policy, rollouts, inputs.verdicts, objective, options.reward, options.truncation, inputs.scores)
    _tell(given.counts)
    groups = learnable(given.groups, objective)
    if not groups:
        paths = ", ".join(str(artifact.path) for artifact in rollouts)
        raise WrongArtifact(f"{paths}: nothing to learn from ({given.counts}), expected rollouts this objective keeps")
    preflight.check_tokens(policy, groups, read_config(models.folder).get("vocab_size"))
    if inputs.teacher:
        known = teacher_logprobs(policy, rollouts, inputs.teacher, given.temperature)
        attach((row for group in groups for row in group.rows), known)
    if objective.needs_teacher:
        warn_foreign(policy, rollouts)
    prompts = None
    if isinstance(objective, InverseQ):
        prompts = ConditionedPrompts(load_encoder(models.folder), objective)
        prompts.add_rollouts(rollouts)
    per_step = options.groups_per_step or options.rows_per_step or 1
    identity = _digests(rollouts, inputs.verdicts, inputs.scores, inputs.teacher)
    span = _span(models, identity, len(groups), per_step)
    order = Order(len(groups), per_step, options.loop.seed, span.total, span.place)
    found = preflight.of_groups(
        groups, objective, given.counts, per_step=per_step, steps=span.until - models.start.step
    ) + preflight.ratio_health(rollouts)
    found += _memory(models, max(row.length for group in groups for row in group.rows))
    found.told()
    yield Supply(
        source=FixedRollouts(groups, objective, order, options.loop.seed, options.reward),
        span=span,
        identity=identity,
        temperature=given.temperature,
        prompts=prompts,
        facts={"rollouts": given.counts, "preflight": found.facts},
    )


@contextmanager
def _pairs(models: PolicyModels, outs: TrainingOutputs) -> Iterator[Supply]:
    """Pairs, those of preferences or those made of rollouts, which are published."""
    inputs, options, seed = models.inputs, models.options, models.options.loop.seed
    given = read_pairs(
        inputs.policy,
        preferences=inputs.preferences,
        rollouts=inputs.rollouts,
        verdicts=inputs.verdicts,
        scores=inputs.scores,
        pairing=getattr(options.objective, "pairing", None),
        reward=options.reward,
        seed=seed,
    )
    _tell(given.counts)
    draft = outs.pairs or (outs.out.sibling("pairs", "preferences") if inputs.rollouts else None)
    if draft is not None and draft.leads:
        draft.facts |= {"counts": given.counts, "tokenizer_digest": inputs.policy.tokenizer_digest}
        write_pairs(draft, given.pairs)
    per_step = options.rows_per_step or 1
    identity = _digests(inputs.preferences, inputs.rollouts, inputs.verdicts, inputs.scores)
    span = _span(models, identity, len(given.pairs), per_step)
    source = FixedPairs(given.pairs, Order(len(given.pairs), per_step, seed, span.total, span.place))
    longest = max(side.row.length for pair in given.pairs for side in (pair.chosen, pair.rejected))
    found = _memory(models, longest)
    found.told()
    facts = {"pairs": given.counts, "preflight": found.facts}
    yield Supply(source=source, span=span, identity=identity, facts=facts)
    if draft is not None and outs.pairs is None:
        publish_once(draft)


@contextmanager
def _own_rollouts(models: PolicyModels, outs: TrainingOutputs) -> Iterator[Supply]:
    """Rollouts that the policy draws as it goes; they and their verdicts are published."""
    inputs, options, reuse = models.inputs, models.options, models.options.reuse
    policy, objective, learner, problems = inputs.policy, options.objective, models.learner, inputs.problems
    assert problems is not None
    models.refuse_sharded("--problems")
    encoder = load_encoder(models.folder)
    selected = select_problems(list(problems.rows()), inputs.pass_rates, options.selection)
    if selected.counts:
        _tell(selected.counts)
    identity = [problems.digest]
    if inputs.pass_rates:
        identity += [*_digests(inputs.pass_rates), digest_of(asdict(options.selection))]
    per_draw = reuse.groups_per_draw(options.groups_per_step or 1)
    span = _span(models, identity, len(selected.problems), per_draw, reuse.updates_per_draw)
    rollouts = outs.rollouts or outs.out.sibling("rollouts", "rollouts")
    verdicts = outs.verdicts or outs.out.sibling("verdicts", "verdicts")
    refuse_undrawable_in_training(policy, encoder, selected.problems, options.vllm.max_model_len)
    rollouts.facts |= {
        "engine": options.engine,
        "precision": learner.precision,
        "policy": {"spec": policy.spec, "digest": policy.digest},
        "tokenizer_digest": policy.tokenizer_digest,
        "chat_template_digest": policy.chat_template_digest,
    }
    prompts = None
    if isinstance(objective, InverseQ):
        prompts = ConditionedPrompts(encoder, objective)
        prompts.add_problems(selected.problems)
    at_temperature = options.sampling.temperature if objective.at_sampling_temperature else 1.0
    context = context_of(read_config(models.folder))
    context = min(context, options.vllm.max_model_len or context)
    found = preflight.of_problems(
        len(selected.problems),
        per_draw,
        options.sampling.rollouts_per_problem,
        min(options.sampling.max_tokens, context),
        span.until - models.start.step,
    )
    found += _memory(models)
    found.told()
    order = Order(len(selected.problems), per_draw, options.loop.seed, span.total, span.place)
    with AnswerPool(options.verifying) as pool:
        source = OnPolicy(
            problems=selected.problems,
            objective=objective,
            engine=training_engine(options.engine, learner, models.folder, encoder.end_token_ids, options.vllm),
            encoder=encoder,
            pool=pool,
            sampling=options.sampling,
            reward=options.reward,
            truncation=options.truncation,
            draws=ProblemDraws(selected, order, options.loop.seed, options.selection.uniform_share),
            seed=options.loop.seed,
            rollouts=rollouts,
            verdicts=verdicts,
            first=models.start.step,
            policy_digest=policy.digest,
            context=context,
            refill=options.selection.refill,
            processes=learner.processes,
            reuse=reuse,
            old_logprobs=logprobs_of(learner, at_temperature, models.pass_tokens) if _keeps_old(options) else None,
            checkpoint_every=options.loop.checkpoint_every,
        )
        yield Supply(
            source=source,
            span=span,
            identity=identity,
            temperature=at_temperature,
            drawn_now=True,
            prompts=prompts,
            facts={"preflight": found.facts, **({"problems": selected.counts} if selected.counts else {})},
        )
    for given, draft in ((outs.rollouts, rollouts), (outs.verdicts, verdicts)):
        if given is None:
            publish_once(draft)


def _keeps_old(options: TrainPolicyOptions) -> bool:
    """Whether ratios are taken to the policy before the first of several updates, as the trainer computes it."""
    objective = options.objective
    recomputed = getattr(objective, "old", "recorded") == "recomputed"
    return options.reuse.updates_per_draw > 1 and objective.uses_ratios and recomputed


def _span(models: PolicyModels, identity: list[str], units: int, per_draw: int, updates: int = 1) -> Span:
    """The steps of this run; the same data goes on where the training before this one left it."""
    if not units:
        raise WrongArtifact("there is nothing to train on, expected at least one row")
    start, loop = models.start, models.options.loop
    before = span_before(start, identity, units)
    if before:
        taken = before.place_at(start.step).units
        logger.info(f"goes on in the same data: {taken:,} taken before, {units:,} are an epoch")
    return span_of(start.step, units, per_draw, steps=loop.steps, epochs=loop.epochs, updates=updates, before=before)


def _memory(models: PolicyModels, longest: int = 0) -> preflight.Findings:
    return policy_memory(models.options, models.inputs, longest)


def _digests(*inputs: Sequence[Artifact]) -> list[str]:
    return [artifact.digest for artifacts in inputs for artifact in artifacts]


def _tell(counts: Mapping[str, int]) -> None:
    logger.info(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()))
