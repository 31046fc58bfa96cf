"""What a reward model of ours was trained as: `reward-model.json` in its folder.

    {"format": 1, "method": "token", "token_alignment": "before", "chat": true}
    {"format": 1, "method": "polar", "packing": {"separator_token": "<|reward|>", ...}}
    {"format": 1, "method": "bradley-terry", "chat": true}
    {"format": 1, "method": "implicit", "chat": true, "beta": 0.05, "reference": {"spec": "...", "digest": "..."},
     "loss": "ce"}

The rest of the folder is a plain Hugging Face model: AutoModelForTokenClassification (token),
AutoModelForSequenceClassification (bradley-terry, polar) with one label, AutoModelForCausalLM (implicit).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...artifacts import WrongArtifact, WrongOption
from ...artifacts.files import read_json, write_json
from .polar_packing import Packing

if TYPE_CHECKING:
    from ...artifacts import Weights

NAME = "reward-model.json"
FORMAT = 1

Method = Literal["token", "bradley-terry", "polar", "implicit"]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The model that implicit rewards are taken against: how it was given, and the digest of its weights."""

    spec: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a reward model reads a rollout."""

    method: Method
    chat: bool = True
    """Its prompts are rendered by the chat template; else the bare contents. POLAR uses `packing` instead"""

    token_alignment: Literal["before"] | None = None
    """A token's weight is the number of the state before it: a Hugging Face token model's logit one place earlier"""

    packing: Packing | None = None
    beta: float | None = None
    """A token's implicit reward is beta times ln p of the model minus ln p of the reference"""

    reference: Reference | None = None
    loss: Literal["ce", "dpo"] | None = None
    """Of an implicit one: trained on verdicts (ce) its sum is a log-odds, on pairs (dpo) one up to a prompt's shift"""

    def __post_init__(self) -> None:
        needed = {"token": ["token_alignment"], "polar": ["packing"], "implicit": ["beta", "reference"]}
        missing = [name for name in needed.get(self.method, []) if getattr(self, name) is None]
        if missing:
            raise ValueError(f"method {self.method} without {' and '.join(missing)}")


def write_settings(folder: Path, settings: Settings) -> None:
    """Write `reward-model.json` into a model folder."""
    kept = {key: value for key, value in asdict(settings).items() if value is not None}
    write_json(folder / NAME, {"format": FORMAT, **kept})


def said_settings(weights: Weights) -> Settings | None:
    """What a model says of itself: its adapter, which was trained last, else the model; None where neither does."""
    found = (read_settings(each.path) for each in (weights.adapter, weights) if each is not None and each.path)
    return next((settings for settings in found if settings is not None), None)


def read_settings(folder: Path) -> Settings | None:
    """What a folder's `reward-model.json` says; None where there is none.

    Raises:
        WrongArtifact: it is damaged, or of a newer format.
    """
    file = folder / NAME
    if not file.is_file():
        return None
    try:
        found: dict[str, Any] = read_json(file)
        if found.pop("format") != FORMAT:
            raise WrongArtifact(f"{file} has another format, expected {FORMAT}: it takes another whet")
        if found["method"] not in get_args(Method):
            raise WrongArtifact(f"{file} has method {found['method']}, expected one of {', '.join(get_args(Method))}")
        if "packing" in found:
            found["packing"] = Packing(**found["packing"])
        if "reference" in found:
            found["reference"] = Reference(**found["reference"])
        return Settings(**found)
    except (ValueError, KeyError, TypeError, AttributeError, WrongOption) as error:
        raise WrongArtifact(f"{file} cannot be read ({error!r}), expected format, method and its own keys") from error
