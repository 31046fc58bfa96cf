"""Engine `vllm`: the vLLM library, on a GPU or a CPU; the only place that imports it.

    engine = VllmEngine(folder, end_token_ids=[2], precision="bfloat16")
    for completion in engine.sample(requests, Sampling(max_tokens=64), stopping=lambda: False): ...

vLLM runs the network; the tokens are drawn here, by the same function and the same number for each (seed, position) as
in the decode loop, inside a logits processor. So a rollout is the same whichever engine drew it (up to rounding), it
does not depend on its batch, and one that was stopped goes on as if it had not been. The processor leaves three
logits a row: the drawn token highest, and at the two ids after it the raw and the sampling log-probability, which vLLM
hands back as its "log-probabilities". Where both are the same number (temperature 1, nothing cut) it leaves one: the
drawn token's, with that number. All this works across processes, where workers share no memory with the caller.

Deviations: no penalties, as none of the engines has them.
"""

# B rows, V vocabulary
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# vllm lives in an environment of its own, which the type checker does not see.

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...artifacts import WrongOption
from ..sampling import Sampling
from . import Completion, Ended, NotNumbers, Request, begin, finish_reason_of, limit_of
from .drawing import draw
from .uniforms import uniforms

# Rather one process than a second one for the engine: half the memory, and Ctrl-C reaches us alone.
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")

import vllm
from vllm.lora.request import LoRARequest
from vllm.sampling_params import RequestOutputKind
from vllm.v1.sample.logits_processor import LogitsProcessor, MoveDirectionality

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks of adapters that vLLM makes room for."""

_DRAWN = 1.0
"""The logit of the drawn token: above every log-probability."""

_NAN = -1e30
"""Stands for a log-probability that is not a number: among NaNs vLLM would not find the drawn token."""

_TOKENS_AT_ONCE = 16
"""Tokens of a row that vLLM hands over together; a row that is stopped loses those not handed over yet."""


class Drawing(LogitsProcessor):
    """Draws the next token of every row of vLLM's batch; made by vLLM in its workers."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self._rows: dict[int, tuple[int, Sampling, int, list[int]]] = {}

    def is_argmax_invariant(self) -> bool:
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the rows of the batch as they come, go and move."""
        if batch_update is None:
            return
        for index in batch_update.removed:
            self._rows.pop(index, None)
        for index, params, _, output_token_ids in batch_update.added:
            self._rows.pop(index, None)
            own = (params.extra_args or {}).get("whet")
            if own is not None:
                seed, before, *shape = own
                self._rows[index] = (seed, _shape(*shape), before, output_token_ids)
        for source, target, direction in batch_update.moved:
            moved, replaced = self._rows.pop(source, None), self._rows.pop(target, None)
            if moved is not None:
                self._rows[target] = moved
            if replaced is not None and direction == MoveDirectionality.SWAP:
                self._rows[source] = replaced

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Leave of every row the drawn token and its two log-probabilities. [B, V] -> [B, V]."""
        kinds: dict[Sampling, list[int]] = {}
        for index, (_, sampling, _, _) in self._rows.items():
            if index < len(logits):
                kinds.setdefault(sampling, []).append(index)
        for sampling, indices in kinds.items():
            seeds = np.array([self._rows[index][0] for index in indices], dtype=np.uint64)
            positions = np.array([self._rows[index][2] + len(self._rows[index][3]) for index in indices])
            whole = len(indices) == len(logits)
            rows_B = torch.tensor(indices, device=logits.device)
            chosen_BV = logits if whole and indices == list(range(len(logits))) else logits[rows_B]
            uniforms_B = torch.from_numpy(uniforms(seeds, positions)).to(logits.device)
            tokens_B, raw_B, sampling_B = draw(chosen_BV, uniforms_B, sampling)
            if whole:
                logits.fill_(float("-inf"))
            else:
                logits[rows_B] = float("-inf")
            vocabulary = logits.shape[-1]
            left = (raw_B,) if _as_is(sampling) else (_DRAWN, raw_B, sampling_B)
            for offset, values in enumerate(left):
                numbers = torch.where(torch.isnan(values), _NAN, values) if torch.is_tensor(values) else values
                logits[rows_B, (tokens_B + offset) % vocabulary] = numbers
        return logits


def _shape(temperature: float, top_k: int, top_p: float) -> Sampling:
    return Sampling(temperature=temperature, top_k=top_k, top_p=top_p)


def _as_is(sampling: Sampling) -> bool:
    """Whether tokens are drawn from the network's own distribution, so that raw and sampling numbers are the same."""
    return sampling.temperature == 1 and sampling.top_k == 0 and sampling.top_p == 1


