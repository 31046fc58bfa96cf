"""Advantages: rewards against their group.

Means are taken in float64, where that of equal float32 rewards is exactly theirs: in float32 the rounding of 0.7 in a
group of 12, divided by its own deviation, would be an advantage of 0.9.
"""

# G rollouts of one problem

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ...artifacts.wording import counted
from . import AllDraws, Objective

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


Advantage = Literal["z-score", "centred", "rloo"]


def rloo(rewards_G: Tensor) -> Tensor:
    """Each reward minus the mean of the others: A_i = r_i - sum_{j != i} r_j / (G - 1).

    [G] -> [G], in units of reward. G is at least 2. (RLOO, Ahmadian et al. 2024, arXiv 2402.14740, eq. 6.)
    """
    _refuse_single(rewards_G)
    exact_G = rewards_G.double()
    return (exact_G - (exact_G.sum() - exact_G) / (len(exact_G) - 1)).float()


def z_score(rewards_G: Tensor) -> Tensor:
    """A_i = (r_i - mean) / (std + 1e-8), std with the G - 1 denominator.

    [G] -> [G], without unit; zeros where all rewards are equal. G is at least 2. (GRPO, Shao et al. 2024, arXiv
    2402.03300, sec. 4.1.)
    """
    _refuse_single(rewards_G)
    exact_G = rewards_G.double()
    return ((exact_G - exact_G.mean()) / (exact_G.std() + 1e-8)).float()


def centred(rewards_G: Tensor) -> Tensor:
    """A_i = r_i - mean: no bias towards problems that are nearly always or nearly never solved.

    [G] -> [G], in units of reward. (Dr. GRPO, Liu et al. 2025, arXiv 2503.20783, sec. 3.2.)
    """
    exact_G = rewards_G.double()
    return (exact_G - exact_G.mean()).float()


def of_all_draws(rewards_G: Tensor, drawn: AllDraws, *, leave_one_out: bool) -> Tensor:
    """A_i = r_i - the mean over all draws of the problem, for a group that was chosen from them by its verdicts.

    [G] -> [G], in units of reward. No standard deviation: one hit in 512 draws would be multiplied by 22.6.
    (Reinforce-Ada, Xiong et al. 2025.) `leave_one_out`: minus the mean of the others, which is N / (N - 1) as much.
    """
    advantages_G = rewards_G - drawn.mean_reward
    return advantages_G * (drawn.total / (drawn.total - 1)) if leave_one_out and drawn.total > 1 else advantages_G


def _refuse_single(rewards_G: Tensor) -> None:
    if len(rewards_G) < 2:
        raise ValueError(f"a group of {counted(len(rewards_G), 'rollout')} has no baseline, expected at least 2")


ADVANTAGES = {"z-score": z_score, "centred": centred, "rloo": rloo}


@dataclass(frozen=True, kw_only=True)
class GroupRelative(Objective):
    """An objective whose advantages compare the rollouts of a problem."""

    advantage: Advantage = "z-score"
    """How a reward is compared with its group: GRPO, Dr. GRPO, leave-one-out"""

    leave_out_uniform: bool = False
    """Groups whose rewards are all alike do not count: not in what sums are divided by, nor in the penalty"""

    in_groups: ClassVar[bool] = True
    needs_verdicts: ClassVar[bool] = True
    graded: ClassVar[bool] = True

    @property
    def standardises(self) -> bool:
        return self.advantage == "z-score"

    def weigh(
        self, rewards_G: list[float], rng: np.random.Generator, drawn: AllDraws | None = None
    ) -> list[tuple[int, float]]:
        """Every rollout of the group with its advantage; none where --leave-out-uniform holds."""
        import torch

        rewards = torch.tensor(rewards_G, dtype=torch.float32)
        if self.leave_out_uniform and drawn is None and len(set(rewards_G)) == 1:
            return []
        if drawn is not None:
            return list(enumerate(of_all_draws(rewards, drawn, leave_one_out=self.advantage == "rloo").tolist()))
        return list(enumerate(ADVANTAGES[self.advantage](rewards).tolist()))
