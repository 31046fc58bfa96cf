"""Token rewards that a frozen model gives under principles: what `--objective inverse-q` imitates.

Prompts get a principle put in, the completion's tokens stay; two or three forward passes, no drawing. Only trained
tokens of the completion are looked at, so nothing is asked behind an end token.
"""

# N trained tokens of some rows, C tokens of a chunk, W width of the hidden state, V vocabulary

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..artifacts import Artifact, Message, Rollout, WrongArtifact, WrongOption
from .batching import TrainingRow, pad, row_batches
from .objectives.inverse_q import InverseQ, auto_rewards
from .rollouts import ragged
from .tokens import Encoder, PromptFormat

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_ELEMENTS_AT_ONCE = 1 << 22
"""Logits of one model that exist at one time."""


def with_texts(objective: InverseQ) -> InverseQ:
    """The objective with its principles' texts, where the path of a file was given.

    Raises:
        WrongOption: an empty file.
    """
    texts = {}
    for name in ("principle", "anti_principle"):
        text = getattr(objective, name)
        if "\n" not in text and len(text) < 4096 and Path(text).is_file():
            texts[name] = Path(text).read_text(encoding="utf-8").strip()
            if not texts[name]:
                raise WrongOption(f"--{name.replace('_', '-')} {text} is an empty file, expected a text")
    return replace(objective, **texts)


def told(messages: Sequence[Message], principle: str, place: Literal["system", "question"]) -> list[Message]:
    """Messages with a principle: at the head of the system message, or of the first one that is not the system's."""
    rest = list(messages)
    at = 0
    if place == "system":
        if not rest or rest[0]["role"] != "system":
            return [{"role": "system", "content": principle}, *rest]
    else:
        at = next((index for index, message in enumerate(rest) if message["role"] != "system"), 0)
    rest[at] = {"role": rest[at]["role"], "content": f"{principle}\n\n{rest[at]['content']}"}
    return rest


class ConditionedPrompts:
    """The prompts of problems with principles put in, found by the tokens of the prompt as it was asked."""

    def __init__(self, encoder: Encoder, objective: InverseQ) -> None:
        self._encoder = encoder
        self._place: Literal["system", "question"] = objective.principle_place
        self._principles = [objective.principle]
        if objective.target == "contrast":
            self._principles.append(objective.anti_principle)
        self._known: dict[bytes, list[np.ndarray]] = {}

    def add(self, asked: Sequence[int], messages: Sequence[Message], prompt_format: PromptFormat) -> None:
        """Remember how a prompt reads under each principle."""
        import numpy as np

        key = np.array(asked, np.int32).tobytes()
        if key not in self._known:
            made = (told(messages, principle, self._place) for principle in self._principles)
            ids = (self._encoder.encode_prompt(one, prompt_format) for one in made)
            self._known[key] = [np.array(one, np.int32) for one in ids]

    def add_problems(self, problems: Iterable[Any]) -> None:
        """Of problems that will be drawn, in the form that they are asked in."""
        prompt_format: PromptFormat = "raw" if self._encoder.template is None else "chat"
        for problem in problems:
            asked = self._encoder.encode_prompt(problem["messages"], prompt_format)
            self.add(asked, problem["messages"], prompt_format)

    def add_rollouts(self, rollouts: Sequence[Artifact[Rollout]]) -> None:
        """Of rollouts that were drawn before.

        Raises:
            WrongArtifact: a prompt is not what the tokenizer makes of its problem.
        """
        default: PromptFormat = "raw" if self._encoder.template is None else "chat"
        for artifact in rollouts:
            facts = artifact.manifest.facts
            prompt_format = facts.get("prompt_format") or (facts.get("encoding") or {}).get("prompt_format") or default
            problems, seen = artifact.problems(), set[bytes]()
            for batch in artifact.batches(["problem_id", "prompt_token_ids"]):
                keys = batch.column("problem_id").to_pylist()
                for key, asked in zip(keys, ragged(batch.column("prompt_token_ids")), strict=True):
                    if asked is None or asked.tobytes() in seen:
                        continue
                    seen.add(asked.tobytes())
                    messages = problems[key]["messages"]
                    if self._encoder.encode_prompt(messages, prompt_format) != asked.tolist():
                        raise WrongArtifact(
                            f"{artifact.path}: a prompt is not what this tokenizer makes of its problem ({key}), so no "
                            "principle can be put into it: expected rollouts of this policy's own prompts"
                        )
                    self.add(asked.tolist(), messages, prompt_format)

    def of(self, row: TrainingRow) -> list[TrainingRow]:
        """The row behind each of the prompts."""
        import numpy as np

        prompts = self._known[np.asarray(row.prompt_token_ids, np.int32).tobytes()]
        return [replace(row, prompt_token_ids=prompt) for prompt in prompts]


