"""Rewards of steps in a training: read off the token scores of --scores, shaped step by step, spread over the tokens.

    reader = StepReader(policy, scores, reward.step_rewards)
    row.steps = reader.of(row)                                   # once, where rollouts are read
    groups, shown = with_step_advantages(groups, reward)         # at every optimiser step, whose mean is the bound

What is computed, and whose it is: `rewards.step_rewards`.
"""

# T completion tokens, K steps of a rollout

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..artifacts import Artifact, Score, Weights, WrongArtifact
from .batching import TrainingRow, completion_masks
from .groups import Group
from .models import folder_of
from .reward_mapping import Reward
from .rewards.step_rewards import StepRewards, Steps
from .rollouts import ragged
from .scoring.steps import MARK, StepScore, ends_of, own_steps, step_scores
from .tokens import load_encoder

if TYPE_CHECKING:
    import numpy as np


class StepReader:
    """The steps of rollouts, with scores from those of their tokens.

    Raises:
        WrongArtifact: the scores are of another tokenizer's tokens.
    """

    def __init__(self, policy: Weights, scores: Sequence[Artifact[Score]], options: StepRewards) -> None:
        self._options, self._scores = options, scores
        self._decode = load_encoder(folder_of(policy)).decode
        self._known: dict[str, tuple[int, np.ndarray | None]] = {}
        self._steps = self._most = 0
        for place, artifact in enumerate(scores):
            _check_tokens(policy, artifact)
            for batch in artifact.batches(["rollout_id", "token_scores"]):
                columns = zip(batch.column("rollout_id").to_pylist(), ragged(batch.column("token_scores")), strict=True)
                self._known.update((rollout_id, (place, tokens)) for rollout_id, tokens in columns)

    def of(self, row: TrainingRow) -> Steps | None:
        """The steps of a rollout in which tokens carry loss, None where none does.

        Raises:
            WrongArtifact: it has no score for each of its tokens.
        """
        place, tokens = self._known[row.rollout_id]
        artifact = self._scores[place]
        if tokens is None or len(tokens) != len(row.token_ids):
            raise WrongArtifact(
                f"{artifact.path} has {0 if tokens is None else len(tokens):,} token scores of rollout "
                f"{row.rollout_id}, expected one for each of its {len(row.token_ids):,} tokens, which --reward.steps "
                "reads: score the rollouts by a method that has them (whet score ROLLOUTS MODEL --method token, "
                "implicit or likelihood)"
            )
        if not row.trained_tokens:
            return None
        mark, kind = self._rule(artifact)
        own_T = completion_masks([row])[0]
        ends_K = own_steps(ends_of(self._decode, row.token_ids.tolist(), mark), own_T)
        self._steps, self._most = self._steps + len(ends_K), max(self._most, len(ends_K))
        return Steps(step_scores(tokens, ends_K, own_T, kind), ends_K)

    def told(self) -> int:
        """How many steps all rollouts had.

        Raises:
            WrongArtifact: none had two, which differences are taken of.
        """
        if self._options.takes_differences and self._most < 2:
            marks = " or ".join(sorted({repr(self._rule(artifact)[0]) for artifact in self._scores}))
            raise WrongArtifact(
                f"no rollout of {self._scores[0].path} has a second step (what ends one is {marks}), expected some: "
                f"--reward.steps {self._options.steps} takes differences of steps; give --reward.step-end"
            )
        return self._steps

    def _rule(self, artifact: Artifact[Score]) -> tuple[str, StepScore]:
        """What ends a step, and what its tokens' scores make of it."""
        method: Any = artifact.manifest.facts.get("method")
        said = method if isinstance(method, dict) else {"name": method}
        usual: StepScore = "sum" if said.get("name") == "implicit" else "mean"
        return self._options.step_end or said.get("step_end") or MARK, self._options.step_score or usual


def _check_tokens(policy: Weights, scores: Artifact[Score]) -> None:
    facts = scores.manifest.facts
    if facts.get("retokenized") or facts.get("tokenizer_digest") not in (None, policy.tokenizer_digest):
        raise WrongArtifact(
            f"{scores.path} was made by a model with another tokenizer than {policy.spec} has, expected the same: "
            "--reward.steps reads the scores of the policy's own tokens; leave it out, or choose a model of the same "
            "family"
        )


def with_step_advantages(groups: Sequence[Group], reward: Reward) -> tuple[list[Group], dict[str, float]]:
    """The groups of an optimiser step, each row with what its tokens' advantages get from their steps.

    Beside it what is logged: the mean step score, which is the bound where none is given, how many steps a rollout has
    on average, and the mean size of what tokens get. Without rewards of steps the groups are as they were.
    """
    import numpy as np

    options = reward.step_rewards
    if not options.on:
        return list(groups), {}
    scores = [row.steps.scores_K for group in groups for row in group.rows if row.steps is not None]
    number = sum(map(len, scores))
    mean = sum(map(sum, scores)) / max(1, number)
    bound = mean if options.step_bound is None else options.step_bound
    made, sizes = [], [np.zeros(0)]
    for group in groups:
        returns = [_returns(row, options, bound) for row in group.rows]
        earned = np.concatenate([np.zeros(0), *returns])
        earned = earned[~np.isnan(earned)]
        baseline = earned.mean() if options.step_baseline == "group" and len(earned) else 0.0
        sizes.append(np.abs(reward.scale * (earned - baseline)))
        advantages = [np.nan_to_num(reward.scale * (returns_T - baseline)).astype(np.float32) for returns_T in returns]
        rows = zip(group.rows, advantages, strict=True)
        made.append(replace(group, rows=[replace(row, step_advantages=advantages_T) for row, advantages_T in rows]))
    size = np.concatenate(sizes)
    return made, {
        "step_rewards/score": mean,
        "step_rewards/steps": number / max(1, len(scores)),
        "step_rewards/advantage": float(size.mean()) if len(size) else 0.0,
    }


def _returns(row: TrainingRow, options: StepRewards, bound: float) -> np.ndarray:
    """What is earned from the step of each token on; [T], NaN where a token carries no loss.

    Tokens between two steps belong to the later one, those behind the last to that; they carry none.
    """
    import numpy as np

    returns_T = np.full(len(row.token_ids), np.nan)
    if row.steps is not None:
        returns_K = np.array(options.returns(row.steps.scores_K, bound))
        step_T = np.searchsorted(row.steps.ends_K, np.arange(len(returns_T)), side="right")
        own_T = completion_masks([row])[0]
        returns_T[own_T] = returns_K[step_T[own_T]]
    return returns_T
