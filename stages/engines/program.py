"""Engine `program`: completions written by the program that made the problem.

    engine = ProgramEngine("tail", encode=lambda text: tokenizer.encode(text), end_token_id=2, problem_of=problems.get)
    engine.refuse_unknown(problems)
    engine.complete(problem)                                    # the text
    for completion in engine.sample(requests, Sampling(), stopping): ...

`program:tail` writes Turing machine imitating chains of thought (TAIL), every operand and transition out;
`program:tail-compact` writes the same states briefly, for small models. `program:meta-patterns` writes the completions
of cases for verifiers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...artifacts import Problem, WrongArtifact, WrongOption
from ...artifacts.wording import counted
from .. import meta_patterns
from ..turing import Style, load_task, task_names
from . import Completion, Ended, Request

if TYPE_CHECKING:
    from ..sampling import Sampling

STYLES: dict[str, Style] = {"tail": "full", "tail-compact": "compact"}
"""The programs that solve problems, by name."""


class ProgramEngine:
    """Writes the one completion of each problem; an `Engine`.

    A program is a policy that gives its text probability 1, so every log-probability is ln 1 = 0, raw and as sampled.
    Seeds and temperature change nothing.

    Args:
        name: what follows `program:`.
        encode: text to token ids, without special tokens.
        end_token_id: closes every completion.
        problem_of: the problem of a request, by its index.

    Raises:
        WrongOption: there is no such program.
    """

    def __init__(
        self,
        name: str,
        encode: Callable[[str], list[int]],
        end_token_id: int,
        problem_of: Callable[[int], Problem],
    ) -> None:
        names = (*STYLES, meta_patterns.TASK)
        if name not in names:
            raise WrongOption(f"program:{name} does not exist, expected program:{' or program:'.join(names)}")
        self._style = STYLES.get(name)
        self._encode, self._end, self._problem_of = encode, end_token_id, problem_of

    def refuse_unknown(self, problems: Iterable[Problem]) -> None:
        """Check before any work that every problem has a program.

        Raises:
            WrongArtifact: some have none.
        """
        unknown = [problem for problem in problems if self._known(problem) is None]
        if unknown:
            raise self._no_program(unknown)

    def _no_program(self, unknown: list[Problem]) -> WrongArtifact:
        tasks = task_names() if self._style else (meta_patterns.TASK,)
        return WrongArtifact(
            f"{counted(len(unknown), 'problem has', 'problems have')} no program "
            f"(the first is {unknown[0]['problem_id']} of "
            f"{unknown[0].get('source') or 'an unnamed source'}), expected problems that whet problems made of "
            f"{', '.join(tasks)}"
        )

    def _known(self, problem: Problem) -> Any:
        """What the program knows of a problem; None when it did not make it."""
        return _instance(problem) if self._style else meta_patterns.known(problem)

    def complete(self, problem: Problem) -> str:
        """The completion of a problem: a chain of thought with the boxed answer last, or what its pattern wrote.

        Raises:
            WrongArtifact: the problem has no program.
        """
        known = self._known(problem)
        if known is None:
            raise self._no_program([problem])
        if self._style is None:
            return known["completion"]
        task, payload = known
        return load_task(task).think(payload, self._style)

    def sample(
        self,
        requests: Iterable[Request],
        sampling: Sampling,
        stopping: Callable[[], bool],
        ended: Ended | None = None,
    ) -> Iterator[Completion]:
        """Complete every request; a text longer than `max_tokens` is cut there (finish reason `length`).

        A text that its pattern cut off has no end token and the finish reason `length` too.
        """
        for request in requests:
            if stopping():
                return
            problem = self._problem_of(request.index)
            token_ids = self._encode(self.complete(problem))
            cut = self._style is None and self._known(problem)["finish_reason"] == "length"
            if not cut:
                token_ids = [*token_ids, self._end]
            reason = "length" if cut or len(token_ids) > sampling.max_tokens else "stop"
            token_ids = token_ids[: sampling.max_tokens]
            certain = [0.0] * len(token_ids)
            yield Completion(request, token_ids, certain, list(certain), reason)


def _instance(problem: Problem) -> tuple[str, Any] | None:
    """Task and payload of a problem, None when no program of ours made it."""
    try:
        meta = json.loads(problem.get("meta") or "null")
    except ValueError:
        return None
    if not isinstance(meta, dict) or meta.get("task") not in task_names() or "payload" not in meta:
        return None
    return meta["task"], meta["payload"]
