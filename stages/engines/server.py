"""Engine `server`: any OpenAI-compatible endpoint, `server:URL#MODEL`.

    with Server("http://localhost:8000/v1#m") as server:
        engine = ServerEngine(server, messages_of=lambda index: problems[index]["messages"])
        for completion in engine.sample(requests, Sampling(), stopping=lambda: False): ...

With a tokenizer (requests that hold prompt tokens) the server is sent token ids and asked for token ids and
log-probabilities back, as vLLM gives them; without one it is sent messages, and a completion is its text alone. What a
server does not say is None, never made up: log-probabilities are taken for raw ones, as vLLM gives them, and for
those of the sampling distribution too where nothing reshapes it. Without a tokenizer only what every server knows is
sent, so top-k and penalties of the model's generation_config.json stay the server's own matter.

Deviations: which tokens a seed draws is the server's own matter, so a rollout depends on the server's version and its
batches; a rollout that a stop cuts off begins anew. A request that failed for good comes as a completion with `error`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..servers import Call, RequestFailed
from ..servers.client import Server
from ..servers.completions import Written, chat, complete, read_written
from . import Completion, Ended, Request, as_is

if TYPE_CHECKING:
    from ...artifacts import Message
    from ..sampling import Sampling


class ServerEngine:
    """Draws rollouts from a server; an `Engine`.

    Args:
        messages_of: the conversation of a request, by its index, for requests without prompt tokens.
        stop: words to stop at; where token ids are exchanged, the rollout keeps them.
    """

    def __init__(
        self, server: Server, messages_of: Callable[[int], Sequence[Message]], stop: Sequence[str] = ()
    ) -> None:
        self._server, self._messages_of, self._stop = server, messages_of, list(stop)

    def sample(
        self,
        requests: Iterable[Request],
        sampling: Sampling,
        stopping: Callable[[], bool],
        ended: Ended | None = None,
    ) -> Iterator[Completion]:
        """Draw every request, as the answers come; see `Engine`. `ended` is the server's own matter (`stop`)."""
        calls = ((request, self._call(request, sampling)) for request in requests)
        numbered: dict[int, Request] = {}

        def counted() -> Iterator[tuple[int, Call]]:
            for request, call in calls:
                numbered[request.index] = request
                yield request.index, call

        for index, found in self._server.send(counted(), read_written, stopping):
            request = numbered.pop(index)
            if isinstance(found, RequestFailed):
                yield Completion(request, [], [], [], "error", error=str(found), permanent=found.permanent)
            else:
                yield _completion(request, found, sampling)
        # What a stop left: turns that were written before are not lost.
        begun = [*numbered.values(), *(request for request, _ in calls)] if stopping() else []
        yield from (as_is(request, None) for request in begun if request.prefix_token_ids)

    def _call(self, request: Request, sampling: Sampling) -> Call:
        # Said even where it cuts nothing: servers take what is not said from the model's generation_config.json.
        more: dict[str, Any] = {"seed": request.seed, "top_p": sampling.top_p}
        if sampling.top_k:
            more["top_k"] = sampling.top_k
        if self._stop:
            more["stop"] = self._stop
        limit = (request.max_tokens or sampling.max_tokens) - len(request.prefix_token_ids)
        if not request.prompt_token_ids:
            messages = self._messages_of(request.index)
            return chat(messages, max_tokens=limit, temperature=sampling.temperature, **more)
        more |= {"top_k": sampling.top_k or -1, "min_p": 0.0, "repetition_penalty": 1.0, "return_token_ids": True}
        more |= {"include_stop_str_in_output": True} if self._stop else {}
        prompt = [*request.prompt_token_ids, *request.prefix_token_ids]
        return complete(prompt, max_tokens=limit, temperature=sampling.temperature, most_likely=0, **more)


def _completion(request: Request, written: Written, sampling: Sampling) -> Completion:
    """What a server wrote, with its tokens where it gives their ids."""
    reason = "length" if written.finish_reason == "length" else "stop"
    if written.token_ids is None:
        return Completion(request, [], [], [], reason, text=written.text)
    begun = as_is(request, reason)
    begun.token_ids += written.token_ids
    told = written.logprobs if len(written.logprobs or []) == len(written.token_ids) else None
    if len(begun.logprobs) < len(request.prefix_token_ids):
        told = None  # not said of the tokens before
    begun.logprobs = [*begun.logprobs, *told] if told is not None else []
    begun.sampling_logprobs = [*begun.sampling_logprobs, *told] if told is not None and not sampling.reshapes else []
    return begun
