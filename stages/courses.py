"""How a rollout goes on where an engine's part of it ends: a thinking budget that is spent, a further turn.

    course = Course(encoder, prompts, sampling, problem_of=lambda index: problems[index])
    for completion in course.draw(engine, requests, stopping): ...

An engine draws until an end token or a limit. A course looks at what came and says how to go on: with tokens that the
policy did not write (the request names them), or not at all. Since a token depends on the seed and its position alone,
a rollout that is drawn in parts is the one that would have been drawn at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..artifacts import Problem, WrongOption
from .engines import Completion, Ended, Engine, Foreign, Request, as_is

if TYPE_CHECKING:
    from .prompting import Prompts
    from .sampling import Sampling
    from .tokens import Encoder


class Course:
    """How rollouts begin, go on and end under one way of prompting.

    `problem_of`: the problem of a request, by its index.
    """

    def __init__(
        self, encoder: Encoder, prompts: Prompts, sampling: Sampling, problem_of: Callable[[int], Problem]
    ) -> None:
        self._encoder, self._prompts, self._sampling, self._problem_of = encoder, prompts, sampling, problem_of
        self._prompting = prompts.prompting
        self._ended = stops_at(encoder, self._prompting.stop)

    def draw(
        self, engine: Engine, requests: Iterable[Request], stopping: Callable[[], bool] = lambda: False
    ) -> Iterator[Completion]:
        """Draw every request to the end of its course; once `stopping()` is true, what is begun comes unfinished."""
        asked = [self._begin(request) for request in requests]
        while asked:
            following: list[Request] = []
            for completion in engine.sample(asked, self._sampling, stopping, self._ended):
                self._refuse_text(completion)
                further = self._follow(completion) if completion.finish_reason else None
                if further is None:
                    yield _without_vain_words(completion)
                else:
                    following.append(further)
            if stopping():
                yield from (as_is(request, None) for request in following)
                return
            asked = following

    def _begin(self, request: Request) -> Request:
        """The request with the first words put into the policy's mouth, or as it goes on with a kept prefix."""
        if not request.prefix_token_ids:
            request = self._prefilled(request)
        return replace(request, max_tokens=self._limit(request))

    def _follow(self, completion: Completion) -> Request | None:
        """How a rollout goes on after an engine finished its part; None at its end."""
        request = completion.request
        if completion.error is not None or completion.text is not None:
            return None
        if completion.finish_reason == "length":
            at_budget = len(completion.token_ids) == request.max_tokens
            if not at_budget or request.max_tokens == self._full(request):
                return None
            said = self._encoder.decode(completion.token_ids[self._turn_start(request) :], skip_special=False)
            end = self._prompting.think_end
            words = [] if end in said else self._encoder.encode(end + self._prompting.think_then)
            following = _put(completion, words, "prefill")
            return replace(following, max_tokens=self._full(following))
        if not completion.token_ids:
            return None
        problem, turn = self._problem_of(request.index), _turn(request)
        if turn == len(self._prompts.turns(problem)):
            return None
        words = self._prompts.next_turn(problem, turn, ends_with=completion.token_ids[-1])
        following = self._prefilled(_put(completion, words, "environment"))
        return replace(following, max_tokens=self._limit(following))

    def _refuse_text(self, completion: Completion) -> None:
        """Refuse a text without tokens where tokens are needed to go on.

        Raises:
            WrongOption: the server gives no token ids.
        """
        prompting = self._prompting
        several = bool(self._prompts.turns(self._problem_of(completion.request.index)))
        if completion.text is not None and (prompting.prefill or prompting.think_tokens or several):
            raise WrongOption(
                "the server gives no token ids back (vLLM does), which --prefill, --think-tokens and problems of "
                "several turns need: leave these out, or sample from another server"
            )

    def _prefilled(self, request: Request) -> Request:
        words = self._prompts.prefill_token_ids
        return _put(as_is(request, None), words, "prefill") if words else request

    def _turn_start(self, request: Request) -> int:
        return max((part.end for part in request.foreign if part.origin == "environment"), default=0)

    def _limit(self, request: Request) -> int:
        """Tokens up to which an engine may go: to the end of the thinking budget, where it is not spent yet."""
        budget = self._prompting.think_tokens
        full = self._full(request)
        if budget is None:
            return full
        start = self._turn_start(request)
        if self._prompting.prefill:
            start += len(self._prompts.prefill_token_ids)
        spent = len(request.prefix_token_ids) >= start + budget
        return full if spent else min(full, start + budget)

    def _full(self, request: Request) -> int:
        """Tokens up to which the turn may go: `max_tokens` of the policy's own."""
        start = self._turn_start(request)
        put = sum(part.end - part.start for part in request.foreign if part.start >= start)
        return start + put + self._sampling.max_tokens


def _turn(request: Request) -> int:
    return sum(part.origin == "environment" for part in request.foreign)


def _without_vain_words(completion: Completion) -> Completion:
    """The completion without words that were put after its own and filled the context: nothing came after them."""
    foreign = completion.request.foreign
    if completion.finish_reason != "length" or not foreign or foreign[-1].end != len(completion.token_ids):
        return completion
    end = foreign[-1].start
    if not end:
        return completion
    return replace(
        completion,
        request=replace(completion.request, foreign=foreign[:-1]),
        token_ids=completion.token_ids[:end],
        logprobs=completion.logprobs[:end],
        sampling_logprobs=completion.sampling_logprobs[:end],
    )


def _put(completion: Completion, words: list[int], origin: str) -> Request:
    """The request that goes on after a completion and words that the policy did not write (of log-probability 0)."""
    begun, nothing = len(completion.token_ids), [0.0] * len(words)
    foreign = [*completion.request.foreign, *([Foreign(begun, begun + len(words), origin)] if words else [])]
    return replace(
        completion.request,
        prefix_token_ids=[*completion.token_ids, *words],
        prefix_logprobs=[*completion.logprobs, *nothing] if completion.logprobs or not begun else [],
        prefix_sampling_logprobs=(
            [*completion.sampling_logprobs, *nothing] if completion.sampling_logprobs or not begun else []
        ),
        foreign=foreign,
    )


def stops_at(encoder: Encoder, words: list[str]) -> Ended | None:
    """Whether the tokens drawn so far end in words to stop at; looked for in the last tokens only."""
    if not words:
        return None
    # A token is at least a byte, and the newest one may hold the end of the words and more.
    tail = max(len(word.encode()) for word in words) + 8

    def ended(token_ids: list[int]) -> bool:
        text = encoder.decode(token_ids[-tail:], skip_special=False)
        before = encoder.decode(token_ids[-tail:-1], skip_special=False)
        # Counted, as words that the policy did not write may hold one already.
        return any(text.count(word) > before.count(word) for word in words)

    return ended
