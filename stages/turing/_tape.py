"""The grammar that all chains of thought share (TAIL, arXiv 2507.13332; symbols only).

Full style, four lines a state:

    {STATE}
    [(name = value), ...]
    result
    {STATE} -> {STATE'}

Compact style, for small models, the same states, operands and results on one line without their names:

    {STATE}value,value:result

The last line is the boxed answer in both.
"""

from collections.abc import Sequence
from typing import Any, Literal

Style = Literal["full", "compact"]


class Tape:
    """Collects the states of a run and writes them down.

    Args:
        style: `full` names every operand and every transition, `compact` only their values.
    """

    def __init__(self, style: Style = "full") -> None:
        self.style = style
        self._steps: list[tuple[str, Sequence[tuple[str, Any]], str, str]] = []

    def step(self, state: Sequence[Any], fetched: Sequence[tuple[str, Any]], result: str, brief: str) -> None:
        """One atomic state: its name, every operand it uses, and one elementary result.

        Args:
            state: the machine's state, written `{a,b}`.
            fetched: operands by name, copied before anything is computed (Memory Fetcher).
            result: what the state finds, in full style; may hold several lines.
            brief: the same in compact style.
        """
        self._steps.append(("{" + ",".join(map(str, state)) + "}", fetched, result, brief))

    def halt(self, answer: str) -> str:
        """The whole chain of thought; every state names its successor, the last one names `F` (Linear Transition)."""
        lines: list[str] = []
        if self.style == "compact":
            for state, fetched, _, brief in self._steps:
                lines.append(f"{state}{','.join(str(value) for _, value in fetched)}:{brief}")
        else:
            successors = [state for state, *_ in self._steps[1:]] + ["F"]
            for (state, fetched, result, _), successor in zip(self._steps, successors, strict=True):
                operands = ", ".join(f"({name} = {value})" for name, value in fetched)
                lines += [state, f"[{operands}]", result, f"{state} -> {successor}"]
        lines.append(f"\\boxed{{{answer}}}")
        return "\n".join(lines)
