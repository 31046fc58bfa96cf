"""A verifier model on this machine: cases become prompts, look-ahead, each distinct case asked once.

    verifier = LocalVerifier(encoder, settings, reader, max_prompt_tokens=4096)
    for number, opinion in verifier.ask([(0, case), ...], stopping=lambda: False): ...

How the model is asked is the reader's affair: `direct.LabelReader` or `thinking.Thinker`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from . import CUT_MARK, Case, Opinion
from .prompts import CaseTooLong, encode_case
from .settings import Settings

if TYPE_CHECKING:
    from ..tokens import Encoder

CACHED = 20_000
"""Opinions that are kept: the rollouts of a group repeat completions."""

WINDOW_CASES = 1024
"""Cases that are read ahead at most, so that batches hold rows of one length."""

WINDOW_TOKENS = 1 << 20


class Reader(Protocol):
    """One way to ask a model."""

    def __call__(self, prompts: list[list[int]], stopping: Callable[[], bool]) -> Iterator[tuple[int, Opinion]]:
        """The opinion of every prompt, under its place in the list, in any order; ends early when stopping."""
        ...


class _Window(NamedTuple):
    """Cases that are asked together."""

    prompts: list[list[int]]
    cases: list[Case]
    numbers: list[list[int]]
    """For every distinct case the numbers under which it came"""

    marks: list[tuple[str, ...]]


class LocalVerifier:
    """A `VerifierModel` of weights in a folder."""

    def __init__(self, encoder: Encoder, settings: Settings, reader: Reader, *, max_prompt_tokens: int) -> None:
        self._encoder, self._settings, self._reader = encoder, settings, reader
        self._limit = max_prompt_tokens
        self._chat = settings.chat and encoder.template is not None
        self._known: OrderedDict[Case, Opinion] = OrderedDict()

    def ask(self, cases: Iterable[tuple[int, Case]], stopping: Callable[[], bool]) -> Iterator[tuple[int, Opinion]]:
        """See `VerifierModel`."""
        source, more = iter(cases), True
        while more and not stopping():
            window = _Window([], [], [], [])
            more = yield from self._fill(window, source)
            for place, opinion in self._reader(window.prompts, stopping):
                opinion = opinion._replace(marks=(*window.marks[place], *opinion.marks))
                self._keep(window.cases[place], opinion)
                for number in window.numbers[place]:
                    yield number, opinion

    def _fill(self, window: _Window, source: Iterator[tuple[int, Case]]) -> Iterator[tuple[int, Opinion]]:
        """Read cases until the window is full; those with a known opinion are answered at once.

        Returns:
            whether there may be more cases.
        """
        places: dict[Case, int] = {}
        tokens = cases = 0
        for number, case in source:
            cases += 1
            if (known := self._known.get(case)) is not None:
                self._known.move_to_end(case)
                yield number, known
            elif case in places:
                window.numbers[places[case]].append(number)
            else:
                try:
                    token_ids, cut = encode_case(self._encoder, self._settings.prompt, case, self._limit, self._chat)
                except CaseTooLong as error:
                    yield number, Opinion("unknown", f"error: {error}")
                    continue
                places[case] = len(window.cases)
                window.prompts.append(token_ids)
                window.cases.append(case)
                window.numbers.append([number])
                window.marks.append(marks_of(self._settings, case, cut))
                tokens += len(token_ids)
            if cases >= WINDOW_CASES or tokens >= WINDOW_TOKENS:
                return True
        return False

    def _keep(self, case: Case, opinion: Opinion) -> None:
        self._known[case] = opinion
        if len(self._known) > CACHED:
            self._known.popitem(last=False)


def marks_of(settings: Settings, case: Case, cut: int) -> tuple[str, ...]:
    """Remarks on how a case was shown."""
    marks = [f"{CUT_MARK}: {cut:,} tokens"] if cut else []
    if settings.prompt.holds_tags(case):
        marks.append("holds tags of the verifier's prompt")
    return tuple(marks)
