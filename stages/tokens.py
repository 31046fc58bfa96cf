"""The one way from text to token ids and back, without torch.

    encoder = load_encoder("runs/x/policy/v1")
    encoder.encode_prompt([{"role": "user", "content": "2+2="}])     # chat template, generation prompt, at most one BOS
    encoder.encode("4"), encoder.decode([7, 2])

The `tokenizers` library reads tokenizer.json, a sandboxed jinja2 renders the chat template; AutoTokenizer is asked only
for folders without a tokenizer.json.

Deviations from transformers' apply_chat_template: the date that templates may ask for (`strftime_now`) is fixed, as the
same command would otherwise give other prompts tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NoReturn

from ..artifacts import Message, WrongArtifact

PromptFormat = Literal["chat", "raw"]

_TEMPLATE_DATE = datetime(2024, 7, 26)
_NAMED = ("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token")


class Encoder:
    """Text to ids and back for one model folder.

    Attributes:
        template: the chat template's source, None where the folder has none.
        special: the named special tokens (`bos_token` ...) that the folder defines.
        end_token_ids: the ids that end a rollout.
    """

    def __init__(
        self,
        folder: Path,
        tokenizer: Any,
        template: str | None,
        special: Mapping[str, str],
        end_token_ids: frozenset[int],
    ) -> None:
        self.folder = folder
        self._tokenizer = tokenizer
        self.template = template
        self.special = dict(special)
        self.end_token_ids = end_token_ids

    @property
    def vocabulary(self) -> int:
        """One more than the highest id."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    @cached_property
    def special_texts(self) -> tuple[str, ...]:
        """Texts that `encode` turns into a special token where they stand written out, longest first."""
        added = self._tokenizer.get_added_tokens_decoder().values()
        return tuple(sorted({token.content for token in added if token.special}, key=lambda text: (-len(text), text)))

    def tokens(self) -> Iterator[tuple[str, int]]:
        """Every token as the vocabulary spells it (not as it decodes), with its id."""
        return iter(self._tokenizer.get_vocab(with_added_tokens=True).items())

    @cached_property
    def bos_id(self) -> int | None:
        return self._id("bos_token")

    @cached_property
    def end_id(self) -> int:
        """The id to end a text with: the tokenizer's own end token, else the lowest of those that end a rollout."""
        own = self._id("eos_token")
        if own is None and not self.end_token_ids:
            raise WrongArtifact(
                f"{self.folder} names no end token: "
                "set eos_token in tokenizer_config.json or eos_token_id in config.json"
            )
        return own if own is not None else min(self.end_token_ids)

    @cached_property
    def pad_id(self) -> int:
        """The id to fill batches with; masks never look at it."""
        own = self._id("pad_token")
        return self.end_id if own is None else own

    def _id(self, name: str) -> int | None:
        token = self.special.get(name)
        return None if token is None else self._tokenizer.token_to_id(token)

    @cached_property
    def _adds_bos(self) -> bool:
        added = self._tokenizer.encode("", add_special_tokens=True).ids
        return self.bos_id is not None and added[:1] == [self.bos_id]

    @cached_property
    def _drops_characters(self) -> bool:
        """Whether it silently leaves out what it has no token for: BPE with neither an unknown token nor all bytes."""
        model = json.loads(self._tokenizer.to_str())["model"]
        if model["type"] != "BPE" or model.get("unk_token") or model.get("byte_fallback"):
            return False
        from tokenizers.pre_tokenizers import ByteLevel

        return not set(ByteLevel.alphabet()) <= model["vocab"].keys()

    def encode(self, text: str) -> list[int]:
        """Ids of a text as it stands: nothing is added; special tokens written out in it become their ids."""
        try:
            token_ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        except Exception as error:  # tokenizers raises nothing narrower
            raise WrongArtifact(f"{self.folder}: its tokenizer cannot encode {_excerpt(text)} ({error})") from error
        if self._drops_characters and (decoded := self.decode(token_ids, skip_special=False)) != text:
            lost = sorted(set(text) - set(decoded))
            raise WrongArtifact(
                f"{self.folder}: its tokenizer has no token for {' '.join(map(repr, lost[:5]))} in {_excerpt(text)}: "
                "use a policy with a byte-level tokenizer (whet init --tokenizer byte)"
            )
        return token_ids

    def encode_exactly(self, text: str) -> list[int]:
        """As `encode`, for text that training will see as tokens: they must decode to the same text."""
        token_ids = self.encode(text)
        if self.decode(token_ids, skip_special=False) != text:
            raise WrongArtifact(
                f"{self.folder}: {_excerpt(text)} does not survive encoding and decoding: use a byte-level tokenizer, "
                "or normalise the text before importing it"
            )
        return token_ids

    def encode_prompt(self, messages: Sequence[Message], prompt_format: PromptFormat = "chat") -> list[int]:
        """Ids of what stands before a rollout: the rendered chat, or the bare contents; one BOS at most."""
        token_ids = self.encode(self.prompt_text(messages, prompt_format))
        if prompt_format == "raw" and self._adds_bos:
            token_ids = [self.bos_id, *token_ids]
        # A template that writes a BOS into a text that begins with one, or a raw text that does.
        while self.bos_id is not None and token_ids[:2] == [self.bos_id, self.bos_id]:
            token_ids = token_ids[1:]
        if not token_ids:
            raise WrongArtifact(f"{self.folder}: a prompt encodes to no token at all: {_excerpt(str(list(messages)))}")
        return token_ids

    def prompt_text(self, messages: Sequence[Message], prompt_format: PromptFormat = "chat") -> str:
        """What `encode_prompt` encodes: "chat" renders the template up to the policy's turn, "raw" joins contents."""
        if prompt_format == "raw":
            return "\n".join(message["content"] for message in messages)
        if self._rendering is None:
            raise WrongArtifact(
                f"{self.folder} has no chat template: --prompt-format raw gives the policy the bare text, "
                "or put a chat_template.jinja into the folder"
            )
        from jinja2 import TemplateError

        conversation = [{"role": message["role"], "content": message["content"]} for message in messages]
        try:
            return self._rendering.render(
                messages=conversation, tools=None, documents=None, add_generation_prompt=True, **self.special
            )
        except TemplateError as error:
            raise WrongArtifact(
                f"{self.folder}: its chat template refuses {_excerpt(str(conversation))}: {error}"
            ) from error

    @cached_property
    def _rendering(self) -> Any:
        return None if self.template is None else _compile(self.template)

    def decode(self, token_ids: Sequence[int], *, skip_special: bool = True) -> str:
        """Text of ids; special tokens such as the end token are left out unless asked for."""
        return self._tokenizer.decode(list(token_ids), skip_special_tokens=skip_special)


