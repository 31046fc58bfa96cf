"""What a policy is given before it writes: the problem's messages, a system message, examples, the first words.

prompts = Prompts(encoder, Prompting(system="Think first.", prefill="<think>"), examples)
prompts.encode(problem)            # token ids of everything before the rollout
prompts.turns(problem)             # the user's later messages, which are asked one after the other
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..artifacts import Message, Problem, SourceFile, WrongArtifact, WrongOption
from .options import expect
from .tokens import Encoder, PromptFormat

_SAID = "what-the-policy-said"
"""Stands for a turn of the policy while the template is rendered around it."""


@dataclass(frozen=True, kw_only=True)
class Prompting:
    """What the policy reads first, and where it is stopped."""

    prompt_format: PromptFormat = "chat"
    """chat: the policy's chat template; raw: the bare text of the messages"""

    system: str | None = None
    """A system message, in the place of the problem's own"""

    prefill: str = ""
    """First words put into the policy's mouth; they are part of the rollout, marked, and never trained on"""

    stop: list[str] = field(default_factory=list)
    """Words that end a rollout, which keeps them"""

    think_tokens: int | None = None
    """Thinking budget: after so many tokens without --think-end the policy is made to answer"""

    think_end: str = "</think>"
    """With --think-tokens: what ends the thinking; the policy writes it itself, or it is put there"""

    think_then: str = "\n\nThe final answer is"
    """With --think-tokens: what is put after --think-end when the budget is spent"""

    def __post_init__(self) -> None:
        expect(
            (
                (
                    "--think-tokens",
                    self.think_tokens,
                    self.think_tokens is None or self.think_tokens >= 1,
                    "at least 1",
                ),
                ("--think-end", repr(self.think_end), bool(self.think_end), "the words that end the thinking"),
                ("--stop", repr(self.stop), all(self.stop), "words, not nothing"),
            )
        )
        own = (self.think_end, self.think_then) != (Prompting.think_end, Prompting.think_then)
        if self.think_tokens is None and own:
            raise WrongOption("--think-end and --think-then go with --think-tokens: give a budget")


class Prompts:
    """Prompts of one tokenizer and one way of prompting.

    A problem may have several user messages in a row, or end in several turns: the policy answers them one after the
    other (only with a chat template).
    """

    def __init__(self, encoder: Encoder, prompting: Prompting, examples: Sequence[Message] = ()) -> None:
        self._encoder, self.prompting, self._examples = encoder, prompting, list(examples)

    def encode(self, problem: Problem) -> list[int]:
        """Token ids up to the policy's first word, the prefill left out; one BOS at most."""
        return self._encoder.encode_prompt(self.messages(problem), self.prompting.prompt_format)

    @cached_property
    def prefill_token_ids(self) -> list[int]:
        return self._encoder.encode(self.prompting.prefill) if self.prompting.prefill else []

    def turns(self, problem: Problem) -> list[Message]:
        """The user's messages after the first turn."""
        return _split(problem["messages"])[1]

    def next_turn(self, problem: Problem, turn: int, ends_with: int) -> list[int]:
        """Token ids between the end of a policy's turn and the beginning of its next: what the template writes there.

        Args:
            turn: which of `turns` is asked now, from 0.
            ends_with: the policy's last token; an end of turn that it wrote itself is not written twice.
        """
        said: Message = {"role": "assistant", "content": _SAID}
        asked = self._encoder.prompt_text(
            [*self.messages(problem), said, self.turns(problem)[turn]], self.prompting.prompt_format
        )
        _, said_there, between = asked.rpartition(_SAID)
        if not said_there:
            raise WrongArtifact(
                f"{self._encoder.folder}: its chat template leaves out what the policy said in an earlier turn, so "
                f"problem {problem['problem_id']} cannot be asked turn by turn: give one whose template keeps it"
            )
        end = self._encoder.decode([ends_with], skip_special=False)
        if end and ends_with in self._encoder.end_token_ids and between.startswith(end):
            between = between[len(end) :]
        return self._encoder.encode(between)

    def messages(self, problem: Problem) -> list[Message]:
        """The messages before the policy's first turn: system, examples, the problem's own."""
        first, later = _split(problem["messages"])
        if later and self.prompting.prompt_format == "raw":
            raise WrongArtifact(
                f"problem {problem['problem_id']} has {len(later) + 1} turns, which --prompt-format raw cannot tell "
                "apart: give the policy a chat template"
            )
        own: list[Message] = [message for message in first if message["role"] == "system"]
        rest = [message for message in first if message["role"] != "system"]
        if self.prompting.system is not None:
            own = [{"role": "system", "content": self.prompting.system}]
        return [*own, *self._examples, *rest]


def _split(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """Messages up to the first one that the policy has to answer, and the user's messages that follow it."""
    for index in range(1, len(messages)):
        if messages[index - 1]["role"] == "user" and all(message["role"] == "user" for message in messages[index:]):
            return list(messages[:index]), list(messages[index:])
    return list(messages), []


def read_examples(file: SourceFile | None) -> list[Message]:
    """The turns of a file of examples: JSON lines, each with question and answer (or completion), or with messages.

    Raises:
        WrongArtifact: a line is neither.
    """
    if file is None:
        return []
    turns: list[Message] = []
    for number, line in enumerate(file.path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            turns += _example(json.loads(line)) if line.strip() else []
        except (ValueError, KeyError, TypeError) as error:
            raise WrongArtifact(
                f"{file.spec}:{number} is no example ({type(error).__name__}: {error}), expected JSON with question "
                "and answer (or completion), or with messages"
            ) from error
    if not turns:
        raise WrongArtifact(f"{file.spec} holds no examples, expected lines of JSON with question and answer")
    return turns


def _example(record: Any) -> list[Message]:
    if "messages" in record:
        return [{"role": str(turn["role"]), "content": str(turn["content"])} for turn in record["messages"]]
    answer = record["completion"] if "completion" in record else record["answer"]
    return [
        {"role": "user", "content": str(record["question"])},
        {"role": "assistant", "content": str(answer)},
    ]
