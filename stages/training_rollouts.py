"""Rollouts and verdicts, read and checked, as the groups that a policy is trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..artifacts import Artifact, Rollout, Score, Verdict, Weights, WrongArtifact
from .batching import TrainingRow, policy_tokens
from .groups import Group, step_random
from .joins import blames_problem, judgements_of
from .models import context_of, folder_of, read_config
from .objectives import AllDraws, Objective
from .reward_mapping import Reward
from .rollouts import rows_with_arrays
from .step_returns import StepReader
from .truncation import MASKED, Truncation, rewarded

if TYPE_CHECKING:
    import numpy as np

COLUMNS = [
    "rollout_id", "problem_id", "step", "occurrence", "finish_reason", "error", "segments", "draws_total",
    "correct_total", "drawing_probability",
]  # fmt: skip
_LISTS = ("prompt_token_ids", "token_ids", "logprobs", "sampling_logprobs")


@dataclass
class Given:
    """What the rollouts given hold."""

    groups: list[Group]
    temperature: float
    """The temperature that they were sampled at; 1 where nothing is recorded"""

    counts: dict[str, int]


def read_groups(
    policy: Weights,
    rollouts: Sequence[Artifact[Rollout]],
    verdicts: Sequence[Artifact[Verdict]],
    objective: Objective,
    reward: Reward,
    truncation: Truncation = MASKED,
    scores: Sequence[Artifact[Score]] = (),
) -> Given:
    """Read the groups; an objective that does not compare rollouts gets each as a group of its own.

    Every rollout of a problem that a verdict calls broken is left out.

    Raises:
        WrongArtifact: rollouts that this policy or this objective cannot be trained on, or verdicts that are missing.
    """
    temperature = check_rollouts(policy, rollouts, objective)
    asked = ["problem_id", "verdict", "reason"]
    judged = judgements_of(rollouts, verdicts, "verdicts", asked) if objective.needs_verdicts else None
    scored = judgements_of(rollouts, scores, "scores", ["score"]) if scores else None
    stepped = StepReader(policy, scores, reward.step_rewards) if reward.step_rewards.on else None
    broken = {row["problem_id"] for row in (judged or {}).values() if blames_problem(row)}
    dropped: set[str] = set()
    limits = [_limit(artifact, truncation) for artifact in rollouts]
    context = context_of(read_config(folder_of(policy)))
    groups: dict[Any, Group] = {}
    totals: dict[Any, set[tuple[int | None, int | None]]] = {}
    counts: Counter[str] = Counter(rollouts=0)
    weighted = 0
    for place, artifact in enumerate(rollouts):
        for row, facts in _rows(artifact, objective):
            counts["rollouts"] += 1
            weighted += facts["drawing_probability"] is not None
            key = (place, facts["step"], facts["problem_id"], facts["occurrence"])
            if not objective.in_groups:
                key = counts["rollouts"]
            totals.setdefault(key, set()).add((facts["draws_total"], facts["correct_total"]))
            if facts["error"] is not None:
                counts["failed"] += 1
                continue
            if judged is not None:
                verdict = judged[row.rollout_id]["verdict"]
                counts[verdict] += 1
                if facts["problem_id"] in broken:
                    dropped.add(facts["problem_id"])
                    continue
                found = rewarded(row, verdict, reward, truncation, limits[place], context)
                if found is None:
                    groups.setdefault(key, Group()).unknown += 1
                    continue
                row = found
            if scored is not None:
                score = scored[row.rollout_id]["score"]
                if score is None:
                    counts["unscored"] += 1
                    groups.setdefault(key, Group()).unknown += 1
                    continue
                if stepped is None:
                    row.reward = reward.mixed(row.reward, score)
                else:
                    row.steps = stepped.of(row)
            groups.setdefault(key, Group()).rows.append(row)
    if weighted and objective.standardises:
        paths = ", ".join(str(artifact.path) for artifact in rollouts)
        raise WrongArtifact(
            f"{weighted:,} rollouts of {paths} are of problems that were drawn by weight, by how hard they are, and "
            "dividing by the standard deviation of a group weighs hard and easy ones up too: train with "
            + objective.undivided
        )
    if objective.in_groups:
        for key, group in groups.items():
            group.drawn = _chosen_from(group, totals[key], reward)
        _refuse_chosen(rollouts, groups.values(), objective, reward, scored is not None and stepped is None)
    if stepped is not None:
        counts["scored_steps"] = stepped.told()
    found = [group for group in groups.values() if (group.has_baseline if objective.in_groups else group.rows)]
    if judged is not None:
        counts["broken_problems"] = len(dropped)
    counts["groups" if objective.in_groups else "rows"] = len(found)
    if objective.in_groups:
        counts["dead_groups"] = len(groups) - len(found)
    return Given(found, temperature, dict(counts))


def _limit(artifact: Artifact[Rollout], truncation: Truncation) -> int | None:
    """The most tokens that a rollout of this artifact could have.

    Raises:
        WrongArtifact: it is not known, and the soft penalty needs it.
    """
    limit = (artifact.manifest.facts.get("sampling") or {}).get("max_tokens")
    if limit is None and truncation.truncated == "soft-penalty":
        raise WrongArtifact(
            f"{artifact.path} does not say how many tokens its rollouts could have, expected sampling.max_tokens in "
            "its manifest: --truncated soft-penalty needs it, mask and incorrect do not"
        )
    return limit


def learnable(groups: Sequence[Group], objective: Objective) -> list[Group]:
    """The groups that fill the steps; where rollouts are not compared, only those the objective keeps."""
    if objective.in_groups:
        return list(groups)
    rng = step_random(0, 0)
    return [group for group in groups if objective.weigh([row.reward for row in group.rows], rng)]


def _chosen_from(group: Group, totals: set[tuple[int | None, int | None]], reward: Reward) -> AllDraws | None:
    """All draws of the problem, where every row tells the same of them and some are not in the group."""
    total, correct = next(iter(totals)) if len(totals) == 1 else (None, None)
    if total is None or correct is None or total <= len(group.rows) + group.unknown:
        return None
    assert reward.correct is not None
    assert reward.incorrect is not None
    return AllDraws(total, correct, reward.incorrect + (reward.correct - reward.incorrect) * correct / total)


def _refuse_chosen(
    rollouts: Sequence[Artifact[Rollout]],
    groups: Iterable[Group],
    objective: Objective,
    reward: Reward,
    scored: bool = False,
) -> None:
    """Refuse what has no meaning in groups that were chosen from more draws by their verdicts.

    Raises:
        WrongArtifact: advantages over a standard deviation, or rewards of which the mean over all draws is not known.
    """
    number = sum(group.drawn is not None for group in groups)
    if not number:
        return
    chosen = (
        f"{number:,} groups of {', '.join(str(artifact.path) for artifact in rollouts)} were chosen from more draws"
    )
    if objective.standardises:
        raise WrongArtifact(
            f"{chosen} by their verdicts, and a balanced group's standard deviation says nothing of its problem: train "
            f"with {objective.undivided}, where the baseline is the mean over all draws"
        )
    if scored:
        raise WrongArtifact(
            f"{chosen}, and those that were not kept have no scores, so the mean reward over all draws is not known: "
            "leave out --scores, or train on all that was drawn"
        )
    if reward.invalid != reward.incorrect:
        raise WrongArtifact(
            f"{chosen}, of which only the correct ones were counted: --reward.invalid is {reward.invalid:g}, expected "
            f"--reward.incorrect ({reward.incorrect:g}), else their mean reward is not known"
        )


def check_rollouts(policy: Weights, rollouts: Sequence[Artifact[Rollout]], objective: Objective) -> float:
    """Refuse rollouts that this policy or this objective cannot be trained on; the temperature they were sampled at.

    Raises:
        WrongArtifact: another tokenizer, or sampling that makes the objective's ratios wrong.
    """
    temperatures = set()
    for artifact in rollouts:
        digest = artifact.manifest.facts.get("tokenizer_digest")
        if digest is not None and digest != policy.tokenizer_digest:
            raise WrongArtifact(
                f"{artifact.path} holds tokens of another tokenizer than {policy.spec} has, expected the same: "
                "sample from this policy, or import the text with --tokenizer"
            )
        sampling = artifact.manifest.facts.get("sampling") or {}
        temperature = sampling.get("temperature", 1.0)
        if temperature == 0 and objective.uses_ratios:
            raise WrongArtifact(
                f"{artifact.path} was sampled at temperature 0, where every ratio of probabilities is 0 or 1: sample "
                "it at a temperature above 0, or train with an objective without ratios"
            )
        temperatures.add(temperature or 1.0)
    if len(temperatures) > 1 and objective.at_sampling_temperature:
        found = " and ".join(str(temperature) for temperature in sorted(temperatures))
        raise WrongArtifact(f"the rollouts were sampled at temperatures {found}, expected one: train on them in turn")
    return temperatures.pop() if objective.at_sampling_temperature else 1.0


def _rows(artifact: Artifact[Rollout], objective: Objective) -> Iterator[tuple[TrainingRow, dict[str, Any]]]:
    """Every rollout as a row, its tokens as views into the columns."""
    sampling = artifact.manifest.facts.get("sampling") or {}
    as_sampled = sampling.get("temperature", 1.0) == 1 and not _cuts(sampling)
    recorded = objective.needs_record
    for row in rows_with_arrays(artifact, COLUMNS, _LISTS):
        if row["error"] is None and (row["token_ids"] is None or row["prompt_token_ids"] is None):
            raise WrongArtifact(
                f"{artifact.path} holds text without token ids (rollout {row['rollout_id']}), expected "
                "tokens: import it again with --tokenizer FOLDER, the policy's folder"
            )
        logprobs = row["sampling_logprobs"]
        if logprobs is None and as_sampled:
            logprobs = row["logprobs"]
        if logprobs is None and row["error"] is None and objective.uses_ratios:
            _refuse_without_record(artifact, sampling, recorded)
        yield _row(row, logprobs), row


def _row(row: dict[str, Any], logprobs: np.ndarray | None) -> TrainingRow:
    import numpy as np

    nothing = np.empty(0, np.int32)
    token_ids = nothing if row["token_ids"] is None else row["token_ids"]
    return TrainingRow(
        rollout_id=row["rollout_id"],
        prompt_token_ids=nothing if row["prompt_token_ids"] is None else row["prompt_token_ids"],
        token_ids=token_ids,
        trained=policy_tokens(row["segments"], len(token_ids)),
        truncated=row["finish_reason"] == "length",
        sampled_logprobs=logprobs,
    )


def _cuts(sampling: dict[str, Any]) -> bool:
    return sampling.get("top_p", 1.0) < 1 or sampling.get("top_k", 0) > 0


def _refuse_without_record(artifact: Artifact[Rollout], sampling: dict[str, Any], recorded: bool) -> None:
    """Ratios need the probabilities of the distribution that the tokens were drawn from."""
    if _cuts(sampling):
        raise WrongArtifact(
            f"{artifact.path} was sampled with top-p {sampling.get('top_p', 1.0)} and top-k {sampling.get('top_k', 0)} "
            "and holds no sampling_logprobs, so ratios to the distribution it was drawn from are not known: sample it "
            "again, or train with an objective without ratios (oreal, rejection, supervised)"
        )
    if recorded:
        raise WrongArtifact(
            f"{artifact.path} holds no log-probabilities of its tokens, expected those of the sampler: give "
            "--old recomputed if this policy made the rollouts and the objective has it, or train with an objective "
            "without ratios"
        )
