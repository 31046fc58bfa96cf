"""Prompts and completions that come as text, encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...artifacts import Message
from ..batching import TrainingRow
from ..tokens import Encoder
from . import Side

if TYPE_CHECKING:
    import numpy as np


def encoded_prompt(encoder: Encoder, messages: Sequence[Message]) -> np.ndarray:
    import numpy as np

    return np.array(encoder.encode_prompt(messages, "raw" if encoder.template is None else "chat"), np.int32)


def encoded_side(
    encoder: Encoder, prompt: np.ndarray, text: str, name: str, rollout_id: str | None, truncated: bool = False
) -> Side:
    """Text as a completion; the end token stands after it unless it was cut or ends with one itself."""
    import numpy as np

    token_ids = encoder.encode_exactly(text)
    if not truncated and token_ids[-1:] != [encoder.end_id]:
        token_ids = [*token_ids, encoder.end_id]
    ids = np.array(token_ids, np.int32)
    row = TrainingRow(rollout_id=name, prompt_token_ids=prompt, token_ids=ids, truncated=truncated)
    return Side(text=text, row=row, rollout_id=rollout_id)
