"""What a verifier model is asked: prompts as text files with {question}, {reference} and {completion}.

    prompt = load_prompt("direct")                       # or "chain-of-thought", "brief", or the path of a file
    prompt.render(Case("2+2=", "4", "So it is 4."))
    token_ids, cut = encode_case(encoder, prompt, case, limit=4096)

Nothing that stands in a case can act as part of the prompt: its braces are plain text, and the tags that fence it in,
and marks of the form `<|...|>` that chat templates are made of, are taken apart where a case holds them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ...artifacts import WrongOption
from . import LABELS, Case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tokens import Encoder

PROMPTS = {"direct": "direct.txt", "chain-of-thought": "chain_of_thought.txt", "brief": "brief.txt"}
"""The prompts that come with whet. `brief` only fences the case in: for models that were trained on it."""

CUT = "[...] "
"""Stands where the beginning of a completion was cut off."""

_PLACEHOLDER = re.compile(r"\{(question|reference|completion)\}")
_TAG = re.compile(r"</?([A-Za-z][\w -]*)>")
_TEMPLATE_MARK = re.compile(r"<\|[^|<>\n]{1,60}\|>")
_OPENERS, _CLOSERS = " \t\r\n*([\"'", " \t\r\n*)].:,\"'"


class CaseTooLong(ValueError):
    """The question and the reference alone fill the prompt."""


@dataclass(frozen=True)
class Prompt:
    """A template. What a case puts into it is taken as text, whatever it says."""

    text: str

    def __post_init__(self) -> None:
        found = _PLACEHOLDER.findall(self.text)
        wrong = [name for name in Case._fields if name not in found]
        if wrong or found.count("completion") > 1:
            what = f"lacks {{{wrong[0]}}}" if wrong else "holds {completion} more than once"
            raise WrongOption(
                f"the prompt {what}, expected {{question}}, {{reference}} and, once, {{completion}} in its text"
            )

    @cached_property
    def _fences(self) -> re.Pattern[str]:
        """The prompt's own tags, as a completion might write them to close its block."""
        names = sorted({re.escape(name.strip()) for name in _TAG.findall(self.text)}, key=len, reverse=True)
        tags = rf"<\s*/?\s*(?:{'|'.join(names)})\s*/?\s*>|" if names else ""
        return re.compile(tags + _TEMPLATE_MARK.pattern, re.IGNORECASE)

    def disarm(self, text: str) -> str:
        """A text without the prompt's tags and the marks of chat templates: `</completion>` becomes `(/completion)`."""
        return self._fences.sub(lambda found: f"({found[0][1:-1]})", text)

    def holds_tags(self, case: Case) -> bool:
        """Whether something in the completion had to be taken apart."""
        return self._fences.search(case.completion) is not None

    def render(self, case: Case) -> str:
        """The text of the prompt for one case."""
        fields = case._asdict()
        return _PLACEHOLDER.sub(lambda found: self.disarm(fields[found[1]]), self.text)


def load_prompt(name_or_path: str | Path) -> Prompt:
    """One of `PROMPTS` by its name, or the prompt in a file.

    Raises:
        WrongOption: there is no such file, or it lacks a placeholder.
    """
    name = str(name_or_path)
    if name in PROMPTS:
        text = (Path(__file__).parent / "prompts" / PROMPTS[name]).read_text(encoding="utf-8")
        return Prompt(text.rstrip("\n"))
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongOption(
            f"--prompt {name} cannot be read ({error}), expected a text file with {{question}}, {{reference}} and "
            "{completion}"
        ) from error
    return Prompt(text.rstrip("\n"))


def encode_case(
    encoder: Encoder, prompt: Prompt, case: Case, limit: int, chat: bool | None = None
) -> tuple[list[int], int]:
    """The token ids of the prompt for one case, and how many tokens of its completion were cut off in front.

    Args:
        limit: of tokens. A completion that does not fit loses its beginning: the answer stands at the end.
        chat: as one user turn through the chat template, or as raw text; None: chat where there is a template.

    Raises:
        CaseTooLong: not even an empty completion fits.
    """
    chat = encoder.template is not None if chat is None else chat
    case = Case(*(_plain(encoder, text) for text in case))

    def encode(completion: str) -> list[int]:
        text = prompt.render(case._replace(completion=completion))
        return encoder.encode_prompt([{"role": "user", "content": text}], "chat" if chat else "raw")

    token_ids = encode(case.completion)
    if len(token_ids) <= limit:
        return token_ids, 0
    empty = len(encode(CUT))
    if empty > limit:
        raise CaseTooLong(f"question and reference take {empty:,} tokens of prompt, at most {limit:,} are allowed")
    completion_ids = encoder.encode(prompt.disarm(case.completion))
    kept = limit - empty
    while True:
        # The rest of a character that was cut through decodes to the replacement character.
        text = encoder.decode(completion_ids[len(completion_ids) - kept :], skip_special=False).lstrip("\ufffd")
        token_ids = encode(CUT + text if kept else CUT)
        if len(token_ids) <= limit or not kept:
            return token_ids, len(completion_ids) - kept
        # Where two texts meet, tokens may be cut otherwise than in each alone.
        kept = max(0, kept - (len(token_ids) - limit))


def _plain(encoder: Encoder, text: str) -> str:
    """A text without special tokens written out in it: `<s>` becomes `< s>`; halves of characters become `?`."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    for token in encoder.special_texts:
        if len(token) > 1 and token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def label_ids(encoder: Encoder, labels: Mapping[str, str] = LABELS) -> dict[str, list[int]]:
    """For every label the ids of all single tokens that write it: "A", " A", "(A", "A." ... but never "a" or "AB"."""
    found: dict[str, list[int]] = {label: [] for label in labels}
    longest = max(map(len, labels)) + 8
    for token, token_id in encoder.tokens():
        # The decoder need not be asked for the tokens (nearly all) that cannot write a label.
        if token.startswith("<0x") or (len(token) <= longest and any(label in token for label in labels)):
            text = encoder.decode([token_id]).lstrip(_OPENERS).rstrip(_CLOSERS)
            if text in found:
                found[text].append(token_id)
    return {label: sorted(token_ids) for label, token_ids in found.items()}
