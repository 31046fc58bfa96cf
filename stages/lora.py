"""LoRA: two thin matrices beside each weight matrix are trained, the weights themselves stay as they are.

A layer computes W x + (alpha / rank) B A x with B = 0 at the beginning, so that training begins at the policy given.
(Hu et al. 2021, arXiv 2106.09685, section 4.1.) The adapters are peft's, inside the model: what they are trained from
is the same model with them turned off, and needs no second copy of the weights. A reward model's head, which begins at
zero, is trained in full beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..artifacts import WrongOption
from .distribution import present
from .models import HEAD
from .options import expect

ALL = "all-linear"
_NAME = "default"

_TASKS = {"ForSequenceClassification": "SEQ_CLS", "ForTokenClassification": "TOKEN_CLS"}
"""What peft calls a model with a head; others write."""


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Training of an adapter instead of all weights."""

    rank: int = 0
    """Width of the adapters (r); 0: all weights are trained"""

    alpha: float = 32.0
    """The adapters' products count alpha / rank times"""

    dropout: float = 0.0
    """Share of the inputs of adapters that is dropped in training"""

    targets: str = ALL
    """Names of the layers that get one, with commas between (q_proj,v_proj ...); all-linear: all but output and head"""

    merge: bool = False
    """Publish the model with the adapter in its weights, instead of the adapter alone"""

    def __post_init__(self) -> None:
        expect(
            (
                ("--lora.rank", self.rank, self.rank >= 0, "0 (off) or a positive number"),
                ("--lora.alpha", self.alpha, self.alpha > 0, "a positive number"),
                ("--lora.dropout", self.dropout, 0 <= self.dropout < 1, "a share from 0 up to below 1"),
                ("--lora.targets", self.targets, bool(self.names), "names of layers, or all-linear"),
            )
        )
        unread = (self.alpha, self.dropout, self.targets, self.merge) != (32.0, 0.0, ALL, False)
        if not self.rank and unread:
            raise WrongOption("--lora options go with --lora.rank: give it, or leave them out")

    @property
    def names(self) -> list[str]:
        return [name.strip() for name in self.targets.split(",") if name.strip()]


def add_adapters(model: Any, lora: Lora) -> Any:
    """The same model with adapters of random A and B = 0 in it, which alone are trained, with a head; float32.

    Raises:
        WrongOption: peft is not installed, no layer has such a name, or models are spread over processes.
    """
    if present().share:
        raise WrongOption("--lora.rank trains few weights, and --shard spreads all of them: leave one of them out")
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise WrongOption("--lora.rank needs peft, which is not installed here: pip install 'whet[lora]'") from error
    head = getattr(model, HEAD, None)
    output = model.get_output_embeddings() if head is None else head
    if lora.targets != ALL and any(model.get_submodule(name) is output for name in lora.names if hasattr(model, name)):
        raise WrongOption("--lora.targets names the output layer, expected layers of the network before it")
    task = next((task for end, task in _TASKS.items() if type(model).__name__.endswith(end)), "CAUSAL_LM")
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]
        lora_dropout=lora.dropout,
        target_modules=ALL if lora.targets == ALL else lora.names,
        exclude_modules=None if head is None else [HEAD],
        task_type=task,  # type: ignore[arg-type]
    )
    # A bias that stays zero is no part of what is trained.
    beside = {name for name, parameter in model.named_parameters() if _of_head(name) and parameter.requires_grad}
    try:
        inject_adapter_in_model(config, model, _NAME)
    except ValueError as error:
        first = str(error).strip().splitlines()[0]
        raise WrongOption(f"--lora.targets {lora.targets} does not fit this model: {first}") from error
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name or name in beside)
    return model


def _of_head(name: str) -> bool:
    return name.startswith(f"{HEAD}.")


def has_adapters(model: Any) -> bool:
    return any(True for _ in _layers(model))


def _layers(model: Any) -> Iterator[Any]:
    return (module for module in model.modules() if hasattr(module, "lora_A") and hasattr(module, "base_layer"))


@contextmanager
def without_adapters(model: Any) -> Iterator[None]:
    """The model as it was before it got adapters."""
    layers = list(_layers(model))
    for layer in layers:
        layer._disable_adapters = True
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def merged_weights(model: Any) -> dict[str, Any]:
    """The weights of the model without adapters in it, their products added: W + (alpha / rank) B A."""
    import torch

    deltas = {id(layer.base_layer.weight): layer for layer in _layers(model)}
    found = {}
    with torch.no_grad():
        for name, value in (*model.named_parameters(), *model.named_buffers()):
            if "lora_" in name or name not in model.state_dict():
                continue
            layer = deltas.get(id(value))
            added = value.detach() if layer is None else value.detach() + layer.get_delta_weight(_NAME)
            found[name.replace(".base_layer.", ".")] = added
    return found


def write_adapter(folder: Path, model: Any, base: str) -> None:
    """Write the adapter as peft does, a head with it: what `PeftModel.from_pretrained(base, folder)` and vllm load.

    Args:
        base: where the weights are that it belongs to.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        "base_model.model." + name.replace(f".{_NAME}.", "."): value.detach().cpu().contiguous()
        for name, value in model.named_parameters()
        if "lora_" in name or _of_head(name)
    }
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = model.peft_config[_NAME]
    config.base_model_name_or_path, inference = base, config.inference_mode
    config.inference_mode = True
    config.modules_to_save = [HEAD] if hasattr(model, HEAD) else None
    config.save_pretrained(folder)
    config.inference_mode = inference
