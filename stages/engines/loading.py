"""The engine for a model folder, as `whet sample` names it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..models import context_of, folder_of, load_policy, read_config, refuse_foreign_code

if TYPE_CHECKING:
    from ...artifacts import Weights
    from ..sample import SampleOptions
    from . import Engine


def load_engine(policy: Weights, end_token_ids: Iterable[int], options: SampleOptions) -> Engine:
    """Load the weights and the engine (vllm, decode or generate) that runs them; the options are resolved."""
    assert options.precision != "auto"
    if options.engine == "vllm":
        from .vllm import VllmEngine

        folder = folder_of(policy)
        refuse_foreign_code(policy, read_config(folder))
        return VllmEngine(
            folder,
            end_token_ids,
            precision=options.precision,
            max_batch_rows=options.max_batch_rows,
            gpu_memory_utilization=options.vllm.gpu_memory_utilization,
            max_model_len=options.vllm.max_model_len,
            arguments=options.vllm.arguments,
            trust_remote_code=policy.trust_remote_code,
            adapter=None if policy.adapter is None else policy.adapter.path,
        )
    if options.engine == "decode":
        from .decode import DecodeLoop

        return DecodeLoop(
            load_policy(policy),
            end_token_ids,
            precision=options.precision,
            max_batch_rows=options.max_batch_rows,
            batch_tokens=options.batch_tokens,
            release=True,
        )
    from .generate import PlainLoop

    context = context_of(read_config(folder_of(policy)))
    model = load_policy(policy, dtype=options.precision)
    return PlainLoop(model, end_token_ids, context=context, max_batch_rows=options.max_batch_rows)
