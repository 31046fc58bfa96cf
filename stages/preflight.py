"""What can be known of a training before its first step: is there anything to learn, and what will it cost?

    found = of_groups(groups, objective, counts, per_step=64)
    found.facts, found.lines, found.warnings

The numbers go into the log, into the manifest's facts and into `--dry-run`; importing this imports no torch. A run
seldom fails for its objective: most groups carry no gradient because all their rewards are alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import comb, log
from typing import TYPE_CHECKING, Any

from ..artifacts import Artifact, Rollout, Weights, WrongArtifact
from .adaptive import planned
from .metrics.pass_at_k import pass_at_k
from .mismatch import WITHIN
from .rollouts import ragged

if TYPE_CHECKING:
    from .groups import Group
    from .objectives import Objective

FEW_ALIVE, MANY_TRUNCATED, FAR_OFF = 0.1, 0.2, 0.05
"""Shares from which on a warning is given: at most groups that teach; at least truncated rollouts, ratios outside."""

FAR = log(WITHIN[1])
"""Nats between two log-probabilities of a token that count as far apart."""

ADAPTIVE_ROUNDS = 4


@dataclass
class Findings:
    """What was found: for the manifest, for a person to read, and what should be looked at first."""

    facts: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __add__(self, other: Findings) -> Findings:
        return Findings(self.facts | other.facts, [*self.lines, *other.lines], [*self.warnings, *other.warnings])

    def told(self) -> None:
        """Put it into the log."""
        from loguru import logger

        for line in self.lines:
            logger.info(line)
        for line in self.warnings:
            logger.warning(line)


def dead_share(tallies: Sequence[tuple[int, int]], planned_rollouts: int) -> float:
    """The share of groups of so many rollouts whose verdicts will all be alike: mean of p^n + (1-p)^n over problems.

    Where a problem has N >= n draws, c of them correct, exactly: [C(c, n) + C(N-c, n)] / C(N, n), the mean over all
    choices of n of its draws, without bias. Beyond that with p = c / N, which takes a problem that no draw has solved
    for one that none will.

    Args:
        tallies: (draws, correct) of every problem.
    """
    n, found = planned_rollouts, 0.0
    for (draws, correct), problems in Counter(tallies).items():
        p = correct / draws
        if draws >= n:
            found += problems * (comb(correct, n) + comb(draws - correct, n)) / comb(draws, n)
        else:
            found += problems * (p**n + (1 - p) ** n)
    return found / len(tallies)


def adaptive_draws(tallies: Sequence[tuple[int, int]], group: int) -> float:
    """Rollouts a problem that drawing in up to 4 rounds of `group` would take until its group is balanced."""
    rates = Counter(correct / draws for draws, correct in tallies)
    drawn = sum(
        problems * planned(rate, group=group, round_size=group, rounds=ADAPTIVE_ROUNDS, until="balanced").draws
        for rate, problems in rates.items()
    )
    return drawn / len(tallies)


def of_groups(
    groups: Sequence[Group], objective: Objective, counts: Mapping[str, int], *, per_step: int, steps: int
) -> Findings:
    """What given rollouts teach, and what a step of them costs.

    Args:
        groups: those that fill the steps.
        counts: as they were read; dead groups (fewer than two known verdicts) are in it alone.
        per_step: groups of a step.
        steps: of the run.
    """
    rows = [row for group in groups for row in group.rows]
    truncated = sum(row.truncated for row in rows) / max(1, len(rows))
    tokens = sum(row.length for row in rows) / max(1, len(groups)) * per_step
    trained = sum(row.trained_tokens for row in rows) / max(1, len(groups)) * per_step
    found = Findings({"rollouts": len(rows), "truncated_share": round(truncated, 4)})
    if truncated > MANY_TRUNCATED:
        found.warnings.append(
            f"{truncated:.0%} of the rollouts were cut off at their token limit: draw them with a higher --max-tokens, "
            "or the policy learns to be cut off"
        )
    if objective.in_groups:
        found += _signal(groups, counts)
    elif objective.needs_verdicts:
        share = len(groups) / max(1, counts["rollouts"])
        found += Findings({"kept_share": round(share, 4)}, [f"{len(groups):,} rollouts ({share:.1%}) are kept"])
    found.facts |= {
        "steps": steps, "tokens_per_step": round(tokens), "trained_tokens_per_step": round(trained),
        "tokens": round(tokens * steps),
    }  # fmt: skip
    found.lines.append(
        f"a step: about {tokens:,.0f} tokens, {trained:,.0f} of them trained; {steps:,} steps: "
        f"{tokens * steps:,.0f} tokens"
    )
    return found


def _signal(groups: Sequence[Group], counts: Mapping[str, int]) -> Findings:
    """Which groups teach something, and how good the base is."""
    alive = [group for group in groups if _teaches(group)]
    number = len(groups) + counts.get("dead_groups", 0)
    teaching, dead = sum(len(group.rows) for group in alive), 1 - len(alive) / max(1, number)
    facts: dict[str, Any] = {
        "groups": number, "dead_group_share": round(dead, 4), "effective_rows": teaching,
    }  # fmt: skip
    rows = sum(len(group.rows) for group in groups)
    lines = [
        f"{number:,} groups, {number - len(alive):,} of them dead ({dead:.1%}: all rewards alike, or fewer than two); "
        f"{teaching:,} of {rows:,} rollouts are in a group that teaches"
    ]
    warnings = []
    if dead >= 1 - FEW_ALIVE:
        warnings.append(
            f"{dead:.0%} of the groups teach nothing: select problems by their pass rate (whet select --pass-rate), "
            "draw more rollouts a problem, or train supervised first"
        )
    whole = [group for group in groups if group.drawn is None]
    tallies = [(len(group.rows), sum(row.reward > 0 for row in group.rows)) for group in whole]
    # What has no score is no random part of what was drawn: a reference of POLAR is correct.
    if tallies and len(whole) == len(groups) and not counts.get("unscored"):
        base, lines_of_base = _base(tallies)
        facts, lines = facts | base, [*lines, *lines_of_base]
    return Findings(facts, lines, warnings)


def _teaches(group: Group) -> bool:
    """Whether rewards differ; where steps are rewarded they teach in groups that are all right or all wrong too."""
    rewards = {row.reward for row in group.rows}
    return len(rewards) > 1 or group.drawn is not None or any(row.steps is not None for row in group.rows)


def _base(tallies: Sequence[tuple[int, int]]) -> tuple[dict[str, Any], list[str]]:
    """pass@k of the policy that drew the rollouts, and what other numbers of rollouts would leave dead.

    Where pass@k is low, negative-only objectives and noisy rewards do not work. (Model-Task Alignment.)
    """
    size = min(draws for draws, _ in tallies)
    sizes = [2**power for power in range(size.bit_length()) if 2**power <= size]
    problems = Counter(tallies)
    passes = {
        k: sum(times * float(pass_at_k(n, c, k)) for (n, c), times in problems.items()) / len(tallies)
        for k in dict.fromkeys([*sizes, size])
    }
    dead = {n: dead_share(tallies, n) for n in dict.fromkeys((max(2, size // 2), size, 2 * size, 4 * size))}
    adaptive = adaptive_draws(tallies, size) if size >= 2 else float(size)
    facts = {
        "pass_at_k": {str(k): round(value, 4) for k, value in passes.items()},
        "dead_group_share_planned": {str(n): round(share, 4) for n, share in dead.items()},
        "adaptive_draws": round(adaptive, 2),
    }
    lines = [
        "the policy that drew them: " + ", ".join(f"pass@{k} {value:.3f}" for k, value in passes.items()),
        "dead groups to expect: "
        + ", ".join(f"{share:.1%} with {n} rollouts" for n, share in dead.items())
        + f"; drawn in up to {ADAPTIVE_ROUNDS} rounds of {size} until balanced, {adaptive:.1f} rollouts a problem",
    ]
    if passes[size] < 0.5:
        lines.append(
            f"pass@{size} is below 0.5: wrong rollouts alone (nsr), noisy rewards and few problems need a better base"
        )
    return facts, lines


def ratio_health(rollouts: Sequence[Artifact[Rollout]]) -> Findings:
    """Whether ratios can be taken to the sampler's record: what is recorded, and how far the sampling bent it.

    `tokens_far_share`: tokens whose probability in the distribution drawn from (after temperature, top-p and top-k) is
    more than a tenth off the policy's own.
    """
    import numpy as np

    counted = {"rollouts": 0, "logprobs": 0, "sampling_logprobs": 0, "tokens": 0, "far": 0}
    cuts, warnings = False, []
    for artifact in rollouts:
        sampling = artifact.manifest.facts.get("sampling") or {}
        cut, recorded = sampling.get("top_p", 1.0) < 1 or sampling.get("top_k", 0) > 0, 0
        for part in artifact.parts:
            for batch in artifact.part_batches(part.index, ["logprobs", "sampling_logprobs"]):
                plain, bent = ragged(batch.column("logprobs")), ragged(batch.column("sampling_logprobs"))
                counted["rollouts"] += batch.num_rows
                for one, other in zip(plain, bent, strict=True):
                    counted["logprobs"] += one is not None
                    recorded += other is not None
                    if one is not None and other is not None and len(one) == len(other):
                        counted["tokens"] += len(one)
                        counted["far"] += int((np.abs(one - other) > FAR).sum())
        counted["sampling_logprobs"] += recorded
        cuts = cuts or cut
        if cut and not recorded:
            warnings.append(
                f"{artifact.path} was sampled with top-p {sampling.get('top_p', 1.0)} and top-k "
                f"{sampling.get('top_k', 0)} and holds no sampling_logprobs: how far the policy is from what was drawn "
                "cannot be told, and objectives with ratios refuse it"
            )
    number = max(1, counted["rollouts"])
    far = counted["far"] / counted["tokens"] if counted["tokens"] else None
    facts = {
        "with_logprobs": round(counted["logprobs"] / number, 4),
        "with_sampling_logprobs": round(counted["sampling_logprobs"] / number, 4),
        "cut": cuts, "tokens_far_share": None if far is None else round(far, 4),
    }  # fmt: skip
    said = "no token has both" if far is None else f"{far:.2%} of the tokens differ by more than a tenth"
    line = (
        f"log-probabilities: {facts['with_logprobs']:.0%} of the rollouts have the policy's own, "
        f"{facts['with_sampling_logprobs']:.0%} those of the distribution drawn from; {said}"
    )
    return Findings({"ratios": facts}, [line], warnings)


def of_problems(problems: int, per_draw: int, each: int, max_tokens: int, steps: int) -> Findings:
    """What a step of rollouts that are drawn as it goes costs at most."""
    most = per_draw * each * max_tokens
    drawn = per_draw * each
    return Findings(
        {"problems": problems, "rollouts_per_draw": drawn, "tokens_per_draw_at_most": most, "steps": steps},
        [f"a draw: {drawn:,} rollouts of {per_draw:,} problems, {most:,} tokens at most; {steps:,} steps"],
    )


def of_first_step(metrics: Mapping[str, float], left: int) -> Findings:
    """What the first step shows: how far the trainer is from the sampler's record, and how long the rest will take.

    Args:
        left: steps after it.
    """
    ratio, facts = "sampling/importance_sampling_ratio", {}
    lines, warnings = [], []
    if metrics.get(f"{ratio}/mean_square"):
        effective = metrics[f"{ratio}/mean"] ** 2 / metrics[f"{ratio}/mean_square"]
        outside = metrics[f"{ratio}/outside"]
        facts = {"effective_share": round(effective, 4), "ratios_outside": round(outside, 4)}
        lines.append(
            f"trainer against sampler: effective share of the tokens {effective:.3f}, "
            f"{outside:.2%} of the ratios outside {list(WITHIN)}"
        )
        if outside > FAR_OFF:
            warnings.append(
                f"{outside:.0%} of the tokens have another probability here than their sampler recorded: another "
                "policy, precision or temperature drew them; see --old recomputed, and whet sample --check"
            )
    seconds = metrics.get("step_time", 0.0)
    lines.append(f"the first step took {seconds:.1f} s: {left:,} more take about {spell_time(seconds * left)}")
    return Findings({"first_step": facts} if facts else {}, lines, warnings)


def spell_time(seconds: float) -> str:
    """`45 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def check_tokens(policy: Weights, groups: Sequence[Group], vocabulary: int | None) -> None:
    """Refuse rollouts whose tokens the policy does not have.

    Raises:
        WrongArtifact: an id beyond the policy's embedding.
    """
    if vocabulary is None:
        return
    for group in groups:
        for row in group.rows:
            highest = max((int(ids.max()) for ids in (row.prompt_token_ids, row.token_ids) if len(ids)), default=0)
            if highest >= vocabulary:
                raise WrongArtifact(
                    f"rollout {row.rollout_id} holds the token {highest:,}, expected ids below {vocabulary:,}: it was "
                    f"written with another tokenizer than {policy.spec} has"
                )