def load_encoder(folder: str | Path) -> Encoder:
    """The encoder of a model folder."""
    folder = Path(folder)
    settings = _read(folder / "tokenizer_config.json")
    named = {**_read(folder / "special_tokens_map.json"), **settings}
    special = {name: text for name in _NAMED if (text := _text(named.get(name)))}
    tokenizer = _tokenizer(folder)
    ends = {tokenizer.token_to_id(special["eos_token"])} if "eos_token" in special else set()
    for file in ("generation_config.json", "config.json"):
        declared = _read(folder / file).get("eos_token_id")
        if declared is not None:
            ends.update(declared if isinstance(declared, list) else [declared])
            break
    return Encoder(folder, tokenizer, _template(folder, settings), special, frozenset(ends - {None}))


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if file.is_file():
        tokenizer = Tokenizer.from_file(str(file))
    else:
        tokenizer = _converted(folder)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _converted(folder: Path) -> Any:
    """The tokenizer of a folder that has only the older files (vocab.json and merges.txt, tokenizer.model ...)."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, ImportError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise WrongArtifact(f"{folder} holds no tokenizer that can be read ({first})") from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise WrongArtifact(
            f"{folder} has no tokenizer.json and its tokenizer cannot be converted: save it with a recent transformers"
        )
    return backend


def _template(folder: Path, settings: Mapping[str, Any]) -> str | None:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    template = settings.get("chat_template") or _read(folder / "chat_template.json").get("chat_template")
    if isinstance(template, list):  # several named templates, in an older form
        template = {entry["name"]: entry["template"] for entry in template}.get("default")
    return template


def _compile(source: str) -> Any:
    """A template in the environment that chat templates are written for; nothing in it reaches Python's own objects."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}` marks the policy's own words; for rendering it is nothing."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> nodes.Node:
            line = next(parser.stream).lineno
            return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)

    def raise_exception(message: str) -> NoReturn:
        raise TemplateError(message)

    def tojson(value: Any, ensure_ascii: bool = False, **layout: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **layout)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = _TEMPLATE_DATE.strftime
    return environment.from_string(source)


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WrongArtifact(f"{file} is no JSON ({error}): fetch or write the folder again") from error
    return found if isinstance(found, dict) else {}


def _text(token: Any) -> str | None:
    """A special token's text: written plain or as a dictionary."""
    return token.get("content") if isinstance(token, dict) else token


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
