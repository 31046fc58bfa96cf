"""A verifier model behind an OpenAI-compatible server.

    with Server("http://localhost:8000/v1#compass-verifier") as server:
        verifier = ServedVerifier(server, Settings(load_prompt("direct")))
        for number, opinion in verifier.ask([(0, case), ...], stopping=lambda: False): ...

Direct mode asks for two tokens and the most likely alternatives of each (20 where the server gives as many): the
probability of a label is the sum over its writings among them, directly or behind a token of white space. Servers that
give no probabilities are asked for a few tokens, which are parsed; such opinions have no confidence and say so.

Deviations from a verifier of our own weights: what is not among the alternatives counts as that of no label; that a
case is too long is found out by the server's refusal, and its completion loses the first half, as often as needed.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from ...artifacts import Failed
from ..servers import Call, RequestFailed
from ..servers.client import Server
from ..servers.completions import MOST_LIKELY, Written, chat, complete, read_written
from . import Case, Opinion
from .direct import opinion_of
from .local import CACHED, CUT_MARK, marks_of
from .prompts import CUT
from .settings import Settings
from .thinking import written_opinion

ALTERNATIVES = (MOST_LIKELY, 5, None)
"""How many alternatives are asked for; where a server refuses a number, the next one."""

WORDS_TOKENS = 16
"""Tokens of a label in words, for servers that give no probabilities."""

REFUSED_AT_FIRST = 20
"""So many cases refused and none answered: the requests themselves are wrong for this server."""

SHORTEST_COMPLETION = 16

_TOO_LONG = re.compile(
    r"context (?:length|window|size)|maximum (?:context|model|sequence|input)|max_(?:model|seq)_len"
    r"|too (?:long|large)|too many (?:input )?tokens|longer than|exceed\w* .*(?:tokens|length|context)",
    re.IGNORECASE,
)
_OPENERS, _CLOSERS = " \t\r\n*([\"'▁ĠĊ", " \t\r\n*)].:,\"'"
_WHITE = re.compile(r"[\s▁ĠĊ]+")


@dataclass(eq=False)
class _Asked:
    """A case while the server has it."""

    case: Case
    numbers: list[int] = field(default_factory=list)
    shown: int | None = None
    """Characters of the completion that are shown, from its end; None: all"""
    rung: int = 0


class ServedVerifier:
    """A `VerifierModel` that a server runs. Each distinct case is asked once.

    Args:
        mode: direct reads probabilities, chain-of-thought has the model write.
        max_tokens: of what it writes.
        min_confidence: below it a direct opinion is unknown.
    """

    def __init__(
        self,
        server: Server,
        settings: Settings,
        mode: Literal["direct", "chain-of-thought"] = "direct",
        *,
        max_tokens: int = 2048,
        min_confidence: float = 0.0,
    ) -> None:
        self._server, self._settings, self._direct = server, settings, mode == "direct"
        self._max_tokens, self._min_confidence = max_tokens, min_confidence
        self._rung = 0
        self._answered = self._refused = 0
        self._known: OrderedDict[Case, Opinion] = OrderedDict()

    def ask(self, cases: Iterable[tuple[int, Case]], stopping: Callable[[], bool]) -> Iterator[tuple[int, Opinion]]:
        """See `VerifierModel`. Where the server gave no answer the opinion is marked `failed`.

        Raises:
            Failed, WrongOption, WrongArtifact: the server is gone, or refuses whatever it is asked.
        """
        asked: dict[Case, _Asked] = {}
        ready: list[tuple[int, Opinion]] = []
        turn: Iterable[_Asked] = self._distinct(cases, asked, ready)
        while True:
            again: list[_Asked] = []
            calls = ((item, self._call(item)) for item in turn)
            for item, found in self._server.send(calls, read_written, stopping):
                opinion = self._opinion(item, found)
                if opinion is None:
                    again.append(item)
                    continue
                del asked[item.case]
                if not opinion.failed:
                    self._keep(item.case, opinion)
                ready += [(number, opinion) for number in item.numbers]
                yield from ready
                ready.clear()
            yield from ready
            ready.clear()
            if not again or stopping():
                return
            turn = again

    def _distinct(
        self, cases: Iterable[tuple[int, Case]], asked: dict[Case, _Asked], ready: list[tuple[int, Opinion]]
    ) -> Iterator[_Asked]:
        """The cases that have to be asked; those whose opinion is known go into `ready`."""
        for number, case in cases:
            if (known := self._known.get(case)) is not None:
                self._known.move_to_end(case)
                ready.append((number, known))
            elif case in asked:
                asked[case].numbers.append(number)
            else:
                asked[case] = _Asked(case, [number])
                yield asked[case]

    def _keep(self, case: Case, opinion: Opinion) -> None:
        self._known[case] = opinion
        if len(self._known) > CACHED:
            self._known.popitem(last=False)

    def _call(self, item: _Asked) -> Call:
        item.rung = self._rung
        case = item.case
        if item.shown is not None:
            case = case._replace(completion=CUT + case.completion[len(case.completion) - item.shown :])
        # JSON could write halves of characters, but no tokenizer takes them.
        text = self._settings.prompt.render(case).encode("utf-8", "replace").decode("utf-8")
        most_likely = ALTERNATIVES[item.rung] if self._direct else None
        max_tokens = self._max_tokens if not self._direct else WORDS_TOKENS if most_likely is None else 2
        if self._settings.chat:
            return chat([{"role": "user", "content": text}], max_tokens=max_tokens, most_likely=most_likely)
        return complete(text, max_tokens=max_tokens, most_likely=most_likely)

    def _opinion(self, item: _Asked, found: Written | RequestFailed) -> Opinion | None:
        """What the server's answer says; None: the case has to be asked in another way."""
        if isinstance(found, RequestFailed):
            return self._without_answer(item, found)
        self._answered += 1
        probabilities = None
        if self._direct and ALTERNATIVES[item.rung] is not None:
            probabilities = self._probabilities(found)
            if probabilities is None:
                self._rung = len(ALTERNATIVES) - 1
                return None
        if probabilities is not None:
            opinion = opinion_of(probabilities, self._settings.labels, self._min_confidence)
        else:
            opinion = written_opinion(found.text, found.finish_reason, self._settings.labels)
            if self._direct:
                opinion = opinion._replace(marks=(*opinion.marks, "no probabilities"))
        return opinion._replace(marks=(*self._marks(item), *opinion.marks))

    def _without_answer(self, item: _Asked, failed: RequestFailed) -> Opinion | None:
        """The opinion where there is no answer; None: the case can be asked in another way."""
        if not failed.permanent:
            return Opinion("unknown", f"error: no answer from the server: {failed}", failed=True)
        if self._direct and "logprob" in failed.message and item.rung + 1 < len(ALTERNATIVES):
            self._rung = max(self._rung, item.rung + 1)
            return None
        if failed.reason != "too large" and _TOO_LONG.search(failed.message):
            length = item.shown if item.shown is not None else len(item.case.completion)
            if length // 2 >= SHORTEST_COMPLETION:
                item.shown = length // 2
                return None
        self._refused += 1
        if not self._answered and self._refused >= REFUSED_AT_FIRST:
            raise Failed(
                f"{self._server.address.shown} refused every one of the first {self._refused} requests (the last: "
                f"{failed}): see what it expects, and choose its model, the prompt or the mode accordingly"
            )
        return Opinion("unknown", f"error: refused by the server: {failed}")

    def _marks(self, item: _Asked) -> tuple[str, ...]:
        marks = marks_of(self._settings, item.case, 0)
        if item.shown is None:
            return marks
        return (f"{CUT_MARK}: {len(item.case.completion) - item.shown:,} characters", *marks)

    def _probabilities(self, written: Written) -> dict[str, float] | None:
        """The probability of every label as the next thing written; None where the server tells no probabilities."""
        if not written.likely or not written.tokens or not written.likely[0]:
            return None
        found = self._sums(written.likely[0])
        if len(written.likely) > 1 and _WHITE.fullmatch(written.tokens[0]):
            white = math.exp(dict(written.likely[0])[written.tokens[0]])
            behind = self._sums(written.likely[1])
            found = {label: found[label] + white * behind[label] for label in found}
        return found

    def _sums(self, likely: list[tuple[str, float]]) -> dict[str, float]:
        found = dict.fromkeys(self._settings.labels, 0.0)
        for token, logprob in likely:
            if (label := token.lstrip(_OPENERS).rstrip(_CLOSERS)) in found:
                found[label] += math.exp(logprob)
        return found
