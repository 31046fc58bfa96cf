"""The token reward model of OREAL beside a policy: it weighs the tokens of the policy's loss, and may learn itself.

It reads the state before each token, as `whet train-rm --method token` trains it. Trained beside the policy it learns
from the same rollouts, by the cross-entropy of right and wrong (Lyu et al. 2025, arXiv 2502.06781, eq. 12), with an
optimiser and a learning rate of its own; the policy stays as it is for the first steps.
"""

# B rows of a micro-batch, T completion tokens

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..artifacts import Weights, WrongArtifact
from ..artifacts.files import read_json, write_file, write_json
from ..artifacts.weights import TOKENIZER_FILES
from .batching import TrainingRow, pad
from .learner import Learner, parameter_groups
from .models import folder_of
from .objectives import Totals
from .optimization import Optimization
from .packing import pack, packs
from .rewards.heads import state_logits
from .rewards.token_loss import outcome_loss, sequence_logits

if TYPE_CHECKING:
    from .objectives.token_weights import TokenWeighting
    from .policy_folder import SaveDtype

BESIDE = "reward_model"
"""What the token model's weights and numbers begin with."""


class TokenReading(NamedTuple):
    """What the token model makes of a micro-batch: weights of tokens, and its own loss where it is trained."""

    positive_BT: Tensor
    negative_BT: Tensor
    loss: Tensor | None
    shown: dict[str, Tensor]
    means: dict[str, Tensor]


class TokenModel:
    """Weighs tokens.

    Args:
        model: the token model.
        trained: whether it learns; else it stays as it is.
        precision: of the network below the head.
    """

    def __init__(self, weighting: TokenWeighting, model: Any, *, trained: bool, precision: str) -> None:
        self._weighting, self._model, self._trained, self._precision = weighting, model, trained, precision
        if not trained:
            model.eval().requires_grad_(False)

    def read(self, rows: Sequence[TrainingRow], totals: Totals) -> TokenReading:
        """Weights of every trained token, detached."""
        if self._weighting.token_state == "after":
            rows = [_one_on(row) for row in rows]
        arranged = (pack if packs(self._model) else pad)(rows, self._model.device)
        with torch.set_grad_enabled(self._trained):
            logits_BT = state_logits(self._model, arranged, self._precision)
        mask_BT = arranged.mask_BT
        right_B = torch.tensor([float(row.reward > 0) for row in rows], device=logits_BT.device)
        said_B = sequence_logits(logits_BT, mask_BT)
        loss = outcome_loss(said_B, right_B, max(totals.rows, 1))
        agreed = ((said_B.detach() > 0) == (right_B > 0)).sum() / max(totals.rows, 1)
        positive_BT, negative_BT = self._weighting.weigh_tokens(logits_BT, mask_BT)
        chosen_BT = torch.where(right_B[:, None] > 0, positive_BT, negative_BT) * mask_BT
        return TokenReading(
            positive_BT,
            negative_BT,
            loss if self._trained else None,
            {f"{BESIDE}/token_weight": chosen_BT.sum()},
            {f"{BESIDE}/accuracy": agreed, f"{BESIDE}/loss": loss.detach()},
        )


def _one_on(row: TrainingRow) -> TrainingRow:
    """The row one token on: the state before its token t is that after the row's token t. Its last one is not read."""
    return replace(
        row,
        prompt_token_ids=np.concatenate([row.prompt_token_ids, row.token_ids[:1]]),
        token_ids=np.concatenate([row.token_ids[1:], row.token_ids[:1]]),
    )


class JointLearner(Learner):
    """A policy and a token model beside it: one optimiser, two learning rates, each with its own gradient norm.

    Args:
        beside: the token model.
        learning_rate: its highest; it follows the policy's schedule.
        frozen: whether the policy stays as it is in this step.
    """

    def __init__(
        self,
        model: Any,
        optimization: Optimization,
        device: str,
        *,
        beside: Any,
        learning_rate: float,
        frozen: Callable[[], bool],
    ) -> None:
        super().__init__(model, optimization, device)
        self.beside = beside.float().to(device).train()
        self._own = list(self.parameters.values())
        self._peak, self._beside_peak, self._frozen = optimization.peak, learning_rate, frozen
        named = [(name, parameter) for name, parameter in self.beside.named_parameters() if parameter.requires_grad]
        self._beside = [parameter for _, parameter in named]
        self.parameters |= {f"{BESIDE}.{name}": parameter for name, parameter in named}
        for group in parameter_groups(self._beside, optimization.weight_decay):
            if group["params"]:
                self.optimizer.add_param_group({**group, BESIDE: True})
        self.shown: dict[str, float] = {}

    @property
    def beside_has_moments(self) -> bool:
        """Whether the token model was updated before."""
        return any(parameter in self.optimizer.state for parameter in self._beside)

    def gradient_norm(self) -> float:
        """Clip the gradients of each model; the policy's norm before that, or the other's where it is no number."""
        self.unscale_gradients()
        bound = self._max_grad_norm or float("inf")
        own, beside = (
            float(torch.nn.utils.clip_grad_norm_(parameters, bound)) for parameters in (self._own, self._beside)
        )
        self.shown[f"{BESIDE}/grad_norm"] = beside
        return own if isfinite(beside) else beside

    def update(self, learning_rate: float) -> None:
        """One step of both, or of the token model alone."""
        share = learning_rate / self._peak if self._peak else 1.0
        rates = {False: learning_rate, True: self._beside_peak * share}
        for group in self.optimizer.param_groups:
            group["lr"] = rates[group.get(BESIDE, False)]
        self.shown[f"{BESIDE}/learning_rate"] = rates[True]
        if self._frozen():
            for parameter in self._own:
                parameter.grad = None
        self.optimizer.step()
        self.discard_gradients()


def write_token_model(folder: Path, learner: JointLearner, policy: Weights, dtype: SaveDtype) -> None:
    """Write the token model as `whet train-rm --method token` does: what `AutoModelForTokenClassification` loads.

    Args:
        policy: whose tokenizer it has.
    """
    from .rewards.methods import Token
    from .rewards.training import write_method

    weights = None
    if dtype != "float32":
        weights = {name: value.to(getattr(torch, dtype)) for name, value in learner.beside.state_dict().items()}
    learner.beside.save_pretrained(folder, state_dict=weights)
    write_json(folder / "config.json", {**read_json(folder / "config.json"), "dtype": dtype})
    for name in TOKENIZER_FILES:
        if (folder_of(policy) / name).is_file():
            write_file(folder / name, (folder_of(policy) / name).read_bytes())
    write_method(folder, policy, Token())


def check_token_model(model: Weights, policy: Weights) -> None:
    """Refuse what cannot weigh the tokens of this policy.

    Raises:
        WrongArtifact: no token reward model, or one with another tokenizer.
    """
    from .rewards.loading import settings_of

    method = settings_of(model).method
    if method != "token":
        raise WrongArtifact(
            f"{model.spec} is a reward model by {method}, expected one that scores tokens: whet train-rm --method token"
        )
    if model.tokenizer_digest != policy.tokenizer_digest:
        raise WrongArtifact(f"{model.spec} has another tokenizer than {policy.spec}, expected the same")