class VllmEngine:
    """Draws rollouts with vLLM; an `Engine`.

    Args:
        folder: a Hugging Face model folder.
        precision: float32 or bfloat16.
        max_batch_rows: rollouts drawn side by side at most.
        gpu_memory_utilization: share of a GPU's memory for weights and cache.
        max_model_len: tokens of prompt and rollout together; None: the model's own context.
        arguments: further ones of `vllm.LLM`.
        adapter: folder of a LoRA adapter that is applied to every rollout.
    """

    def __init__(
        self,
        folder: Path,
        end_token_ids: Iterable[int],
        *,
        precision: str,
        max_batch_rows: int = 256,
        gpu_memory_utilization: float = 0.9,
        max_model_len: int | None = None,
        arguments: Mapping[str, Any] | None = None,
        trust_remote_code: bool = False,
        adapter: Path | None = None,
    ) -> None:
        self._ends = frozenset(end_token_ids)
        if not torch.cuda.is_available():
            os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
        wanted: dict[str, Any] = {"enforce_eager": not torch.cuda.is_available(), **(arguments or {})}
        own: dict[str, Any] = {
            "model": str(folder),
            "dtype": precision,
            "max_num_seqs": max_batch_rows,
            "max_model_len": max_model_len,
            "gpu_memory_utilization": gpu_memory_utilization,
            "skip_tokenizer_init": True,
            "enable_prefix_caching": True,
            "logits_processors": ["whet.stages.engines.vllm:Drawing"],
            "logprobs_mode": "processed_logits",
            "generation_config": "vllm",
            "disable_log_stats": True,
            "stream_interval": _TOKENS_AT_ONCE,
            "trust_remote_code": trust_remote_code,
        }
        self._adapter = None
        if adapter is not None:
            rank = json.loads((adapter / "adapter_config.json").read_text())["r"]
            own |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": next(r for r in RANKS if r >= rank)}
            self._adapter = LoRARequest("adapter", 1, str(adapter))
        if taken := sorted(own.keys() & wanted.keys()):
            raise WrongOption(
                f"--engine-arg {taken[0]} is what whet sets itself, expected another argument of vllm.LLM"
            )
        try:
            self._llm = vllm.LLM(**own, **wanted)
        except (TypeError, ValueError, NotImplementedError) as error:
            # pydantic's messages are lists; the last line that says something names the argument.
            said = " ".join(line.strip() for line in str(error).splitlines() if "errors.pydantic.dev" not in line)
            raise WrongOption(f"vllm refuses {folder} with these options ({said[:400]})") from error
        self._context = self._llm.model_config.max_model_len
        self._vocabulary = self._llm.model_config.get_vocab_size()

    def update(self, weights: Iterable[tuple[str, torch.Tensor]]) -> None:
        """Replace the weights in place, and forget the keys and values that were computed with the old ones.

        Args:
            weights: by their names in a checkpoint, tied ones once.
        """
        self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": iter(weights)})
        if not torch.cuda.is_available():
            self._llm.apply_model(_pack_again)
        self._llm.reset_prefix_cache()

    def sleep(self) -> None:
        """Give the GPU's memory back; `enable_sleep_mode` must have been given."""
        self._llm.sleep(level=1)

    def wake(self) -> None:
        """Take the memory again."""
        self._llm.wake_up()

    def sample(
        self,
        requests: Iterable[Request],
        sampling: Sampling,
        stopping: Callable[[], bool] = lambda: False,
        ended: Ended | None = None,
    ) -> Iterator[Completion]:
        """Draw every request, yielding each as it ends; see `Engine`."""
        engine = self._llm.llm_engine
        as_is = _as_is(sampling)
        live: dict[str, tuple[Completion, int]] = {}
        for request in requests:
            limit = limit_of(request, sampling, self._context)
            row = begin(request, limit, self._ends, ended)
            if row.finish_reason:
                yield row
                continue
            name = str(request.index)
            live[name] = (row, limit)
            prompt = {"prompt_token_ids": [*request.prompt_token_ids, *row.token_ids]}
            engine.add_request(name, prompt, self._params(row, limit, sampling), lora_request=self._adapter)  # type: ignore[arg-type]
        try:
            while live:
                if stopping():
                    yield from [row for row, _ in live.values() if row.token_ids]
                    return
                for output in engine.step():
                    row, limit = live[output.request_id]
                    for token, found in _drawn(output.outputs[0]):  # type: ignore[union-attr]
                        _append(row, token, found, None if as_is else self._vocabulary)
                        row.finish_reason = finish_reason_of(row.request, row.token_ids, limit, self._ends, ended)
                        if row.finish_reason:
                            break
                    if row.finish_reason:
                        del live[output.request_id]
                        if not output.finished:
                            engine.abort_request([output.request_id])
                        yield row
        finally:
            if live:
                engine.abort_request(list(live))
                engine.step()

    def _params(self, row: Completion, limit: int, sampling: Sampling) -> vllm.SamplingParams:
        shape = [sampling.temperature, sampling.top_k, sampling.top_p]
        return vllm.SamplingParams(
            temperature=0,
            max_tokens=limit - len(row.token_ids),
            logprobs=0 if _as_is(sampling) else 3,
            stop_token_ids=sorted(self._ends),
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
            extra_args={"whet": [row.request.seed, len(row.token_ids), *shape]},
        )


def _drawn(output: Any) -> Iterator[tuple[int, Any]]:
    """The newly drawn tokens, each with what vLLM calls its log-probabilities."""
    return zip(output.token_ids, output.logprobs, strict=True)


def _append(row: Completion, token: int, found: Any, vocabulary: int | None) -> None:
    """Add a token with the numbers that stand at the two ids after it; vocabulary None: at its own.

    Raises:
        NotNumbers: they are NaN.
    """
    raw, sampling = (token, token) if vocabulary is None else ((token + 1) % vocabulary, (token + 2) % vocabulary)
    if found[raw].logprob <= _NAN:
        raise NotNumbers
    row.token_ids.append(token)
    row.logprobs.append(found[raw].logprob)
    row.sampling_logprobs.append(found[sampling].logprob)


def _pack_again(model: torch.nn.Module) -> None:
    """Make a tied output layer's packed copy anew: on a CPU reloading leaves it as it was, without an error."""
    from vllm.model_executor.layers.utils import dispatch_cpu_unquantized_gemm

    head = getattr(model, "lm_head", None)
    if head is not None and hasattr(head, "weight"):
        dispatch_cpu_unquantized_gemm(head, remove_weight=False)
