"""A trained policy as a folder: the Hugging Face model, the tokenizer's files unchanged, and the trainer's state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..artifacts.files import read_json, remove_tree, write_file, write_json
from ..artifacts.publishing import note_hash
from ..artifacts.weights import TOKENIZER_FILES
from .options import expect

if TYPE_CHECKING:
    from .checkpoints import Progress
    from .learner import Learner
    from .lora import Lora

SaveDtype = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True)
class Saving:
    """What a training publishes."""

    save_every: int = 0
    """Publish the model as it is every so many steps, as OUT-step-NNNN; 0: only at the end"""

    save_dtype: SaveDtype = "float32"
    """Precision of the published weights; trainer/ of a policy keeps float32 ones besides"""

    def __post_init__(self) -> None:
        expect([("--save-every", self.save_every, self.save_every >= 0, "0 or a positive number")])


def write_policy(
    folder: Path,
    learner: Learner,
    tokenizer: Path,
    dtype: SaveDtype = "float32",
    progress: Progress | None = None,
    lora: Lora | None = None,
) -> None:
    """Write what `AutoModelForCausalLM` and `AutoTokenizer` load.

    Args:
        tokenizer: the folder whose tokenizer files are copied, byte for byte: loading and saving would change them.
        dtype: of the weights; moments and master weights in `trainer/` are float32 always.
        lora: how adapters were trained; they are merged into the weights, or written as they are, without `trainer/`.
        progress: written with the optimiser's state into `trainer/`; None leaves that out.

    Every process calls it. The first one writes; what a sharded model's optimiser has, each writes of its own.
    """
    import torch

    from .checkpoints import TRAINER, write_state
    from .distribution.sharding import whole

    processes = learner.processes
    if lora is not None and lora.rank:
        if processes.leads:
            _write_adapted(folder, learner, tokenizer, dtype, lora)
        return
    weights: dict[str, torch.Tensor] | None = None
    if dtype != "float32" or learner.sharded:
        # Tied weights come once in the named parameters: cast apart, they would be stored twice.
        named = [*learner.model.named_parameters(), *learner.model.named_buffers()]
        stored = learner.model.state_dict().keys()
        weights = {}
        for name, value in named:
            if name in stored:
                # Every process takes part in making a weight whole; only the first one keeps it.
                all_of_it = whole(value.detach())
                if processes.leads:
                    weights[name] = all_of_it.to("cpu" if learner.sharded else all_of_it.device, getattr(torch, dtype))
    if processes.leads:
        learner.model.save_pretrained(folder, state_dict=weights)
        write_json(folder / "config.json", {**read_json(folder / "config.json"), "dtype": dtype})
        _copy_tokenizer(tokenizer, folder)
    if progress is not None:
        if processes.leads:
            # What a killed attempt with another number of processes left.
            for left in (folder / TRAINER, folder / "work" / "hashes"):
                remove_tree(left)
        processes.wait()
        for path in write_state(folder / TRAINER, learner, progress, weights=dtype != "float32"):
            if learner.sharded:
                note_hash(folder, path)


def _write_adapted(folder: Path, learner: Learner, tokenizer: Path, dtype: SaveDtype, lora: Lora) -> None:
    """Write a policy with an adapter in it: merged, or the adapter alone; `tokenizer` is the folder of its base."""
    import torch

    from .lora import merged_weights, write_adapter

    if lora.merge:
        weights = {name: value.to(getattr(torch, dtype)) for name, value in merged_weights(learner.model).items()}
        learner.model.save_pretrained(folder, state_dict=weights)
        write_json(folder / "config.json", {**read_json(folder / "config.json"), "dtype": dtype})
    else:
        write_adapter(folder, learner.model, str(tokenizer))
    _copy_tokenizer(tokenizer, folder)


def _copy_tokenizer(tokenizer: Path, folder: Path) -> None:
    for name in TOKENIZER_FILES:
        if (tokenizer / name).is_file():
            write_file(folder / name, (tokenizer / name).read_bytes())
