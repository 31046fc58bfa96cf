"""What a verdict is worth to a loss. Verdicts hold no rewards: they are made here, where they are used."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

from .options import Flat, expect
from .rewards.mixing import Mix, mixed
from .rewards.step_rewards import StepRewards


@dataclass(frozen=True, kw_only=True)
class Reward:
    """Rewards of verdicts; unknown ones have none, their rollouts are left out."""

    correct: float | None = None
    """Reward of a correct rollout (default: 1)"""

    incorrect: float | None = None
    """Reward of an incorrect rollout (default: 0; -1 for oreal, topr, psr, nsr and w-reinforce)"""

    invalid: float | None = None
    """Reward of an invalid rollout: truncated, without answer ... (default: 0; -1 for oreal; left out for topr, psr,
    nsr and w-reinforce)"""

    mix: Mix | None = None
    """With --scores, how a score joins the reward of its verdict. gated: sigmoid(scale * score) + reward - 1, so that
    correct ones outrank wrong ones; sum: reward + scale * score; product: reward * sigmoid(scale * score) (default:
    gated)"""

    score_scale: float | None = None
    """What scores are multiplied by there, and with --reward.steps what steps earn (alpha; default: 0.5)"""

    step_rewards: Annotated[StepRewards, Flat] = field(default_factory=StepRewards)
    """Rewards of steps"""

    def __post_init__(self) -> None:
        scale = self.score_scale
        expect([("--reward.score-scale", scale, scale is None or scale > 0, "a positive number")])

    def filled(self, defaults: tuple[float, float, float | None]) -> Reward:
        """With what is not given taken from correct, incorrect and invalid."""
        names = ("correct", "incorrect", "invalid")
        missing = {name: value for name, value in zip(names, defaults, strict=True) if getattr(self, name) is None}
        return replace(self, **missing)

    def of(self, verdict: str) -> float | None:
        """The reward of a verdict, None where there is none: the rollout is left out."""
        return None if verdict == "unknown" else getattr(self, verdict)

    @property
    def scale(self) -> float:
        """What scores, or what steps earn, are multiplied by."""
        return 0.5 if self.score_scale is None else self.score_scale

    def mixed(self, reward: float, score: float) -> float:
        """The reward of a rollout that has a score beside its verdict."""
        return mixed(reward, score, self.mix or "gated", self.scale)
