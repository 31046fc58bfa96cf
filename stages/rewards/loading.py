"""Reward models of every method, loaded: those of ours, and published ones that say what they are.

    loaded = load_reward_model(weights, dtype="float32")
    loaded.settings.method, loaded.model

Nothing is unpickled. Heads are the model's own: an output layer that a configuration calls tied is never put in place
of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...artifacts import Weights, WrongArtifact
from ..heap import keep_freed_memory
from ..models import (
    HEAD,
    best_device,
    folder_of,
    load_policy,
    merged,
    quiet_transformers,
    read_config,
    refuse_foreign_code,
)
from ..tokens import load_encoder
from .folder import Method, Settings, said_settings
from .internlm2 import is_internlm2, load_internlm2
from .polar_packing import Packing, published_tokens

Dtype = Literal["stored", "float32", "bfloat16"]


class RewardModel(NamedTuple):
    """A reward model in evaluation mode: a transformers model with one label, or a causal one (implicit)."""

    model: Any
    settings: Settings


def settings_of(weights: Weights) -> Settings:
    """What a folder says it is; a published model without reward-model.json is known by its architecture.

    A POLAR checkpoint is an InternLM2 model whose tokenizer has POLAR's tokens; a sequence-classification model with
    one label is a Bradley-Terry one.

    Raises:
        WrongArtifact: it is no reward model.
    """
    settings, folder = said_settings(weights), folder_of(weights)
    if settings is not None:
        return settings
    config = read_config(folder)
    names = config.get("architectures") or []
    if is_internlm2(config) and published_tokens(load_encoder(folder)):
        return Settings(method="polar", packing=Packing())
    if any(name.endswith("ForSequenceClassification") for name in names) and labels_of(config) == 1:
        return Settings(method="bradley-terry", chat=True)
    raise WrongArtifact(
        f"{weights.spec} is no reward model ({', '.join(names) or 'no architectures'}, no reward-model.json), expected "
        "a folder of whet train-rm, a POLAR checkpoint or a sequence classifier with one label"
    )


def load_reward_model(weights: Weights, *, dtype: Dtype = "stored", device: str | None = None) -> RewardModel:
    """Load a reward model of any method, in evaluation mode.

    Raises:
        WrongArtifact: it is none, or cannot be loaded.
    """
    settings = settings_of(weights)
    if settings.method == "implicit":
        return RewardModel(load_policy(weights, dtype=dtype, device=device), settings)
    return RewardModel(load_headed(weights, settings.method, dtype=dtype, device=device), settings)


def load_headed(
    weights: Weights,
    method: Method,
    *,
    dtype: Dtype = "float32",
    device: str | None = None,
) -> Any:
    """A model with a head of one label on the network of a folder: a token model, or a sequence model.

    The head of a reward model is kept; a policy gets one of zeros. A token head has no bias: where transformers insists
    on one it is zero and is not trained. A LoRA adapter is merged into the weights, and brings its head.

    Raises:
        WrongArtifact: the folder holds no model transformers knows with such a head.
    """
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

    keep_freed_memory()
    folder, config = folder_of(weights), read_config(folder_of(weights))
    kind: Any = AutoModelForTokenClassification if method == "token" else AutoModelForSequenceClassification
    if is_internlm2(config) and method != "token":
        model = load_internlm2(folder, config, None if dtype == "stored" else getattr(torch, dtype))
        return merged(model, weights).to(device or best_device()).eval()
    quiet_transformers()
    refuse_foreign_code(weights, config)
    try:
        with _silent(), torch.random.fork_rng(devices=[]):
            made: Any = AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=weights.trust_remote_code
            )
            made.num_labels, made.tie_word_embeddings = 1, False
            if method == "token":
                # Dropout would make the loss of a row depend on its neighbours.
                made.classifier_dropout = 0.0
            model, report = kind.from_pretrained(
                folder,
                config=made,
                dtype="auto" if dtype == "stored" else getattr(torch, dtype),
                attn_implementation="sdpa",
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=weights.trust_remote_code,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise WrongArtifact(f"{folder} cannot be loaded with a head of one label ({first})") from error
    _settle_head(model, folder, set(report["missing_keys"]))
    return merged(model, weights).to(device or best_device()).eval()


def _settle_head(model: Any, folder: Path, missing: set[str]) -> None:
    """A head that was not stored is zero; anything else that is missing is an error."""
    import torch

    head = getattr(model, HEAD, None)
    if head is None:
        raise WrongArtifact(f"{folder}: {type(model).__name__} has no head called {HEAD}, expected one")
    foreign = {name for name in missing if not name.startswith(f"{HEAD}.")}
    if foreign:
        raise WrongArtifact(f"{folder} lacks the weights {', '.join(sorted(foreign)[:3])}: fetch or write it again")
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if f"{HEAD}.{name}" in missing:
                parameter.zero_()
            if name == "bias":
                parameter.requires_grad_(False)


def labels_of(config: dict[str, Any]) -> int:
    """Labels of a classifier as its config.json tells."""
    if "num_labels" in config:
        return int(config["num_labels"])
    return len(config.get("id2label") or {0: "", 1: ""})


@contextmanager
def _silent() -> Iterator[None]:
    """Without the report of weights that a classifier does not take from a policy, and its own that are new."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
