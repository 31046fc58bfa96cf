"""How a verifier of ours wants to be asked: `verifier.json` in its folder.

    {"format": 1, "prompt": "... {question} ... {reference} ... {completion} ...", "chat": true,
     "labels": {"A": "correct", "B": "incorrect", "C": "invalid"}}

Without this file (a published verifier, any causal model) the prompt is the mode's own and the labels are A, B and C.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...artifacts import WrongArtifact, WrongOption
from ...artifacts.files import read_json, write_json
from ...artifacts.records import VERDICTS
from . import LABELS
from .prompts import Prompt

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "verifier.json"
FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """What a verifier was trained on.

    `chat`: its prompt is one user turn of the chat template; else the bare text.
    """

    prompt: Prompt
    labels: Mapping[str, str] = field(default_factory=lambda: dict(LABELS))
    chat: bool = True


def write_settings(folder: Path, settings: Settings) -> None:
    """Write `verifier.json` into a model folder."""
    write_json(
        folder / NAME,
        {"format": FORMAT, "prompt": settings.prompt.text, "chat": settings.chat, "labels": dict(settings.labels)},
    )


def read_settings(folder: Path) -> Settings | None:
    """What a folder's `verifier.json` says; None where there is none.

    Raises:
        WrongArtifact: it is damaged, or of a newer format.
    """
    file = folder / NAME
    if not file.is_file():
        return None
    try:
        found = read_json(file)
        if found["format"] != FORMAT:
            raise WrongArtifact(f"{file} has format {found['format']}, expected {FORMAT}: it takes another whet")
        labels = {str(label): str(verdict) for label, verdict in found["labels"].items()}
        settings = Settings(Prompt(found["prompt"]), labels, bool(found["chat"]))
    except (ValueError, KeyError, TypeError, AttributeError, WrongOption) as error:
        raise WrongArtifact(f"{file} cannot be read ({error!r}), expected format, prompt, labels and chat") from error
    if wrong := sorted(set(labels.values()) - set(VERDICTS[:3])) or (len(labels) < 2 and sorted(labels)):
        raise WrongArtifact(f"{file} has the labels {wrong}, expected two or three of {', '.join(VERDICTS[:3])}")
    return settings
