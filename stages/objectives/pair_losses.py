"""What the losses of pairs share: rows of a micro-batch put together as pairs, and the numbers that are logged.

A pair is two rows with the same unit, the chosen one with a positive reward. Both stand in one micro-batch. Losses are
divided by the pairs of the whole step (`Totals.positive_rows`).
"""

# B rows of a micro-batch, P pairs of it (B = 2 P), T completion tokens

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from ..options import Flat, expect
from ..pairing import Pairing
from . import AllDraws, Completions, Objective, Terms, Totals

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Paired(NamedTuple):
    """Sums over the trained tokens of each completion, pair by pair; those of the policy carry the gradient."""

    chosen_P: Tensor
    """ln p of the chosen completion under the policy"""

    rejected_P: Tensor
    chosen_reference_P: Tensor
    """The same under the reference; 0 where there is none"""

    rejected_reference_P: Tensor
    chosen_tokens_P: Tensor
    """How many tokens the sum is over, at least 1"""

    rejected_tokens_P: Tensor


def pair_up(completions: Completions) -> Paired:
    """The pairs of a micro-batch, in the order of their units.

    Raises:
        ValueError: rows without a unit, or a unit that is not one chosen and one rejected row.
    """
    units_B, positives_B = completions.units_B, completions.positives_B
    if units_B is None:
        raise ValueError("rows of pairs have no unit, expected the same one for chosen and rejected")
    order_B = units_B.argsort(stable=True)
    chosen_P = order_B[positives_B[order_B]]
    rejected_P = order_B[~positives_B[order_B]]
    if len(chosen_P) != len(rejected_P) or not bool((units_B[chosen_P] == units_B[rejected_P]).all()):
        raise ValueError(f"units {units_B.tolist()} are no pairs, expected a chosen and a rejected row of each")
    mask_BT, reference_BT = completions.mask_BT, completions.reference_logprobs_BT
    policy_B = (completions.logprobs_BT * mask_BT).sum(1)
    reference_B = policy_B.new_zeros(len(policy_B)) if reference_BT is None else (reference_BT * mask_BT).sum(1)
    tokens_B = mask_BT.sum(1).clamp(min=1)
    sums = (policy_B, reference_B, tokens_B)
    return Paired(*(value_B[rows_P] for value_B in sums for rows_P in (chosen_P, rejected_P)))


def preference_loss(margins_P: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """-(1 - e) ln sigmoid(m) - e ln sigmoid(-m) per pair; [P], ln 2 at m = 0.

    `margins_P`: by how much the chosen reward is above the rejected one. `label_smoothing` e: how many of the labels
    are taken to be the wrong way round. (DPO, Rafailov et al. 2023, arXiv 2305.18290, eq. 7; e: Mitchell 2023, cDPO.)
    """
    from torch.nn.functional import logsigmoid

    return -(1 - label_smoothing) * logsigmoid(margins_P) - label_smoothing * logsigmoid(-margins_P)


def rewards_shown(chosen_P: Tensor, rejected_P: Tensor, paired: Paired, totals: Totals) -> dict[str, Tensor]:
    """What is logged of implicit rewards, by TRL's names: means over the pairs of the step."""
    chosen_P, rejected_P = chosen_P.detach(), rejected_P.detach()
    values = {
        "rewards/chosen": chosen_P,
        "rewards/rejected": rejected_P,
        "rewards/accuracies": (chosen_P > rejected_P).float(),
        "rewards/margins": chosen_P - rejected_P,
        "logps/chosen": paired.chosen_P.detach(),
        "logps/rejected": paired.rejected_P.detach(),
    }
    return {name: value_P.sum() / max(totals.positive_rows, 1) for name, value_P in values.items()}


@dataclass(frozen=True, kw_only=True)
class PairOptions(Objective):
    """What every objective over pairs has: how pairs of rollouts are made."""

    pairing: Annotated[Pairing, Flat] = field(default_factory=Pairing)
    """Pairs of --rollouts"""

    needs_pairs: ClassVar[bool] = True
    learning_rate: ClassVar[float | None] = 5e-7

    @property
    def needs_reference(self) -> bool:
        return True

    def weigh(
        self, rewards_G: list[float], rng: np.random.Generator, drawn: AllDraws | None = None
    ) -> list[tuple[int, float]]:
        return [(index, 1.0 if reward > 0 else -1.0) for index, reward in enumerate(rewards_G)]


def expect_beta(beta: float, label_smoothing: float = 0.0) -> None:
    """Refuse what makes no loss of pairs."""
    expect(
        (
            ("--beta", beta, beta > 0, "a positive number"),
            ("--label-smoothing", label_smoothing, 0 <= label_smoothing < 0.5, "a share from 0 up to below 0.5"),
        )
    )


def terms_of(losses_P: Tensor, means: dict[str, Tensor], totals: Totals) -> Terms:
    """The mean over the pairs of the step."""
    return Terms({"preference": losses_P.sum() / max(totals.positive_rows, 1)}, means=means)
