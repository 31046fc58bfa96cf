"""What `whet train-policy --dry-run` adds: what there is to learn from, how many steps it makes, what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..artifacts.wording import counted
from . import preflight
from .memory_needs import policy_memory
from .models import context_of, folder_of, read_config
from .pairs.reading import read_pairs
from .problem_selection import select_problems
from .spans import span_of
from .tokens import Encoder, load_encoder
from .training_inputs import TrainingInputs
from .training_rollouts import learnable, read_groups

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions


@dataclass(kw_only=True)
class _Source:
    """What is known of what a training learns from.

    Args:
        unit: one of what a step takes.
        steps: of the run.
        longest: tokens of the longest row; 0 where rows are still to be drawn.
    """

    lines: list[str]
    unit: str
    steps: int
    longest: int = 0
    found: preflight.Findings = field(default_factory=preflight.Findings)


def planned(options: TrainPolicyOptions, inputs: TrainingInputs) -> list[str]:
    """The lines of the plan; reads the data, and imports no torch."""
    folder = folder_of(inputs.policy)
    encoder = load_encoder(folder)
    if inputs.on_policy:
        source = _of_problems(options, inputs, encoder)
    elif options.objective.needs_pairs:
        source = _of_pairs(options, inputs, encoder)
    else:
        source = _of_rollouts(options, inputs, encoder)
    memory = policy_memory(options, inputs, source.longest)
    return [
        *source.lines,
        f"{counted(source.steps, 'step')} of {counted(_per_step(options), source.unit)}",
        *source.found.lines,
        *(f"warning: {line}" for line in source.found.warnings),
        *memory.lines,
    ]


def _per_step(options: TrainPolicyOptions) -> int:
    return options.groups_per_step or options.rows_per_step or 1


def _unit(options: TrainPolicyOptions) -> str:
    return "group" if options.groups_per_step else "rollout"


def _steps(options: TrainPolicyOptions, units: int, per_draw: int, updates: int = 1) -> int:
    return span_of(0, units, per_draw, steps=options.loop.steps, epochs=options.loop.epochs, updates=updates).until


def _of_problems(options: TrainPolicyOptions, inputs: TrainingInputs, encoder: Encoder) -> _Source:
    problems = inputs.problems
    assert problems is not None
    each, updates = options.sampling.rollouts_per_problem, options.reuse.updates_per_draw
    selected = select_problems(list(problems.rows()), inputs.pass_rates, options.selection)
    per_draw = options.reuse.groups_per_draw(_per_step(options))
    units = len(selected.problems)
    lines = [_counted(selected.counts)] if selected.counts else []
    lines.append(
        f"{counted(units, 'problem')}, {per_draw} of them a draw, {counted(each, 'rollout')} each, "
        f"{counted(updates, 'update')} a draw"
    )
    for problem in problems.head(1).rows():
        prompt = encoder.encode_prompt(problem["messages"], "raw" if encoder.template is None else "chat")
        lines.append(f"first prompt, {counted(len(prompt), 'token')}: {encoder.decode(prompt, skip_special=False)!r}")
    most = min(options.sampling.max_tokens, context_of(read_config(folder_of(inputs.policy))))
    steps = _steps(options, units, per_draw, updates)
    found = preflight.of_problems(units, per_draw, each, most, steps)
    return _Source(lines=lines, unit=_unit(options), steps=steps, found=found)


def _of_pairs(options: TrainPolicyOptions, inputs: TrainingInputs, encoder: Encoder) -> _Source:
    given = read_pairs(
        inputs.policy,
        preferences=inputs.preferences,
        rollouts=inputs.rollouts,
        verdicts=inputs.verdicts,
        scores=inputs.scores,
        pairing=getattr(options.objective, "pairing", None),
        reward=options.reward,
        seed=options.loop.seed,
    )
    lines = [_counted(given.counts)]
    for pair in given.pairs[:1]:
        sides = (pair.chosen.row.prompt_token_ids, pair.chosen.row.token_ids, pair.rejected.row.token_ids)
        texts = (encoder.decode(ids.tolist(), skip_special=False) for ids in sides)
        lines.append("first pair, {!r} then {!r}, not {!r}".format(*texts))
    longest = max(side.row.length for pair in given.pairs for side in (pair.chosen, pair.rejected))
    units = len(given.pairs)
    return _Source(lines=lines, unit="pair", steps=_steps(options, units, _per_step(options)), longest=longest)


def _of_rollouts(options: TrainPolicyOptions, inputs: TrainingInputs, encoder: Encoder) -> _Source:
    policy, objective = inputs.policy, options.objective
    given = read_groups(
        policy, inputs.rollouts, inputs.verdicts, objective, options.reward, options.truncation, inputs.scores
    )
    groups = learnable(given.groups, objective)
    preflight.check_tokens(policy, groups, read_config(folder_of(policy)).get("vocab_size"))
    per_step = _per_step(options)
    steps = _steps(options, len(groups), per_step)
    found = preflight.of_groups(groups, objective, given.counts, per_step=per_step, steps=steps)
    found += preflight.ratio_health(inputs.rollouts)
    rows = [row for group in groups for row in group.rows]
    tokens = sum(row.trained_tokens for row in rows)
    found_rows = f"{counted(len(groups), _unit(options))} to learn from, {counted(tokens, 'token')}"
    lines = [_counted(given.counts), found_rows]
    for row in rows[:1]:
        parts = (encoder.decode(ids.tolist(), skip_special=False) for ids in (row.prompt_token_ids, row.token_ids))
        lines.append("first row, {!r} then {!r}".format(*parts))
    longest = max((row.length for row in rows), default=0)
    return _Source(lines=lines, unit=_unit(options), steps=steps, longest=longest, found=found)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
