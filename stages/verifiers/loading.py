"""The verifier model that options and arguments ask for, loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engines.family import unsupported
from ..models import check_vocabulary, context_of, folder_of, load_policy, read_config
from ..tokens import load_encoder
from .asking import Asking, ChainOfThought
from .local import LocalVerifier
from .prompts import label_ids
from .settings import Settings

if TYPE_CHECKING:
    from ...artifacts import Weights
    from ..engines import Engine
    from ..tokens import Encoder

MOST_ROWS = 256
"""Cases that a verifier writes about side by side at most."""


def load_local_verifier(verifier: Weights, settings: Settings, asking: Asking) -> LocalVerifier:
    """A verifier on this machine; the options are resolved."""
    assert asking.max_prompt_tokens is not None
    assert asking.precision != "auto"
    encoder = load_encoder(folder_of(verifier))
    check_vocabulary(encoder.vocabulary, read_config(folder_of(verifier)), verifier)
    if isinstance(asking.mode, ChainOfThought):
        from .thinking import Thinker

        engine = _engine(verifier, encoder, asking)
        reader = Thinker(engine, encoder.decode, labels=settings.labels, max_tokens=asking.mode.max_tokens)
    else:
        from .direct import LabelReader, whitespace_ids

        reader = LabelReader(
            load_policy(verifier, dtype=asking.precision),
            label_ids(encoder, settings.labels),
            whitespace_ids(encoder, settings.labels),
            labels=settings.labels,
            batch_tokens=asking.verifier_batch_tokens,
            min_confidence=asking.mode.min_confidence,
        )
    return LocalVerifier(encoder, settings, reader, max_prompt_tokens=asking.max_prompt_tokens)


def _engine(verifier: Weights, encoder: Encoder, asking: Asking) -> Engine:
    """The decode loop where it knows the architecture, else transformers' own forward pass."""
    assert asking.precision != "auto"
    config = read_config(folder_of(verifier))
    if unsupported(config) is None:
        from ..engines.decode import DecodeLoop

        return DecodeLoop(
            load_policy(verifier),
            encoder.end_token_ids,
            precision=asking.precision,
            max_batch_rows=MOST_ROWS,
            batch_tokens=asking.verifier_batch_tokens,
            release=True,
        )
    from ..engines.generate import PlainLoop

    context = context_of(config)
    rows = max(1, min(MOST_ROWS, asking.verifier_batch_tokens // context))
    model = load_policy(verifier, dtype=asking.precision)
    return PlainLoop(model, encoder.end_token_ids, context=context, max_batch_rows=rows)
