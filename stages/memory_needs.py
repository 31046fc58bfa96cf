"""What the options of a training say about the memory it takes: for its log, its manifest and --dry-run.

rm_memory(options, policy, longest=512).lines
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from .frozen_models import frozen_models
from .memory import adapter_parameters, split_parameters, training_memory
from .models import device_type, folder_of, read_config, stored_tensors
from .objectives.oreal import Oreal
from .preflight import Findings
from .rewards.methods import BradleyTerry, Implicit, Polar, Token

if TYPE_CHECKING:
    from ..artifacts import Weights
    from .train_policy import TrainPolicyOptions
    from .train_rm import TrainRmOptions
    from .training_inputs import TrainingInputs


def policy_memory(options: TrainPolicyOptions, inputs: TrainingInputs, longest: int = 0) -> Findings:
    """What train-policy takes on this machine.

    Args:
        longest: tokens of the longest row, as far as it is known.
    """
    token_model = options.objective.token_model if isinstance(options.objective, Oreal) else "none"
    return _findings(
        inputs.policy, options, longest,
        copies=frozen_models(options, inputs).copies,
        beside=token_model,
    )  # fmt: skip


def rm_memory(options: TrainRmOptions, policy: Weights, longest: int) -> Findings:
    """What train-rm takes on this machine; `longest` as above."""
    method = options.method
    return _findings(
        policy, options, longest,
        # With adapters the reference of implicit rewards is the model without them.
        copies=int(isinstance(method, Implicit) and not options.lora.rank),
        headed=isinstance(method, Token | BradleyTerry | Polar),
    )  # fmt: skip


def _findings(
    policy: Weights,
    options: TrainPolicyOptions | TrainRmOptions,
    longest: int,
    *,
    copies: int,
    headed: bool = False,
    beside: str = "none",
) -> Findings:
    """The estimate.

    Args:
        copies: of the policy that are held beside the trained one.
        headed: the trained model has a head of one label in place of the vocabulary projection.
        beside: such a model that is held besides: none, fixed, or trained too.
    """
    folder, lora, device = folder_of(policy), options.lora, device_type()
    config, shapes = read_config(folder), {name: shape for name, (_, shape) in stored_tensors(folder).items()}
    whole, network, head = split_parameters(shapes, config.get("hidden_size") or 0)
    with_head = network + head
    parameters = with_head if headed else whole
    trained = None
    if lora.rank:
        adapters = adapter_parameters(shapes, lora)
        trained = adapters + (head if headed else 0)
        parameters += adapters
    estimate = partial(
        training_memory, config, tokens=options.loop.pass_tokens(device), longest=longest, device=device,
        precision=options.optimization.precision, checkpointing=options.optimization.gradient_checkpointing,
    )  # fmt: skip
    frozen = copies * whole + (with_head if beside == "fixed" else 0)
    memory = estimate(parameters, trained=trained, frozen=frozen, head=headed)
    if beside == "trained":
        memory += estimate(with_head, head=True)
    facts = {name: round(value / 1e6, 1) for name, value in asdict(memory).items()}
    of = f"{parameters:,} parameters" + ("" if trained is None else f", {trained:,} of them trained")
    return Findings({"memory_megabytes": facts}, [f"{memory.line()} for {of}"])
