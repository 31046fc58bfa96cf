"""Models that scale the logits of their head: log-probabilities are computed from the head alone, and must follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..artifacts import WrongArtifact

_BENDS = ("final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier", "output_multiplier")
"""What configurations call a scale or a cap of the logits."""

_DIVIDED = ("granite", "granitemoe", "granitemoeshared", "granitemoehybrid")
_MULTIPLIED = ("cohere", "cohere2")
"""Kinds of models that divide the logits by `logits_scaling`, and that multiply them by `logit_scale`. Others give the
same names another meaning."""


def head_scale(config: Any, spec: str) -> float:
    """What the logits of the head are multiplied by: 1 for most models.

    Args:
        config: config.json as a mapping, or a loaded configuration.

    Raises:
        WrongArtifact: its logits are changed in a way that is not followed: capped (Gemma 2), or scaled by a model that
            is not known here (Falcon-H1 ...).
    """
    settings = _settings(config)
    settings = _settings(settings.get("text_config") or settings)
    kind, scale, known = settings.get("model_type"), 1.0, ""
    if kind in _DIVIDED:
        known, scale = "logits_scaling", 1 / (settings.get("logits_scaling") or 1)
    elif kind in _MULTIPLIED:
        known, scale = "logit_scale", settings.get("logit_scale") or 1.0
    for name in _BENDS:
        if name != known and settings.get(name) not in (None, 1):
            raise WrongArtifact(
                f"{spec} changes the logits of its head ({name} {settings[name]:g}), which training and likelihood "
                "scores do not follow: their log-probabilities would be wrong; choose another model"
            )
    return scale


def _settings(config: Any) -> Mapping[str, Any]:
    return config if isinstance(config, Mapping) else {**vars(config), "model_type": config.model_type}
