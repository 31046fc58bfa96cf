"""One optimiser step on 8 rows of uneven lengths, as one process or two make it.

    torchrun --nproc_per_node 2 one_step.py FOLDER [shard]

saves the summed, unclipped gradients and the weights after a step of plain SGD, for every objective.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from whet.artifacts import Draft
from whet.stages.batching import Step, TrainingRow
from whet.stages.distribution import ALONE, Processes
from whet.stages.distribution.launch import launched
from whet.stages.distribution.sharding import whole
from whet.stages.distribution.starting import leave, start
from whet.stages.frozen import FrozenLogprobs
from whet.stages.groups import totals_of
from whet.stages.learner import Learner
from whet.stages.loop import Loop
from whet.stages.objectives import Objective
from whet.stages.objectives.grpo import Grpo
from whet.stages.objectives.oreal import Oreal
from whet.stages.objectives.supervised import Supervised
from whet.stages.optimization import Optimization
from whet.stages.policy_loss import PolicyLoss
from whet.stages.training import Training

VOCABULARY = 32
OBJECTIVES: dict[str, Objective] = {
    "supervised": Supervised(), "grpo": Grpo(kl_weight=0.1), "oreal": Oreal(keep="none", kl_weight=0.1),
    "grpo-steps": Grpo(),
}  # fmt: skip
OPTIMIZATION = Optimization(learning_rate=0.1, max_grad_norm=0, precision="float32")


def tiny_model(seed: int) -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=True, initializer_range=0.3,
        )
    )  # fmt: skip


def eight_rows(name: str = "") -> list[TrainingRow]:
    """Completions of 1 to 23 tokens, the third with a part that the environment wrote; half of them are right.

    Where the objective's name ends so, every token has what its step earns beside the rollout's advantage.
    """
    rng = np.random.default_rng(7)
    rows = []
    for index, length in enumerate((3, 23, 9, 1, 14, 6, 17, 11)):
        trained = np.ones(length, bool)
        if index == 2:
            trained[2:6] = False
        rows.append(
            TrainingRow(
                rollout_id=str(index),
                prompt_token_ids=rng.integers(1, VOCABULARY, 1 + index % 4).astype(np.int32),
                token_ids=rng.integers(1, VOCABULARY, length).astype(np.int32),
                trained=trained,
                reward=1.0 if index % 2 else -1.0,
                advantage=float(rng.normal()),
                sampled_logprobs=rng.normal(-3.5, 0.1, length).astype(np.float32),
            )
        )
    if name.endswith("-steps"):
        for row in rows:
            row.step_advantages = rng.normal(size=len(row.token_ids)).astype(np.float32)
    return rows


def one_step(
    folder: Path,
    objective: Objective,
    rows: Sequence[TrainingRow],
    *,
    processes: Processes = ALONE,
    batch_tokens: int = 4096,
    packed: bool = True,
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, float]]:
    """Gradients, weights after the step, and what is logged of it."""
    learner = Learner(tiny_model(0), OPTIMIZATION, processes=processes)
    learner.packed = packed
    learner.optimizer = torch.optim.SGD(list(learner.parameters.values()))
    reference = FrozenLogprobs(tiny_model(1)) if objective.needs_reference else None
    loss = PolicyLoss(learner, objective, reference=reference)
    draft = Draft.create(folder, kind="policy", stage="train", options={}, leads=processes.leads)
    training = Training(
        learner=learner, draft=draft, optimization=OPTIMIZATION, loop=Loop(batch_tokens=batch_tokens), until=1,
        rows_of=lambda step: Step(rows=[], totals=None), loss=loss, packed=packed, prepare=loss.prepare,
    )  # fmt: skip
    logged = training.accumulate(Step(rows=list(rows), totals=totals_of(rows)))
    gradients = {
        name: whole(weight.grad).clone() for name, weight in learner.parameters.items() if weight.grad is not None
    }
    learner.update(OPTIMIZATION.peak)
    return gradients, {name: whole(weight).clone() for name, weight in learner.weights().items()}, logged


def main(folder: Path, shard: bool) -> None:
    processes = replace(start(launched()), share=shard)
    for name, objective in OBJECTIVES.items():
        gradients, weights, logged = one_step(folder / name, objective, eight_rows(name), processes=processes)
        if processes.leads:
            save_file(gradients, folder / f"{name}-gradients.safetensors")
            save_file(weights, folder / f"{name}-weights.safetensors")
            save_file({key: torch.tensor(value) for key, value in logged.items()}, folder / f"{name}-log.safetensors")
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), "shard" in sys.argv)
