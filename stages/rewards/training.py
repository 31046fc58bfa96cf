"""Putting a reward model's training together: model, data, loss, loop and the folder that comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...artifacts import Draft, Preference, RewardModel, Weights
from ...artifacts.files import read_json, write_json
from ..batching import Step
from ..checkpoints import Progress
from ..frozen import PASSES, FrozenLogprobs
from ..groups import Order
from ..learner import Learner
from ..models import best_device, folder_of, load_policy
from ..options import variant_name
from ..pairs.preferences import write_pairs
from ..policy_folder import write_policy
from ..supply import span_of
from ..tokens import load_encoder
from ..training import Training
from .folder import Reference, Settings, write_settings
from .loading import load_headed
from .losses import HeadLoss, ImplicitLoss
from .methods import Implicit, Polar, RewardMethod, Token
from .polar_rows import packing_of
from .reward_rows import RewardRow, reward_totals
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
        self.policy, self.out, self.options, self.method = policy, out, options, method
        if isinstance(method, Implicit):
            model = load_policy(policy, dtype="float32")
        else:
            model = load_headed(policy, "token" if isinstance(method, Token) else "bradley-terry")
        self.learner = Learner(model, options.optimization, best_device())
        torch.manual_seed(options.loop.seed)

    def run(self, sources: Sources, pairs_out: Draft[Preference] | None = None) -> None:
        """Train and write the folder."""
        from loguru import logger

        options, method = self.options, self.method
        data = read_data(self.policy, sources, method, options.pairing, options.loop.seed)
        log_data(data)
        if pairs_out is not None and pairs_out.leads:
            write_pairs(pairs_out, data.pairs)
        per_step = options.rows_per_step
        assert per_step is not None
        span = span_of(0, 0, len(data.units), per_step, options.loop.steps, options.loop.epochs)
        order = Order(len(data.units), per_step, options.loop.seed, span.total)
        reference = self._reference() if isinstance(method, Implicit) else None
        loss: Any
        if isinstance(method, Implicit):
            assert reference is not None
            loss = ImplicitLoss(self.learner, method, reference)
        else:
            loss = HeadLoss(self.learner, method)

        def rows_of(step: int) -> Step[RewardRow]:
            rows = [row for index in order.of(step) for row in data.units[index]]
            if reference is not None:
                reference.prepare(rows)
            return Step(rows=rows, totals=reward_totals(rows), shown={"epoch": order.epochs(step + 1)})

        training = Training(
            learner=self.learner, draft=self.out, optimization=options.optimization, loop=options.loop,
            until=span.until, rows_of=rows_of, loss=loss, packed=self.learner.packed,
        )  # fmt: skip
        progress = training.resume(Progress())
        training.run()
        self._write()
        logger.info(f"{progress.step:,} steps, {progress.tokens:,} trained tokens")
        self.out.facts |= {
            "method": variant_name(type(method)),
            "steps": progress.step,
            "trained_tokens": progress.tokens,
            "tokenizer_digest": self.policy.tokenizer_digest,
            "chat_template_digest": self.policy.chat_template_digest,
            "rollouts": data.counts,
            **data.facts,
        }

    def _reference(self) -> FrozenLogprobs:
        """The model that training begins from, as it is before the first step."""
        tokens = self.options.loop.pass_tokens(self.learner.device.type)
        return FrozenLogprobs(
            load_policy(self.policy, dtype="float32", device=str(self.learner.device)),
            precision=self.learner.precision, batch_tokens=PASSES * tokens, keep=True,
        )  # fmt: skip

    def _write(self) -> None:
        """The folder: the model, the tokenizer's files, reward-model.json."""
        write_policy(self.out.folder, self.learner, folder_of(self.policy), self.options.save_dtype)
        if self.out.leads:
            write_method(self.out.folder, self.policy, self.method)


def write_method(folder: Path, policy: Weights, method: RewardMethod) -> None:
    """Complete a model folder to a reward model's: reward-model.json, and what transformers' classifiers insist on.

    Args:
        policy: what it was trained from, and whose tokenizer it has.
    """
    encoder = load_encoder(folder_of(policy))
    config = read_json(folder / "config.json")
    if config.get("pad_token_id") is None and not isinstance(method, Implicit):
        # transformers' classifiers refuse batches without one.
        write_json(folder / "config.json", {**config, "pad_token_id": encoder.pad_id})
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
        return Settings(method=name, chat=chat, beta=method.beta, reference=reference)
    return Settings(method=name, chat=chat)
