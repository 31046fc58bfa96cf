"""The two requests of the OpenAI interface, and what servers answer to them.

`chat` sends messages, `complete` a text or token ids as they stand. Servers differ in what they say about tokens:
everything but the text is None where it is not said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...artifacts import Message
from . import Call
from .attempts import Malformed

MOST_LIKELY = 20
"""Alternatives per token that servers give at most."""


class Written(NamedTuple):
    """What a model wrote.

    Attributes:
        finish_reason: stop, length, or what else the server says.
        tokens: the text of each token.
        token_ids: its id (vLLM's `return_token_ids`).
        logprobs: its natural log-probability.
        likely: at each token, the most likely (token, log-probability), best first, the written one always among them.
    """

    text: str
    finish_reason: str | None = None
    tokens: list[str] | None = None
    token_ids: list[int] | None = None
    logprobs: list[float] | None = None
    likely: list[list[tuple[str, float]]] | None = None


def chat(
    messages: Sequence[Message],
    *,
    max_tokens: int,
    temperature: float = 0.0,
    most_likely: int | None = None,
    **more: Any,
) -> Call:
    """A request for the next turn of a conversation.

    Args:
        most_likely: how many alternatives to give per token, with log-probabilities; None: none of either.
        more: further fields of the body (seed, stop, top_p ...).
    """
    body = {"messages": [dict(message) for message in messages], "max_tokens": max_tokens, "temperature": temperature}
    if most_likely is not None:
        body |= {"logprobs": True, "top_logprobs": most_likely}
    return Call("chat/completions", body | more)


def complete(
    prompt: str | Sequence[int],
    *,
    max_tokens: int,
    temperature: float = 0.0,
    most_likely: int | None = None,
    **more: Any,
) -> Call:
    """A request to go on from a text or from token ids; arguments as for `chat`."""
    asked = prompt if isinstance(prompt, str) else list(prompt)
    body: dict[str, Any] = {"prompt": asked, "max_tokens": max_tokens, "temperature": temperature}
    if most_likely is not None:
        body["logprobs"] = most_likely
    return Call("completions", body | more)


def read_written(body: dict[str, Any]) -> Written:
    """What the first choice of an answer holds, in either form.

    Raises:
        Malformed: no choice, no text, or log-probabilities that are none.
    """
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Malformed("an answer without choices")
    choice = choices[0]
    if isinstance(message := choice.get("message"), dict):
        # Thoughts of reasoning models come beside the content, which is null when they fill the whole answer.
        text = "" if message.get("content", message) is None else message.get("content")
    else:
        text = choice.get("text")
    reason, token_ids = choice.get("finish_reason"), choice.get("token_ids")
    if not isinstance(text, str):
        raise Malformed("a choice without text")
    if reason is not None and not isinstance(reason, str):
        raise Malformed("a finish reason that is no text")
    if token_ids is not None and not (isinstance(token_ids, list) and all(type(item) is int for item in token_ids)):
        raise Malformed("token ids that are no numbers")
    written = Written(_plain(text), reason, token_ids=token_ids)
    told = choice.get("logprobs")
    if not told:
        return written
    if not isinstance(told, dict):
        raise Malformed("log-probabilities that are no object")
    return _with_content(written, told["content"]) if told.get("content") else _with_lists(written, told)


def _with_content(written: Written, content: Any) -> Written:
    """The form of chat/completions: one object a token."""
    tokens = [_token(item["token"]) for item in content]
    logprobs = [_logprob(item["logprob"]) for item in content]
    likely = [[(_token(each["token"]), _logprob(each["logprob"])) for each in item.get("top_logprobs") or ()]
              for item in content]  # fmt: skip
    return written._replace(tokens=tokens, logprobs=logprobs, likely=_complete(tokens, logprobs, likely))


def _with_lists(written: Written, told: dict[str, Any]) -> Written:
    """The form of completions: lists side by side."""
    if not told.get("tokens") or not told.get("token_logprobs"):
        return written
    tokens = [_token(token) for token in told["tokens"]]
    logprobs = [_logprob(value) for value in told["token_logprobs"]]
    if len(tokens) != len(logprobs):
        raise Malformed(f"{len(logprobs)} log-probabilities for {len(tokens)} tokens")
    given = told.get("top_logprobs") or [None] * len(tokens)
    if len(given) != len(tokens):
        raise Malformed(f"alternatives at {len(given)} of {len(tokens)} tokens")
    likely = [[(_token(token), _logprob(value)) for token, value in (each or {}).items()] for each in given]
    return written._replace(tokens=tokens, logprobs=logprobs, likely=_complete(tokens, logprobs, likely))


def _complete(
    tokens: list[str], logprobs: list[float], likely: list[list[tuple[str, float]]]
) -> list[list[tuple[str, float]]]:
    for token, logprob, each in zip(tokens, logprobs, likely, strict=True):
        if all(other != token for other, _ in each):
            each.append((token, logprob))
        each.sort(key=lambda pair: -pair[1])
    return likely


def _token(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed("a token that is no text")
    return _plain(value)


def _logprob(value: Any) -> float:
    """A log-probability; minus infinity (some servers write -9999) is a probability of 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value) or value > 1e-3:
        raise Malformed(f"a log-probability of {str(value)[:20]}")
    return min(0.0, float(value))


def _plain(text: str) -> str:
    """Halves of characters, which JSON can write and nothing else can, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
