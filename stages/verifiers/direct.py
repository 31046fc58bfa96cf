"""Direct mode: a verifier's label, read off the probabilities of its first token; nothing is generated.

    reader = LabelReader(model, label_ids(encoder), whitespace_ids(encoder), batch_tokens=32_768)
    for place, opinion in reader([[1, 2, 3], [1, 4]], stopping=lambda: False): ...

The probability of a label is the sum over all its single-token writings ("A", " A", "(A" ...) and over those behind one
token of white space (a new line, then "A"), whose conditional probabilities are multiplied. Writings of three tokens
and more are left out: their mass counts as that of no label.

Deviations: under bfloat16 the head is bfloat16 too; the softmax over the vocabulary is float32.
"""

# B rows, T tokens of the longest, V vocabulary

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...artifacts import WrongArtifact
from . import LABELS, Opinion
from .labels import invalid_reason

if TYPE_CHECKING:
    import torch

    from ..tokens import Encoder

LEAST_MASS = 0.5
"""Labels that share less of the probability than this were not what the model was about to write."""

CONFIDENCE_DIGITS = 4
"""More would be the rounding of one batch or another."""

_WHITE = (" ", "\n", "\n\n")
_WORTH_READING = 1e-3
"""A token of white space with less probability than this cannot bring a label any more: the row is not read again."""


def whitespace_ids(encoder: Encoder, labels: Mapping[str, str] = LABELS) -> list[int]:
    """The tokens of white space that can stand before a label: those that the encoder itself puts there."""
    found = set()
    for white in _WHITE:
        for label in labels:
            try:
                token_ids = encoder.encode(white + label)
            except WrongArtifact:  # an alphabet without new lines
                continue
            if len(token_ids) == 2 and not encoder.decode(token_ids[:1]).strip():
                found.add(token_ids[0])
    return sorted(found)


def opinion_of(
    probabilities: Mapping[str, float], labels: Mapping[str, str] = LABELS, min_confidence: float = 0.0
) -> Opinion:
    """What the probabilities of the labels say.

    confidence = p(label) / sum of all labels' p, to `CONFIDENCE_DIGITS`. Unknown where that sum is below `LEAST_MASS`,
    where two labels are equally likely, and where the confidence is below `min_confidence`.
    """
    mass = sum(probabilities.values())
    names = ", ".join(labels)
    if mass < LEAST_MASS:
        return Opinion("unknown", f"label: {names} have {mass:.2g} of the probability, expected at least {LEAST_MASS}")
    first, second = sorted(probabilities, key=lambda label: -probabilities[label])[:2]
    confidence = round(min(1.0, probabilities[first] / mass), CONFIDENCE_DIGITS)
    if probabilities[first] == probabilities[second]:
        return Opinion("unknown", f"label: {first} and {second} are equally likely", confidence)
    if confidence < min_confidence:
        reason = f"label: {first} with confidence {confidence:.2g}, below {min_confidence:g}"
        return Opinion("unknown", reason, confidence)
    verdict = labels[first]
    return Opinion(verdict, invalid_reason(first) if verdict == "invalid" else None, confidence)


class LabelReader:
    """Reads label probabilities with `model(...)`, any transformers causal model; a `Reader`.

    `batch_tokens` (rows x columns of a batch) bounds the memory and changes probabilities by rounding only.
    """

    def __init__(
        self,
        model: Any,
        ids: Mapping[str, Sequence[int]],
        white: Sequence[int] = (),
        *,
        labels: Mapping[str, str] = LABELS,
        batch_tokens: int = 32_768,
        min_confidence: float = 0.0,
    ) -> None:
        self._model, self._ids, self._white = model, ids, white
        self._labels, self._batch_tokens, self._min_confidence = labels, batch_tokens, min_confidence
        parameters = inspect.signature(model.forward).parameters
        self._keeps_last = "logits_to_keep" in parameters
        self._takes_positions = "position_ids" in parameters

    def __call__(self, prompts: list[list[int]], stopping: Callable[[], bool]) -> Iterator[tuple[int, Opinion]]:
        for places in batches([len(prompt) + 1 for prompt in prompts], self._batch_tokens):
            if stopping():
                return
            read = self.probabilities([prompts[place] for place in places])
            for place, found in zip(places, read, strict=True):
                yield place, opinion_of(found, self._labels, self._min_confidence)

    def probabilities(self, prompts: list[list[int]]) -> list[dict[str, float]]:
        """The probability of every label after each of these prompts, read in one batch (two where white space is)."""
        logprobs_BV = self._last_logprobs(prompts)
        found = self._sums(logprobs_BV)
        for white in self._white:
            chances = logprobs_BV[:, white].exp().tolist()
            rows = [row for row, chance in enumerate(chances) if chance >= _WORTH_READING]
            if rows:
                behind = self._sums(self._last_logprobs([[*prompts[row], white] for row in rows]))
                for row, sums in zip(rows, behind, strict=True):
                    found[row] = {label: found[row][label] + chances[row] * sums[label] for label in found[row]}
        return found

    def _sums(self, logprobs_BV: torch.Tensor) -> list[dict[str, float]]:
        columns = [logprobs_BV[:, list(ids)].exp().sum(1).tolist() for ids in self._ids.values()]
        return [dict(zip(self._ids, row, strict=True)) for row in zip(*columns, strict=True)]

    def _last_logprobs(self, prompts: list[list[int]]) -> torch.Tensor:
        """ln p of the token after each prompt; float32 [B, V]. Only the last position is projected."""
        import torch

        # Padding stands on the left, so that every row's last token stands in the last column.
        width = max(map(len, prompts))
        tokens_BT = torch.zeros(len(prompts), width, dtype=torch.long)
        mask_BT = torch.zeros(len(prompts), width, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            tokens_BT[row, width - len(prompt) :] = torch.tensor(prompt)
            mask_BT[row, width - len(prompt) :] = 1
        device = self._model.device
        more: dict[str, Any] = {"logits_to_keep": 1} if self._keeps_last else {}
        if min(map(len, prompts)) < width:
            more["attention_mask"] = mask_BT.to(device)
            if self._takes_positions:
                more["position_ids"] = (mask_BT.cumsum(1) - 1).clamp_(min=0).to(device)
        with torch.inference_mode():
            logits_BV = self._model(input_ids=tokens_BT.to(device), use_cache=False, **more).logits[:, -1]
            return logits_BV.float().log_softmax(-1)


def batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Places in batches of at most `batch_tokens` (rows x longest), longest first; a longer row is a batch alone."""
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    start = 0
    while start < len(order):
        rows = max(1, batch_tokens // lengths[order[start]])
        yield order[start : start + rows]
        start += rows
