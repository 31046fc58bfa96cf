"""The engine for a model folder, as `whet sample` names it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from ..models import context_of, folder_of, load_policy, read_config

if TYPE_CHECKING:
    from ...artifacts import Weights
    from . import Engine


def load_engine(
    policy: Weights,
    end_token_ids: Iterable[int],
    *,
    engine: str,
    precision: Literal["float32", "bfloat16"],
    max_batch_rows: int,
    batch_tokens: int,
) -> Engine:
    """Load the weights and the engine ("decode" or "generate") that runs them."""
    if engine == "decode":
        from .decode import DecodeLoop

        return DecodeLoop(
            load_policy(policy),
            end_token_ids,
            precision=precision,
            max_batch_rows=max_batch_rows,
            batch_tokens=batch_tokens,
            release=True,
        )
    from .generate import PlainLoop

    context = context_of(read_config(folder_of(policy)))
    model = load_policy(policy, dtype=precision)
    return PlainLoop(model, end_token_ids, context=context, max_batch_rows=max_batch_rows)
