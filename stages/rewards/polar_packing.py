"""How POLAR sees a candidate beside its reference: one packing for training and for scoring.

    BOS  prompt  newline  reference  SEPARATOR  prompt  newline  candidate  REWARD

The model's number at the reward token, the last one, is the score. The prompt is the problem's message contents joined
by newlines: roles are dropped and no chat template is used. (POLAR, Dou et al. 2025, arXiv 2507.05197, and its code.)

In the published checkpoints the separator is spelled `<|reward|>` and the reward token `[UNUSED_TOKEN_130]`: the names
mislead, the first is not where the score is read.

*Deviations:* an empty candidate or reference is packed without its newline, as in the official training code; the
official client always adds one. A prompt that has no room left is dropped; in the official code a limit of 0 keeps it
whole. Control tokens that only appear once others are taken out of a text are taken out too. Where encoding the joined
text makes it longer than `max_length`, the prompt gives up more of its beginning; the official code lets it be longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from ...artifacts import Message, WrongOption
from ..options import expect

if TYPE_CHECKING:
    from ..tokens import Encoder

SEPARATOR, REWARD = "<|reward|>", "[UNUSED_TOKEN_130]"
"""The separator and the reward token of the published checkpoints."""

EXTRA_TOKENS = 4
"""What the official code sets aside beside the texts: special tokens and newlines."""


@dataclass(frozen=True, kw_only=True)
class Packing:
    """The tokens and limits of a packing; what a reward model was trained with is kept in its folder.

    `wrapper`: what stands between prompt and answer: a newline (sft), or nothing (pretrain).
    """

    separator_token: str = SEPARATOR
    reward_token: str = REWARD
    wrapper: Literal["sft", "pretrain"] = "sft"
    max_answer_tokens: int = 4096
    max_length: int = 16_384

    def __post_init__(self) -> None:
        expect(
            (
                ("--max-answer-tokens", self.max_answer_tokens, self.max_answer_tokens >= 1, "at least 1"),
                ("--max-length", self.max_length, self.max_length >= 8, "at least 8"),
                ("--reward-token", self.reward_token, self.reward_token != self.separator_token, "another token"),
            )
        )


class Packed(NamedTuple):
    """A candidate beside its reference, as token ids; the score is read at the last one.

    `cut`: whether prompt, reference or candidate lost tokens.
    """

    token_ids: list[int]
    cut: bool


def join_messages(messages: Sequence[Message]) -> str:
    """What POLAR sees of a problem: the contents, without roles."""
    return "\n".join(message["content"] for message in messages)


class Packer:
    """Packs texts with the tokenizer of one reward model.

    Raises:
        WrongOption: the tokenizer lacks the separator or the reward token.
    """

    def __init__(self, encoder: Encoder, packing: Packing) -> None:
        self.encoder, self.packing = encoder, packing
        known = dict(encoder.tokens())
        self.separator_id = _id_of(known, packing.separator_token, "--separator-token", encoder)
        self.reward_id = _id_of(known, packing.reward_token, "--reward-token", encoder)
        special = {known[text] for text in encoder.special_texts if text in known}
        self._control = special | {self.separator_id, self.reward_id}

    def pack(self, prompt: str, reference: str, candidates: Sequence[str]) -> list[Packed]:
        """Pack candidates that are compared with each other: they share reference and prompt.

        Reference and candidates lose what is over `max_answer_tokens` at their end. The prompt gets what is left for
        both of its copies, floor((max_length - 4 - reference - candidate) / 2), with the longest of the candidates,
        and loses its beginning.
        """
        most = self.packing.max_answer_tokens
        question = self._clean(prompt)
        answers = [self._clean(text) for text in (reference, *candidates)]
        kept = [ids[:most] for ids in answers]
        texts = [self._text(ids) for ids in kept]
        room = self.packing.max_length - EXTRA_TOKENS - len(kept[0]) - max(map(len, kept[1:]), default=0)
        limit = max(0, room // 2)
        while True:
            asked = self._text(question[len(question) - min(limit, len(question)) :])
            rows = [self._row(asked, texts[0], text) for text in texts[1:]]
            excess = max(map(len, rows), default=0) - self.packing.max_length
            if excess <= 0 or not limit:
                break
            limit = max(0, min(limit, len(question)) - -(-excess // 2))
        short = len(question) > limit or len(answers[0]) > most
        return [
            Packed([*row[: min(len(row), self.packing.max_length) - 1], self.reward_id], short or len(ids) > most)
            for row, ids in zip(rows, answers[1:], strict=True)
        ]

    def _row(self, prompt: str, reference: str, candidate: str) -> list[int]:
        first, second = (self._half(prompt, answer) for answer in (reference, candidate))
        start = self.encoder.encode_prompt([{"role": "user", "content": first}], "raw") if first else []
        return [*start, self.separator_id, *self.encoder.encode(second), self.reward_id]

    def _half(self, prompt: str, answer: str) -> str:
        between = "\n" if self.packing.wrapper == "sft" and answer else ""
        return prompt + between + answer

    def _clean(self, text: str) -> list[int]:
        """Token ids of a text without control tokens, those that form as others go included."""
        while True:
            ids = self.encoder.encode(text)
            kept = [token for token in ids if token not in self._control]
            if len(kept) == len(ids):
                return ids
            text = self._text(kept)

    def _text(self, ids: Sequence[int]) -> str:
        return self.encoder.decode(ids)


def published_tokens(encoder: Encoder) -> bool:
    """Whether a tokenizer has the separator and the reward token of the published checkpoints."""
    known = dict(encoder.tokens())
    return SEPARATOR in known and REWARD in known and known[SEPARATOR] != known[REWARD]


def _id_of(known: dict[str, int], token: str, flag: str, encoder: Encoder) -> int:
    if token not in known:
        special = ", ".join(encoder.special_texts) or "none"
        raise WrongOption(
            f"{encoder.folder}: its tokenizer does not have {token}: give {flag} another one "
            f"that stands in no text (its special tokens: {special})"
        )
    return known[token]