class ConditionedRewards:
    """Rewards of every trained token of rows, under a frozen model.

    Args:
        model: the reference, a transformers causal language model.
        batch_tokens: tokens of one pass, padding included.
        keep: hold on to them, in memory, for later epochs (4 bytes a token); else only for the step.
        inside: what the passes run in; turns off the adapters of a model that is trained through them.
        add_up: adds up numbers over all processes.
    """

    def __init__(
        self,
        model: Any,
        objective: InverseQ,
        prompts: ConditionedPrompts,
        *,
        temperature: float = 1.0,
        precision: str = "float32",
        batch_tokens: int = 8192,
        keep: bool = False,
        inside: Callable[[], AbstractContextManager[Any]] | None = None,
        add_up: Callable[[dict[str, float]], dict[str, float]] = lambda values: values,
    ) -> None:
        self._model, self._objective, self.prompts = model, objective, prompts
        self._temperature, self._precision, self._batch_tokens = temperature, precision, batch_tokens
        self._keep, self._inside, self._add_up = keep, inside or nullcontext, add_up
        self._known: dict[str, np.ndarray] = {}
        self._mean, self._scale = 0.0, 1.0

    def prepare(self, rows: Sequence[TrainingRow]) -> None:
        """Compute what is not known yet of a step's rows, and how they are whitened."""
        import torch

        if not self._keep:
            self._known = {}
        missing = list({row.rollout_id: row for row in rows if row.rollout_id not in self._known}.values())
        training = self._model.training
        self._model.eval()
        with torch.no_grad(), self._inside():
            for batch in row_batches([self.prompts.of(row)[0] for row in missing], self._batch_tokens):
                self._compute([missing[index] for index in batch.indices])
        self._model.train(training)
        if self._objective.whiten:
            self._whiten(rows)

    def of(self, rows: Sequence[TrainingRow], width: int, device: Any = "cpu") -> Tensor:
        """The rewards of prepared rows; float32 [B, T], 0 where a token is not trained."""
        import torch

        rewards_BT = torch.full((len(rows), width), torch.nan)
        for index, row in enumerate(rows):
            known_T = torch.from_numpy(self._known[row.rollout_id])
            rewards_BT[index, : len(known_T)] = known_T
        nothing_BT = rewards_BT.isnan()
        return ((rewards_BT - self._mean) / self._scale).masked_fill(nothing_BT, 0.0).to(device)

    def _whiten(self, rows: Sequence[TrainingRow]) -> None:
        """Mean and standard deviation over the trained tokens of the step, in float64."""
        import numpy as np

        found = np.concatenate([self._known[row.rollout_id] for row in rows] or [np.empty(0)]).astype(np.float64)
        found = found[~np.isnan(found)]
        sums = self._add_up({"number": len(found), "sum": found.sum(), "square": np.square(found).sum()})
        number = max(sums["number"], 1)
        self._mean = float(sums["sum"] / number)
        self._scale = float(max(sums["square"] / number - self._mean**2, 0.0) ** 0.5) + 1e-8

    def _compute(self, rows: Sequence[TrainingRow]) -> None:
        import numpy as np

        from .token_logprobs import scale_of

        objective = self._objective
        told = zip(*(self.prompts.of(row) for row in rows), strict=True)
        arranged = [pad(one, self._model.device) for one in (rows, *map(list, told))]
        hidden = [self._hidden(one) for one in arranged]
        head, temperature = self._model.get_output_embeddings(), self._temperature / scale_of(self._model)
        reference_N, target_N = target_logprobs(
            hidden, head.weight, arranged[0].targets_N, objective.contrast_weight,
            partition=objective.partition, temperature=temperature, bias_V=getattr(head, "bias", None),
        )  # fmt: skip
        rewards_N = auto_rewards(target_N, reference_N, objective.beta, objective.reward_limit)
        mask_BT = arranged[0].mask_BT.cpu().numpy()
        spread_BT = np.full(mask_BT.shape, np.nan, np.float32)
        spread_BT[mask_BT] = rewards_N.cpu().numpy()
        for row, rewards_T in zip(rows, spread_BT, strict=True):
            self._known[row.rollout_id] = rewards_T[: len(row.token_ids)].copy()

    def _hidden(self, padded: Any) -> Tensor:
        """Hidden states of the positions that predict the trained tokens; [N, W]."""
        import torch

        device = padded.tokens_BS.device.type
        half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self._precision)
        with torch.autocast(device, dtype=half or torch.bfloat16, enabled=half is not None):
            hidden_BSW = self._model.get_decoder()(input_ids=padded.tokens_BS, use_cache=False).last_hidden_state
        return hidden_BSW[padded.rows_N, padded.places_N].float()


def target_logprobs(
    hidden: Sequence[Tensor], weight_VW: Tensor, targets_N: Tensor, contrast_weight: float = 1.0, *,
    partition: bool = True, temperature: float = 1.0, bias_V: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """ln pi_ref and ln pi* of each token; float32 [N] each.

    Of two hidden states (plain, under the principle) pi* is the second's distribution. Of three (plain, p+, p-):
    ln pi* = ln pi_ref + w (ln pi_p+ - ln pi_p-) - ln Z, Z = sum over the vocabulary of the exponential of the rest;
    without `partition` ln Z is left out. Computed in chunks of tokens: few [C, V] tensors exist at a time.
    """
    import torch

    rows = max(1, _ELEMENTS_AT_ONCE // len(weight_VW))
    references, targets = [], []
    for start in range(0, len(targets_N), rows):
        targets_C1 = targets_N[start : start + rows, None]
        logprobs = []
        for hidden_NW in hidden:
            logits_CV = torch.nn.functional.linear(hidden_NW[start : start + rows], weight_VW.float(), bias_V)
            logprobs.append((logits_CV / temperature).log_softmax(-1))
        references.append(logprobs[0].gather(1, targets_C1)[:, 0])
        if len(hidden) == 2:
            targets.append(logprobs[1].gather(1, targets_C1)[:, 0])
            continue
        mixed_CV = logprobs[0] + contrast_weight * (logprobs[1] - logprobs[2])
        target_C = mixed_CV.gather(1, targets_C1)[:, 0]
        targets.append(target_C - mixed_CV.logsumexp(-1) if partition else target_C)
    return torch.cat(references), torch.cat(targets)
