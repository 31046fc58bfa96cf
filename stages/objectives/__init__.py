"""Policy losses and advantages, one paper a file, pure.

An objective is a dataclass of its own options with two methods: `weigh` chooses the rollouts of a group and gives
each its advantage, before the step is cut into micro-batches; `terms` is the loss of one micro-batch, divided by the
totals of the whole step, so that the terms of all micro-batches add up to the step's loss. A rollout counts as
positive where its reward is above 0.
"""

# B rows of a micro-batch, T completion tokens, G rollouts of a group

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What the rows of one optimiser step count, over all its micro-batches and processes. Tokens are trained ones."""

    rows: int
    tokens: int
    positive_rows: int = 0
    negative_rows: int = 0
    positive_tokens: int = 0
    negative_tokens: int = 0
    learnt_negative_rows: int = 0
    """Negative rows with a token that carries loss"""

    along: float = 0.0
    """How much of the training is done, 0 at its first step and 1 at its last"""


class AllDraws(NamedTuple):
    """All that was drawn of a problem, where the rows of its group were chosen from it by their verdicts."""

    total: int
    correct: int
    mean_reward: float


@dataclass(kw_only=True)
class Completions:
    """The completions of one micro-batch, each from its first token on; float32 except the masks."""

    logprobs_BT: Tensor
    """ln p of each token under the policy now, 0 where the mask is off; carries the gradient"""

    mask_BT: Tensor
    """bool: the tokens that are trained"""

    advantages_B: Tensor
    """Of each rollout"""

    positives_B: Tensor
    """bool: the reward is above 0"""

    step_advantages_BT: Tensor | None = None
    """What each token's advantage gets from its step besides; None where steps have no rewards"""

    old_logprobs_BT: Tensor | None = None
    """Before the update: what the proximal ratio is taken to"""

    sampled_logprobs_BT: Tensor | None = None
    """The sampler's own record, of the distribution that the tokens were drawn from"""

    reference_logprobs_BT: Tensor | None = None
    teacher_logprobs_BT: Tensor | None = None
    token_rewards_BT: Tensor | None = None
    """A reward of each token itself, without gradient"""

    units_B: Tensor | None = None
    """int64: rows with the same number belong together (a pair)"""

    entropies_BT: Tensor | None = None
    """Entropy of the policy's distribution at each token, in nats; carries the gradient"""

    positive_weights_BT: Tensor | None = None
    """A weight per token where the rollout is positive; None is 1"""

    negative_weights_BT: Tensor | None = None

    @property
    def token_advantages(self) -> Tensor:
        """Of each token; [B, 1] where all tokens of a rollout have the same."""
        advantages_B1 = self.advantages_B[:, None]
        return advantages_B1 if self.step_advantages_BT is None else advantages_B1 + self.step_advantages_BT


@dataclass
class Terms:
    """Parts of a loss, and what is logged beside them; both add up over the micro-batches of a step."""

    losses: dict[str, Tensor]
    shown: dict[str, Tensor] = field(default_factory=dict)
    """Sums over trained tokens; their means are logged"""

    means: dict[str, Tensor] = field(default_factory=dict)
    """Parts of a mean over the whole step, divided by one of its totals already; what they add up to is logged"""

    beside: Tensor | None = None
    """The loss of a model that is trained beside the policy"""


class Objective(ABC):
    """What a policy is trained for; what most objectives are like is the default."""

    in_groups: ClassVar[bool] = False
    """Advantages compare the rollouts of one problem"""

    needs_verdicts: ClassVar[bool] = False
    needs_pairs: ClassVar[bool] = False
    """Rows come two by two, chosen and rejected"""

    needs_teacher: ClassVar[bool] = False
    """Log-probabilities of a teacher"""

    learns_alone: ClassVar[bool] = False
    """Own rollouts teach it without verdicts"""

    chooses: ClassVar[bool] = False
    """`weigh` draws among rollouts, and is told which of them carry no loss (`silent_G`)"""

    graded: ClassVar[bool] = False
    """How much a rollout is rewarded matters, not only whether"""

    uses_ratios: ClassVar[bool] = False
    """The loss needs the log-probabilities of the distribution that the tokens were drawn from"""

    at_sampling_temperature: ClassVar[bool] = False
    """The policy trained is the one that was sampled: logits divided by the sampling temperature"""

    rewards: ClassVar[tuple[float, float, float | None]] = (1.0, 0.0, 0.0)
    """The rewards of correct, incorrect and invalid rollouts that it is made for; None leaves its rollouts out"""

    learning_rate: ClassVar[float | None] = None
    """Its own default"""

    undivided: ClassVar[str] = "--advantage centred"
    """The option under which one that standardises does so no more"""

    @property
    def needs_reference(self) -> bool:
        """Whether log-probabilities of a reference policy enter."""
        return False

    @property
    def needs_record(self) -> bool:
        """Whether the sampler's own log-probabilities enter."""
        return False

    @property
    def needs_entropies(self) -> bool:
        return False

    @property
    def needs_all_rows(self) -> bool:
        """Whether rows without an advantage matter too."""
        return self.needs_reference or self.needs_entropies or self.needs_teacher

    @property
    def standardises(self) -> bool:
        """Whether advantages are divided by the standard deviation of their group."""
        return False

    @property
    def takes_step_rewards(self) -> bool:
        """Whether advantages may differ from token to token."""
        return False

    def weigh(
        self, rewards_G: list[float], rng: np.random.Generator, drawn: AllDraws | None = None
    ) -> list[tuple[int, float]]:
        """The rollouts of a group that are trained on, each with its advantage.

        `drawn`: what the group was chosen from; the baseline is then the mean over all of that.
        """
        return [(index, 1.0) for index in range(len(rewards_G))]

    @abstractmethod
    def terms(self, completions: Completions, totals: Totals) -> Terms:
        """The loss of one micro-batch."""

    def remark(self, metrics: Mapping[str, float]) -> str | None:
        """What a user must know of a step's numbers."""
        return None
