"""The scorer of a method, with its models loaded."""

from __future__ import annotations

from typing import Literal

from ...artifacts import Artifact, Rollout, Verdict, Weights
from ..models import folder_of, load_policy
from ..rewards.loading import load_headed
from ..rewards.polar_packing import Packer
from .heads import ScalarScorer, TokenScorer
from .methods import BradleyTerry, Confidence, Implicit, Method, Polar, Token, held_settings
from .policies import ConfidenceScorer, ImplicitScorer, LikelihoodScorer
from .reading import Reader
from .references import PolarRows, PolarScorer, answers_of, rollouts_of
from .scored import Scorer


def load_scorer(
    method: Method,
    reader: Reader,
    model: Weights,
    reference_policy: Weights | None,
    reference_rollouts: Artifact[Rollout] | None,
    verdicts: Artifact[Verdict] | None,
    *,
    dtype: Literal["float32", "bfloat16"],
    engine: str,
) -> Scorer:
    """The method with its models loaded.

    Args:
        reference_policy: of implicit rewards.
        reference_rollouts: of polar; `verdicts` tell which of them, or of the rollouts themselves, may be references.
        engine: transformers, or vllm for a scalar model.
    """
    if isinstance(method, Token):
        return TokenScorer(load_headed(model, "token", dtype=dtype), reader.encoder, method)
    if isinstance(method, BradleyTerry) and engine == "vllm":
        from .vllm_scalar import VllmScalarScorer

        return VllmScalarScorer(folder_of(model), dtype)
    if isinstance(method, BradleyTerry):
        return ScalarScorer(load_headed(model, "bradley-terry", dtype=dtype))
    if isinstance(method, Polar):
        rows = polar_rows(method, reader, model, reference_rollouts, verdicts)
        return PolarScorer(load_headed(model, "polar", dtype=dtype), rows)
    policy = load_policy(model, dtype=dtype)
    if isinstance(method, Confidence):
        return ConfidenceScorer(policy, reader.encoder, method)
    if isinstance(method, Implicit):
        assert reference_policy is not None
        return ImplicitScorer(policy, load_policy(reference_policy, dtype=dtype), reader.encoder, method)
    return LikelihoodScorer(policy)


def polar_rows(
    method: Polar,
    reader: Reader,
    model: Weights,
    reference_rollouts: Artifact[Rollout] | None,
    verdicts: Artifact[Verdict] | None,
) -> PolarRows:
    """What packs a candidate beside the reference that was asked for; loads no model."""
    settings = held_settings(model)
    assert settings is not None
    assert settings.packing is not None
    by_group = method.reference == "best-rollout"
    if reference_rollouts is not None:
        references = rollouts_of(reference_rollouts, verdicts, by_group=False)
    elif by_group:
        references = rollouts_of(reader.rows, verdicts, by_group=True)  # type: ignore[arg-type]
    else:
        references = answers_of(reader.problems)
    return PolarRows(Packer(reader.encoder, settings.packing), references, by_group)
