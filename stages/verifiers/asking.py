"""The options of asking a verifier model, and what they mean for the one that was given; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from ...artifacts import SourceFile, Weights, WrongArtifact, WrongOption
from ..models import context_of, folder_of, read_config, refuse_foreign_code, resolve_precision
from ..options import Runtime, expect
from ..servers import Serving
from ..servers.address import Address
from .prompts import load_prompt
from .settings import Settings, read_settings

LONGEST_PROMPT = 32_768
"""Tokens of a prompt where a model's context allows more: what CompassVerifier was trained on."""


@dataclass(frozen=True, kw_only=True)
class Direct:
    """Read the probability of each label as the first token; nothing is generated."""

    min_confidence: float = 0.0
    """Verdicts of a lower confidence (the label's share of the probability of all labels) are unknown"""

    def __post_init__(self) -> None:
        holds = 0 <= self.min_confidence <= 1
        expect([("--min-confidence", self.min_confidence, holds, "from 0 to 1")])


@dataclass(frozen=True, kw_only=True)
class ChainOfThought:
    """Let the verifier write its reasons first, greedily, and parse its verdict strictly."""

    max_tokens: int = 2048
    """Tokens that the verifier writes at most"""

    def __post_init__(self) -> None:
        expect([("--max-tokens", self.max_tokens, self.max_tokens >= 1, "at least 1")])


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How the verifier model is asked."""

    mode: Direct | ChainOfThought = field(default_factory=Direct)
    """direct: its label at once, with a confidence; chain-of-thought: reasons first"""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of a verifier on this machine; auto: bfloat16 where the machine multiplies it"""

    max_prompt_tokens: int | None = None
    """A completion that does not fit loses its beginning, counted (default: what its context holds, up to 32768)"""

    verifier_batch_tokens: Annotated[int, Runtime] = 32_768
    """Tokens (rows x columns) that the verifier reads or writes side by side at most"""

    allow_failed: Annotated[float, Runtime] = 0.0
    """Share of a part's rows that a server may leave unanswered: these verdicts are unknown; else the draft stays"""

    serving: Serving = field(default_factory=Serving)
    """How a server is asked"""

    def __post_init__(self) -> None:
        longest = self.max_prompt_tokens
        expect(
            (
                ("--max-prompt-tokens", longest, longest is None or longest >= 1, "at least 1"),
                ("--allow-failed", self.allow_failed, 0 <= self.allow_failed <= 1, "a share from 0 to 1"),
                ("--verifier-batch-tokens", self.verifier_batch_tokens, self.verifier_batch_tokens >= 1, "at least 1"),
            )
        )

    @property
    def new_tokens(self) -> int:
        """Tokens that must fit behind the prompt: what is written, or white space and a label."""
        return self.mode.max_tokens if isinstance(self.mode, ChainOfThought) else 2

    @property
    def mode_name(self) -> str:
        return "chain-of-thought" if isinstance(self.mode, ChainOfThought) else "direct"


def resolve_asking(asking: Asking, verifier: Weights | None, prompt: SourceFile | None) -> Asking:
    """Fill in what auto means for this verifier and this machine; refuse what does not go together."""
    if verifier is None:
        raise WrongOption("--verifier is missing, expected a model folder, hub:org/name@revision or server:URL#MODEL")
    if verifier.kind == "reward-model":
        raise WrongArtifact(f"{verifier.spec} is a reward model, expected a model that writes: a verifier or a policy")
    settings_of(verifier, asking, prompt)
    if verifier.engine == "server":
        own = {"--precision": asking.precision != "auto", "--max-prompt-tokens": asking.max_prompt_tokens is not None}
        for flag in (flag for flag, given in own.items() if given):
            raise WrongOption(f"{flag} is for a verifier on this machine, {verifier.spec} is a server: leave it out")
        Address(verifier.url)  # a URL that is none is refused before a draft is begun
        return asking
    if asking.serving != Serving() or asking.allow_failed:
        raise WrongOption(
            f"--serving.* and --allow-failed are for servers, {verifier.spec} is a folder: leave them out"
        )
    config = read_config(folder_of(verifier))
    refuse_foreign_code(verifier, config)
    room = context_of(config) - asking.new_tokens
    if room < 1 or (asking.max_prompt_tokens or 1) > room:
        raise WrongOption(
            f"--max-prompt-tokens and {asking.new_tokens:,} tokens to write are more than the context of "
            f"{context_of(config):,} tokens that {verifier.spec} has"
        )
    longest = asking.max_prompt_tokens or min(room, LONGEST_PROMPT)
    return replace(asking, precision=resolve_precision(asking.precision), max_prompt_tokens=longest)


def settings_of(verifier: Weights, asking: Asking, prompt: SourceFile | None) -> Settings:
    """The prompt and the labels: as given, else as the verifier was trained, else the mode's own."""
    # An adapter was trained last.
    said = (read_settings(each.path) for each in (verifier.adapter, verifier) if each is not None and each.path)
    trained = next((settings for settings in said if settings is not None), None)
    if prompt is not None:
        given = load_prompt(prompt.path)
        return Settings(given) if trained is None else replace(trained, prompt=given)
    if trained is None:
        return Settings(load_prompt(asking.mode_name))
    if isinstance(asking.mode, ChainOfThought):
        raise WrongOption(
            f"--mode chain-of-thought: {verifier.spec} was trained to give its label at once: leave --mode out, "
            "or give a --prompt"
        )
    return trained
