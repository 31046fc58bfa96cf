"""Putting a reward model's training together: model, data, loss, loop and the folder that comes out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...artifacts import Draft, Preference, RewardModel, Weights
from ...artifacts.files import read_json, write_json
from ..frozen import PASSES, FrozenLogprobs
from ..lora import without_adapters
from ..models import folder_of, load_policy
from ..options import variant_name
from ..pairs.preferences import write_pairs
from ..rm_training import RmTraining
from ..tokens import load_encoder
from .folder import Reference, Settings, write_settings
from .loading import load_headed
from .losses import HeadLoss, ImplicitLoss
from .methods import Implicit, Polar, RewardMethod, Token
from .polar_rows import packing_of
from .reward_rows import reward_totals
from .rows import read_data
from .showing import log_data
from .sources import Sources

if TYPE_CHECKING:
    from ..train_rm import TrainRmOptions


class RewardTraining:
    """One run of `whet train-rm` with a method that gives scores.

    Args:
        policy: what is trained further, and whose tokenizer is kept: a policy, or a reward model, whose head stays.
        options: resolved.
    """

    def __init__(self, policy: Weights, out: Draft[RewardModel], options: TrainRmOptions, method: RewardMethod) -> None:
        self.policy, self.options, self.method = policy, options, method
        self._training = RmTraining(policy, self._load, out, options, self._complete)
        self.learner = self._training.learner

    def _load(self) -> Any:
        if isinstance(self.method, Implicit):
            return load_policy(self.policy, dtype="float32")
        return load_headed(self.policy, "token" if isinstance(self.method, Token) else "bradley-terry")

    def _complete(self, folder: Path) -> None:
        write_method(folder, self.policy, self.method)

    def run(self, sources: Sources, pairs_out: Draft[Preference] | None = None) -> None:
        """Train and write the folder."""
        method = self.method
        data = read_data(self.policy, sources, method, self.options.pairing, self.options.loop.seed)
        log_data(data)
        if pairs_out is not None and pairs_out.leads:
            write_pairs(pairs_out, data.pairs)
        loss: HeadLoss | ImplicitLoss
        more: dict[str, Any] = {}
        if isinstance(method, Implicit):
            reference = self._reference()
            loss, more["prepare"] = ImplicitLoss(self.learner, method, reference), reference.prepare
        else:
            loss = HeadLoss(self.learner, method)
        self._training.train(
            len(data.units), data.units.__getitem__, reward_totals, loss, longest=data.longest,
            facts={"rollouts": data.counts, **data.facts}, **more,
        )  # fmt: skip

    def _reference(self) -> FrozenLogprobs:
        """The model that training begins from, as it is before the first step; with adapters it is what they are in."""
        learner, adapted = self.learner, bool(self.options.lora.rank)
        model = learner.model if adapted else load_policy(self.policy, dtype="float32", device=str(learner.device))
        return FrozenLogprobs(
            model, precision=learner.precision, keep=True,
            batch_tokens=PASSES * self.options.loop.pass_tokens(learner.device.type),
            inside=partial(without_adapters, model) if adapted else None,
        )  # fmt: skip


def write_method(folder: Path, policy: Weights, method: RewardMethod) -> None:
    """Complete a folder to a reward model's: reward-model.json, and what transformers' classifiers insist on.

    Args:
        folder: of a model, or of an adapter alone.
        policy: what it was trained from, and whose tokenizer it has.
    """
    encoder = load_encoder(folder_of(policy))
    file = folder / "config.json"
    if file.exists() and not isinstance(method, Implicit) and read_json(file).get("pad_token_id") is None:
        # transformers' classifiers refuse batches without one.
        write_json(file, {**read_json(file), "pad_token_id": encoder.pad_id})
    write_settings(folder, settings_for(method, policy, chat=encoder.template is not None))


def settings_for(method: RewardMethod, policy: Weights, *, chat: bool) -> Settings:
    """What the folder of a trained reward model says of itself."""
    name: Any = variant_name(type(method))
    if isinstance(method, Polar):
        return Settings(method=name, chat=False, packing=packing_of(policy, method))
    if isinstance(method, Token):
        return Settings(method=name, chat=chat, token_alignment="before")
    if isinstance(method, Implicit):
        reference = Reference(spec=policy.spec, digest=policy.digest)
        return Settings(method=name, chat=chat, beta=method.beta, reference=reference, loss=method.loss)
    return Settings(method=name, chat=chat)
