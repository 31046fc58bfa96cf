"""How rollouts are made, one module an engine.

An engine is given requests (encoded prompts with a seed each) and yields completions in any order:

    engine = DecodeLoop(model, end_token_ids=[2])
    for completion in engine.sample(requests, Sampling(max_tokens=64), stopping=lambda: False): ...

What a request gives depends on its prompt, its seed and the sampling options alone: not on the other requests, their
order, or on whether it was stopped and continued.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...artifacts import Failed

if TYPE_CHECKING:
    from ..sampling import Sampling


class Foreign(NamedTuple):
    """Tokens start..end of a rollout that the policy did not write."""

    start: int
    end: int
    origin: str
    """prefill: put into its mouth; environment: put between its turns"""


@dataclass(slots=True)
class Request:
    """One rollout to be drawn, or to be continued where a stop left it."""

    index: int
    """The caller's own number for it"""

    prompt_token_ids: list[int]
    seed: int
    """63 bits; with a token's position it fixes the number that draws the token"""

    prefix_token_ids: list[int] = field(default_factory=list)
    prefix_logprobs: list[float] = field(default_factory=list)
    prefix_sampling_logprobs: list[float] = field(default_factory=list)
    max_tokens: int | None = None
    """Tokens at most, the prefix included; None: as `Sampling` says"""

    foreign: list[Foreign] = field(default_factory=list)
    """The parts of the prefix that the policy did not write"""


@dataclass(slots=True)
class Completion:
    """What was drawn for a request; the prefix it came with is included."""

    request: Request
    token_ids: list[int]
    """The end token included"""

    logprobs: list[float]
    """ln p of each token under the policy itself, temperature 1; empty where a server does not say"""

    sampling_logprobs: list[float]
    """ln p of each token in the distribution it was drawn from, after temperature, top-k and top-p; 0 when greedy;
    empty where a server does not say"""

    finish_reason: str | None
    """"stop": an end token; "length": `max_tokens` or the context is full; "error": there is none; None: unfinished, a
    stop was requested"""

    text: str | None = None
    """What was written, where a server gives no token ids"""

    error: str | None = None
    """Why a server wrote nothing"""

    permanent: bool = False
    """The server refused the request itself: asking again will not help"""


class NotNumbers(Failed):
    """A policy's network gave NaN where log-probabilities were expected."""

    def __init__(self) -> None:
        super().__init__(
            "the policy's log-probabilities are not numbers (NaN): its weights hold NaN or infinite values, or are too "
            "large for the precision; sample an earlier checkpoint, or try --precision float32"
        )


Ended = Callable[[list[int]], bool]
"""Whether the tokens drawn so far end a rollout for another reason than an end token, such as words to stop at."""


class Engine(Protocol):
    """What draws rollouts."""

    def sample(
        self,
        requests: Iterable[Request],
        sampling: Sampling,
        stopping: Callable[[], bool],
        ended: Ended | None = None,
    ) -> Iterator[Completion]:
        """Draw every request; once `stopping()` is true, yield the begun ones unfinished and return."""
        ...


def limit_of(request: Request, sampling: Sampling, context: int) -> int:
    """Tokens that the rollout of a request may have.

    Raises:
        ValueError: the prompt leaves no room for any.
    """
    limit = min(request.max_tokens or sampling.max_tokens, context - len(request.prompt_token_ids))
    if limit < 1:
        raise ValueError(
            f"request {request.index} has a prompt of {len(request.prompt_token_ids)} tokens, which fills the context "
            f"of {context} tokens"
        )
    return limit


def as_is(request: Request, finish_reason: str | None) -> Completion:
    """The completion that a request's prefix is already, before anything more is drawn."""
    return Completion(
        request,
        list(request.prefix_token_ids),
        list(request.prefix_logprobs),
        list(request.prefix_sampling_logprobs),
        finish_reason,
    )


def finish_reason_of(
    request: Request, token_ids: list[int], limit: int, end_token_ids: frozenset[int], ended: Ended | None = None
) -> str | None:
    """Why a row ends after these tokens, None when it goes on. Words that the policy did not write never end it."""
    own = bool(token_ids) and all(len(token_ids) > part.end for part in request.foreign)
    if own and (token_ids[-1] in end_token_ids or (ended is not None and ended(token_ids))):
        return "stop"
    return "length" if len(token_ids) >= limit else None


def begin(request: Request, limit: int, end_token_ids: frozenset[int], ended: Ended | None = None) -> Completion:
    """The completion that a request's prefix is already; finished where the prefix is."""
    return as_is(request, finish_reason_of(request, request.prefix_token_ids, limit, end_token_ids, ended))
