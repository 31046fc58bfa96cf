"""vllm as the engine of a trainer: a copy of the weights that is brought up to date in place before each draw.

An update that leaves a layer behind raises no error in vllm (with tied embeddings on a CPU its output layer keeps a
packed copy): so after every update the log-probabilities of a few tokens are held against a forward pass of the
trainer. A small learning rate moves them by less than rounding in one step; a layer left behind is found when what it
missed adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...artifacts import Failed, WrongOption
from ..batching import TrainingRow, pad
from ..lora import has_adapters, merged_weights
from ..models import without_dropout
from ..sampling import Sampling
from . import Completion, Ended, NotNumbers, Request

if TYPE_CHECKING:
    from ..learner import Learner
    from .options import VllmOptions

PARITY = {"float32": 1e-3, "float16": 0.01, "bfloat16": 0.05}
"""Nats that the mean absolute difference of log-probabilities may have, by precision. bfloat16 keeps 8 bits: kernels
that add up in another order differ by some hundredths."""

_PROMPTS, _PROMPT_TOKENS, _TOKENS = 4, 8, 8


class FollowingVllm:
    """Draws rollouts with vllm from the weights that a learner has; an `Engine`.

    Args:
        folder: the policy that the training started from.
    """

    def __init__(self, learner: Learner, folder: Path, end_token_ids: Iterable[int], options: VllmOptions) -> None:
        if learner.processes.count > 1:
            raise WrongOption(
                f"--engine vllm serves one process, and {learner.processes.count} train here: give --engine decode"
            )
        from .vllm import VllmEngine

        self._learner = learner
        self._sleeps = learner.device.type == "cuda"
        sleeping = {"enable_sleep_mode": True} if self._sleeps else {}
        self._engine = VllmEngine(
            folder,
            end_token_ids,
            precision=learner.precision,
            gpu_memory_utilization=options.gpu_memory_utilization,
            max_model_len=options.max_model_len,
            arguments={**sleeping, **options.arguments},
        )
        self._asleep = False

    def refresh(self) -> None:
        """Give the engine the weights as they are.

        Raises:
            Failed: its log-probabilities are not those of the trainer.
        """
        if self._asleep:
            self._engine.wake()
            self._asleep = False
        self._engine.update(weights_of(self._learner.model))
        self._check()

    def rest(self) -> None:
        """Leave the memory of a GPU to the trainer."""
        if self._sleeps and not self._asleep:
            self._engine.sleep()
            self._asleep = True

    def sample(
        self,
        requests: Iterable[Request],
        sampling: Sampling,
        stopping: Callable[[], bool] = lambda: False,
        ended: Ended | None = None,
    ) -> Iterator[Completion]:
        """Draw every request, yielding each as it ends; see `Engine`."""
        return self._engine.sample(requests, sampling, stopping, ended)

    def _check(self) -> None:
        import numpy as np
        import torch

        vocabulary = self._learner.model.config.vocab_size
        prompts = np.random.default_rng(0).integers(0, vocabulary, (_PROMPTS, _PROMPT_TOKENS)).astype(np.int32)
        requests = [Request(index, prompt.tolist(), seed=index) for index, prompt in enumerate(prompts)]
        try:
            drawn = list(self._engine.sample(requests, Sampling(max_tokens=_TOKENS)))
        except NotNumbers:
            raise _refused("NaN") from None
        rows = [
            TrainingRow(
                rollout_id=str(completion.request.index),
                prompt_token_ids=prompts[completion.request.index],
                token_ids=np.array(completion.token_ids, np.int32),
            )
            for completion in drawn
        ]
        with torch.no_grad(), without_dropout(self._learner.model):
            padded = pad(rows, self._learner.device)
            expected_BT = self._learner.logprobs(padded).float().cpu().numpy()
        found = np.concatenate([completion.logprobs for completion in drawn])
        expected = np.concatenate([expected_BT[place, : len(row.token_ids)] for place, row in enumerate(rows)])
        distance, allowed = float(np.abs(found - expected).mean()), PARITY[self._learner.precision]
        if not distance <= allowed:
            expected = f"expected at most {allowed:g} in {self._learner.precision}"
            raise _refused(f"{distance:.2g} nats from those of the trainer (mean of {len(found)} tokens), {expected}")


def _refused(found: str) -> Failed:
    return Failed(
        f"after an update of its weights vllm's log-probabilities are {found}: a layer of the engine kept old weights, "
        "lost them or computes otherwise; train with --engine decode"
    )


def weights_of(model: Any) -> Iterator[tuple[str, Any]]:
    """The weights by the names of a checkpoint, tied ones once, adapters in training added to theirs."""
    if has_adapters(model):
        yield from merged_weights(model).items()
        return
    tied = bool(getattr(model.config, "tie_word_embeddings", False))
    for name, tensor in model.state_dict().items():
        if not (tied and name == "lm_head.weight"):
            yield name, tensor
