"""What training reward models and training verifiers share: adapters, the order of the data, the loop, the folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from loguru import logger

from ..artifacts import Draft, Weights
from ..artifacts.wording import counted
from .batching import Row, Step
from .checkpoints import Progress
from .groups import Order
from .learner import Learner
from .lora import add_adapters
from .memory_needs import rm_memory
from .models import best_device, folder_of
from .objectives import Terms
from .options import variant_name
from .policy_folder import write_policy
from .preflight import of_first_step
from .spans import span_of
from .stepwise_publishing import StepwisePublishing
from .training import Training

if TYPE_CHECKING:
    from .train_rm import TrainRmOptions


class RmTraining:
    """One run of `whet train-rm`, whatever the method.

    Args:
        policy: what is trained further, and whose tokenizer is kept.
        load: loads it, in float32, with the head that the method needs.
        options: resolved.
        complete: writes into a model's folder what the method says of itself.
    """

    def __init__(
        self,
        policy: Weights,
        load: Callable[[], Any],
        out: Draft[Any],
        options: TrainRmOptions,
        complete: Callable[[Path], None],
    ) -> None:
        self._policy, self._out, self._options, self._complete = policy, out, options, complete
        model, seed = load(), options.loop.seed
        torch.manual_seed(seed)
        if options.lora.rank:
            add_adapters(model, options.lora)
        self.learner = Learner(model, options.optimization, best_device())
        torch.manual_seed(seed)

    def train(
        self,
        count: int,
        rows_of: Callable[[int], Sequence[Row]],
        totals_of: Callable[[Sequence[Row]], Any],
        loss: Callable[[Sequence[Row], Any], Terms],
        *,
        prepare: Callable[[Sequence[Row]], None] = lambda rows: None,
        longest: int,
        facts: dict[str, Any],
    ) -> None:
        """Train, and write the folder; --save-every publishes folders of the same form on the way.

        Args:
            count: what a step takes several of: rows, or pairs.
            rows_of: the rows of one of these.
            totals_of: the totals of a step's rows.
            loss: of a micro-batch.
            prepare: called with the rows of a step before they are computed.
            longest: tokens of the longest row.
            facts: for the manifest, beside those that all methods have.
        """
        options, loop, learner = self._options, self._options.loop, self.learner
        found = rm_memory(options, self._policy, longest)
        found.told()
        per_step = options.rows_per_step
        assert per_step is not None
        span = span_of(0, count, per_step, steps=loop.steps, epochs=loop.epochs)
        order = Order(count, per_step, loop.seed, span.total)
        stepwise = StepwisePublishing(
            self._out, options.saving.save_every, first=0, until=span.until, write=self._write
        )

        def step_of(step: int) -> Step[Row]:
            rows = [row for index in order.of(step) for row in rows_of(index)]
            return Step(rows=rows, totals=totals_of(rows), shown={"epoch": order.epochs(step + 1)})

        training = Training(
            learner=learner, draft=self._out, optimization=options.optimization, loop=loop, until=span.until,
            rows_of=step_of, loss=loss, packed=learner.packed, prepare=prepare, after_step=stepwise.publish,
            is_due=stepwise.is_due,
            begun=lambda metrics: of_first_step(metrics, span.until - training.progress.step).told(),
        )  # fmt: skip
        progress = training.resume(Progress())
        # A kill may have come between a checkpoint and the model that was to be published with it.
        stepwise.publish(progress.step)
        training.run()
        self._out.facts |= {
            **self._write(self._out.folder),
            "steps": progress.step,
            "trained_tokens": progress.tokens,
            "preflight": found.facts,
            **facts,
        }
        logger.info(f"{counted(progress.step, 'step')}, {counted(progress.tokens, 'trained token')}")

    def _write(self, folder: Path) -> dict[str, Any]:
        """Write the model as it is, or its adapter, with the tokenizer's files and what the method says of itself."""
        options, policy = self._options, self._policy
        write_policy(folder, self.learner, folder_of(policy), options.saving.save_dtype, lora=options.lora)
        if self._out.leads:
            self._complete(folder)
        return {
            "method": variant_name(type(options.method)),
            "tokenizer_digest": policy.tokenizer_digest,
            "chat_template_digest": policy.chat_template_digest,
        }
