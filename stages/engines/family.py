"""Which models the decode loop can run, told from config.json alone; imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FAMILY = ("llama", "mistral", "qwen2", "qwen3")
_STATIC_ROPE = ("default", "linear", "llama3", "yarn")


def unsupported(config: Mapping[str, Any]) -> str | None:
    """Why the decode loop cannot run a model with this config.json; None when it can."""
    if config.get("model_type") not in FAMILY:
        return f"model_type {config.get('model_type')!r} is none of {', '.join(FAMILY)}"
    if config.get("auto_map"):
        return "it brings code of its own"
    if config.get("hidden_act", "silu") != "silu":
        return f"hidden_act {config['hidden_act']!r} is not silu"
    if config.get("quantization_config"):
        return "the weights are quantised"
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind not in _STATIC_ROPE:
        return f"rotary positions of type {kind!r} change with the length"
    window = config.get("sliding_window")
    windowed = config.get("use_sliding_window", config.get("model_type") == "mistral")
    if windowed and window and window < config.get("max_position_embeddings", 0):
        return "it attends through a sliding window"
    return None
