"""Chain-of-thought mode: a verifier writes its reasons and a verdict, greedily; the verdict is parsed strictly.

    thinker = Thinker(engine, encoder.decode, max_tokens=2048)
    for place, opinion in thinker([[1, 2, 3]], stopping=lambda: False): ...

The engine is one of those that draw rollouts; what it wrote is kept in the opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..sampling import Sampling
from . import LABELS, Opinion
from .labels import read_label

if TYPE_CHECKING:
    from ..engines import Engine


class Thinker:
    """Lets an engine write; a `Reader`."""

    def __init__(
        self,
        engine: Engine,
        decode: Callable[[list[int]], str],
        *,
        labels: Mapping[str, str] = LABELS,
        max_tokens: int = 2048,
    ) -> None:
        self._engine, self._decode, self._labels = engine, decode, labels
        self._sampling = Sampling(temperature=0.0, max_tokens=max_tokens)

    def __call__(self, prompts: list[list[int]], stopping: Callable[[], bool]) -> Iterator[tuple[int, Opinion]]:
        from ..engines import Request

        requests = [Request(place, prompt, seed=0) for place, prompt in enumerate(prompts)]
        for completion in self._engine.sample(requests, self._sampling, stopping):
            if completion.finish_reason is not None:
                text = self._decode(completion.token_ids)
                yield completion.request.index, written_opinion(text, completion.finish_reason, self._labels)


def written_opinion(text: str, finish_reason: str | None, labels: Mapping[str, str] = LABELS) -> Opinion:
    """The opinion that a text gives; one that was cut before its verdict gives none."""
    verdict, reason = read_label(text, labels)
    if verdict == "unknown" and finish_reason == "length":
        reason = "label: the verifier was cut before its verdict"
    return Opinion(verdict, reason, None, text)
