"""A rollout's text with each token shaded by its log-probability: what the policy was sure of stays plain."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..artifacts import Artifact, WrongArtifact
from ..artifacts.weights import tokenizer_digest
from ..stages.tokens import Encoder, load_encoder
from .page import Page
from .readable import visible

SHADES: tuple[tuple[float, Any, str], ...] = (
    (0.9, None, "90 % or more"),
    (0.5, (110, 170, 255), "50 to 90 %"),
    (0.1, (235, 200, 90), "10 to 50 %"),
    (0.01, (255, 140, 60), "1 to 10 %"),
    (0.0, (255, 70, 70), "below 1 %"),
)
"""The least probability of a shade, its colour, its name."""

_BEFORE = 8
"""Tokens that are decoded with the next one: where characters are made of several, they decide what it adds."""


def encoder_of(artifact: Artifact[Any]) -> Encoder | None:
    """The tokenizer that wrote the tokens, if its folder is still where it was and still the same."""
    wanted = artifact.manifest.facts.get("tokenizer_digest")
    for item in artifact.manifest.inputs:
        folder = (artifact.path / item.path).resolve() if item.path else None
        if wanted and folder and Path(folder).is_dir() and tokenizer_digest(folder) == wanted:
            try:
                return load_encoder(folder)
            except WrongArtifact:
                return None
    return None


def shade_of(logprob: float) -> Any:
    """The colour for a log-probability in nats."""
    probability = math.exp(min(0.0, logprob))
    return next(colour for least, colour, _ in SHADES if probability >= least)


def pieces_of(encoder: Encoder, token_ids: Sequence[int]) -> list[str]:
    """What each token adds to the text; nothing where a character is not complete yet."""
    pieces: list[str] = []
    for index in range(len(token_ids)):
        first = max(0, index - _BEFORE)
        before = encoder.decode(token_ids[first:index], skip_special=False)
        text = encoder.decode(token_ids[first : index + 1], skip_special=False)
        if text.endswith("\ufffd") and index + 1 < len(token_ids):
            pieces.append("")
            continue
        pieces.append(text[len(before.rstrip("\ufffd")) :])
    return pieces


def shaded_block(page: Page, encoder: Encoder, row: dict[str, Any], indent: int) -> Iterator[str]:
    """The text of a rollout, its own tokens shaded, what the policy did not write dimmed; lines fit the page."""
    legend = " ".join(page.style(f"{name}", fg=colour) for _, colour, name in SHADES)
    yield " " * indent + page.faint("text, shaded by the probability of each token: ") + legend + "\n"
    foreign = [part for part in row.get("segments") or [] if part["origin"] != "policy"]
    logprobs = row.get("logprobs") or [0.0] * len(row["token_ids"])
    space, column = " " * (indent + 2), 0
    line = space
    for index, piece in enumerate(pieces_of(encoder, list(row["token_ids"]))):
        put = any(part["start"] <= index < part["end"] for part in foreign)
        style: dict[str, Any] = {"dim": True} if put else {"fg": shade_of(logprobs[index])}
        for number, text in enumerate(visible(piece).split("\n")):
            if number or column + len(text) > page.width - indent - 2:
                yield line.rstrip() + "\n"
                line, column = space, 0
            line += page.style(text, **style) if text else ""
            column += len(text)
    yield line.rstrip() + "\n"
