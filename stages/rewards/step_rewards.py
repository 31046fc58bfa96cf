"""Rewards of the steps of a rollout, beside that of its verdict: what each token's advantage gets from its step.

With r_1 .. r_K the scores of a rollout's steps, shaped to r' by `clip_steps`, `delta_steps` or one after the other, a
token of step k gets

    A = A_outcome + alpha (R_k - b),   R_k = r'_k + ... + r'_K

The outcome's reward belongs on the last step, so all tokens of a rollout have the same of it: A_outcome, as its group
gives it. After delta R_k is the (clipped) score of step k alone, 0 for the last one: more steps earn nothing.

Clip, delta, their order and the bound (the mean score of the batch) are the paper's (Gao et al. 2024, arXiv
2410.15115). *Ours:* the paper trains with PPO, whose critic is the baseline; here A_outcome has its group, and b is the
mean of R over the trained tokens of the group (`step_baseline`), so that steps push as much down as up. How tokens'
scores make a step's (`step_score`) and where steps end (`step_end`) is ours too: the paper scores steps. Scores are
taken as they are, and alpha stands for the paper's weight of the process reward.
"""

# T completion tokens, K steps of a rollout

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple

from ..options import expect
from ..scoring.steps import StepScore
from .mixing import clip_steps, delta_steps


class Steps(NamedTuple):
    """The steps of one rollout in which the policy wrote something."""

    scores_K: list[float]
    ends_K: list[int]
    """How many tokens of the completion there are at the end of each, rising"""


@dataclass(frozen=True, kw_only=True)
class StepRewards:
    """Rewards of steps from the token scores of --scores."""

    steps: Literal["none", "clip", "delta", "clip-delta"] = "none"
    """With --scores that hold token scores: reward the steps of a rollout and not its score; each token gets what is
    earned from its step on beside the verdict's advantage. clip: min(score - bound, 0); delta: score - next score;
    clip-delta: both, so that more steps earn nothing"""

    step_bound: float | None = None
    """Where clip cuts (eta; default: the mean step score of the rollouts of each training step)"""

    step_score: StepScore | None = None
    """A step's score from those of its tokens: their sum, their mean, or the last one (default: sum for scores of
    --method implicit, else mean)"""

    step_end: str | None = None
    """What ends a step (default: what the scores were made with, else an empty line)"""

    step_baseline: Literal["group", "none"] = "group"
    """What is subtracted from the sum of rewards from a step on: its mean over the tokens of the group, or nothing"""

    def __post_init__(self) -> None:
        baseline = None if self.step_baseline == "group" else self.step_baseline
        others = {"bound": self.step_bound, "score": self.step_score, "end": self.step_end, "baseline": baseline}
        expect(
            [
                *(
                    (f"--reward.step-{name}", value, value is None or self.on, "nothing without --reward.steps")
                    for name, value in others.items()
                ),
                (
                    "--reward.step-bound",
                    self.step_bound,
                    self.step_bound is None or self.clips,
                    "nothing with --reward.steps delta, which has no bound",
                ),
                ("--reward.step-end", repr(self.step_end), self.step_end != "", "some text"),
            ]
        )

    @property
    def on(self) -> bool:
        return self.steps != "none"

    @property
    def clips(self) -> bool:
        return self.steps in ("clip", "clip-delta")

    @property
    def takes_differences(self) -> bool:
        return self.steps in ("delta", "clip-delta")

    def returns(self, scores_K: Sequence[float], bound: float) -> list[float]:
        """R_k, the sum of the shaped rewards from each step on; [K].

        Args:
            bound: eta; read where this clips.
        """
        shaped = list(scores_K)
        if self.clips:
            shaped = clip_steps(shaped, bound)
        if self.takes_differences:
            shaped = delta_steps(shaped)
        return list(accumulate(reversed(shaped)))[::-1]
