"""Options of train-policy that nothing reads as the others are set: each is refused, with what would read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .objectives import Objective
from .objectives.kdrl import Kdrl
from .optimization import Optimization
from .options import variant_name
from .reward_mapping import Reward
from .training_inputs import TrainingInputs

if TYPE_CHECKING:
    from .train_policy import TrainPolicyOptions

_Rule = tuple[tuple[str, ...], Callable[[Any], bool], str]

_RULES: tuple[_Rule, ...] = (
    (("kl", "kl_by_ratio"), lambda it: it.kl_weight != 0, "--kl-weight above 0"),
    (("mismatch_cap",), lambda it: it.mismatch != "none", "--mismatch truncate or mask"),
    (("constant_tokens",), lambda it: it.normaliser == "constant", "--normaliser constant"),
    (
        ("token_model_learning_rate", "freeze_steps"),
        lambda it: it.token_model == "trained",
        "--token-model trained (with --problems it is, where --reward-model is given)",
    ),
    (
        ("token_weights", "token_score", "token_state"),
        lambda it: it.token_model != "none",
        "a token model: --reward-model or --token-model trained",
    ),
    (
        ("positive_threshold", "negative_threshold"),
        lambda it: it.token_model != "none" and it.token_weights == "threshold",
        "a token model and --token-weights threshold",
    ),
    (
        ("top_k_ratio",),
        lambda it: it.token_model != "none" and it.token_weights == "top-k",
        "a token model and --token-weights top-k",
    ),
    (("anti_principle", "contrast_weight", "partition"), lambda it: it.target == "contrast", "--target contrast"),
    (("clip",), lambda it: it.form == "clip", "--form clip"),
)
"""Fields of objectives, whether they are read, and what would read them."""


def unread_options(options: TrainPolicyOptions, inputs: TrainingInputs) -> list[tuple[bool, str]]:
    """(whether it is so, why that is refused), in the order of refusing."""
    objective, optimization = options.objective, options.optimization
    name = f"--objective {variant_name(type(objective))}"
    found = _unread(objective)
    scheduled = optimization.schedule != "constant"
    rewarded = options.reward not in (Reward(), Reward().filled(objective.rewards))
    return [
        (found is not None, f"{found}: give that, or leave it out"),
        (
            not scheduled and optimization.floor_ratio != Optimization().floor_ratio,
            "--floor-ratio is where --schedule cosine or linear ends: give one of them, or leave it out",
        ),
        (
            not scheduled and optimization.schedule_steps is not None and not isinstance(objective, Kdrl),
            "--schedule-steps is where --schedule cosine or linear ends: give one of them, or leave it out",
        ),
        (
            rewarded and not (objective.needs_verdicts or objective.needs_pairs),
            f"{name} has no rewards, so --reward options mean nothing: leave them out",
        ),
        (
            rewarded and bool(inputs.preferences),
            "--preferences say what is preferred, so --reward options mean nothing: leave them out",
        ),
    ]


def _unread(objective: Objective) -> str | None:
    """The first field of an objective that is not as it would be by itself, and that nothing reads."""
    by_itself = type(objective)()
    for fields, is_read, reader in _RULES:
        for field in fields:
            value = getattr(objective, field, None)
            if value != getattr(by_itself, field, None) and not is_read(objective):
                return f"--{field.replace('_', '-')} is read only with {reader}"
    return None
