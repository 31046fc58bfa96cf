"""Options of single engines."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from ...artifacts import WrongOption
from ..options import Runtime, expect


@dataclass(frozen=True, kw_only=True)
class VllmOptions:
    """What only the engine `vllm` reads."""

    gpu_memory_utilization: Annotated[float, Runtime] = 0.9
    """vllm: share of a GPU's memory for weights and cache"""

    max_model_len: int | None = None
    """vllm: tokens of prompt and rollout together (default: the policy's context)"""

    engine_arg: list[str] = field(default_factory=list)
    """vllm: further arguments of vllm.LLM as KEY=VALUE, the value as JSON where it is JSON"""

    def __post_init__(self) -> None:
        share, length = self.gpu_memory_utilization, self.max_model_len
        expect(
            (
                ("--gpu-memory-utilization", share, 0 < share <= 1, "a share above 0 and up to 1"),
                ("--max-model-len", length, length is None or length >= 1, "at least 1"),
                *(("--engine-arg", entry, "=" in entry[1:], "KEY=VALUE") for entry in self.engine_arg),
            )
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """The further arguments by name."""
        import json

        found: dict[str, Any] = {}
        for entry in self.engine_arg:
            name, _, text = entry.partition("=")
            try:
                found[name.strip().replace("-", "_")] = json.loads(text)
            except ValueError:
                found[name.strip().replace("-", "_")] = text
        return found

    def refuse(self, engine: str) -> None:
        """Refuse options that another engine would silently not read.

        Raises:
            WrongOption: one of them was given.
        """
        for each in fields(self):
            if getattr(self, each.name) != getattr(VllmOptions(), each.name):
                raise WrongOption(
                    f"--{each.name.replace('_', '-')} is read by --engine vllm, not by {engine}: leave it out"
                )
