"""What the manifest of scores says, and what is told once all rows have theirs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...artifacts import Artifact, Draft, Score, Weights
from ...artifacts.wording import counted
from .methods import Implicit, Polar, Token, held_settings, name_of

if TYPE_CHECKING:
    from ..score import ScoreOptions
    from .reading import Reader

WITHIN_PROBLEM = "within-problem"
"""The fact `comparable` of scores that say nothing across problems."""

OWN_REFERENCE = "null_its_own_reference"
"""The count of rollouts that others are compared with, which get no score."""


def facts_of(
    options: ScoreOptions,
    rows: Artifact[Any],
    model: Weights,
    reference_policy: Weights | None,
    reference_rollouts: Artifact[Any] | None,
    reader: Reader,
) -> dict[str, Any]:
    """What scored what, and how scores may be compared."""
    within = isinstance(options.method, Polar) or options.normalize == "group"
    facts: dict[str, Any] = {
        "belongs_to": {rows.kind: rows.digest},
        "stop_rule": rows.manifest.facts.get("stop_rule", "fixed"),
        "method": {"name": name_of(options.method), **asdict(options.method)},
        "model": {"spec": model.spec, "digest": model.digest},
        "tokenizer_digest": model.tokenizer_digest,
        "retokenized": options.retokenize,
        "normalize": options.normalize,
        "comparable": WITHIN_PROBLEM if within else "all",
    }
    if model.adapter is not None:
        facts["adapter"] = {"spec": model.adapter.spec, "digest": model.adapter.digest}
    if isinstance(options.method, Implicit) and (loss := _loss_of(options.method, model, reference_policy)):
        facts["method"]["loss"] = loss
    if isinstance(options.method, Token):
        facts["token_alignment"] = "before"
    if rows.kind == "texts":
        facts["prefix_token_id"] = reader.prefix_id
        facts["context"] = reader.context
    if reference_policy is not None:
        facts["reference_policy"] = {"spec": reference_policy.spec, "digest": reference_policy.digest}
    if reference_rollouts is not None:
        facts["reference_rollouts"] = reference_rollouts.digest
    return facts


def _loss_of(method: Implicit, model: Weights, reference: Weights | None) -> str | None:
    """What an implicit reward model was trained with, where its rewards are those of that training."""
    settings = held_settings(model)
    if settings is None or settings.reference is None or reference is None:
        return None
    as_trained = method.beta == settings.beta and reference.digest == settings.reference.digest
    return settings.loss if as_trained else None


def tell(scores: Draft[Score], options: ScoreOptions) -> None:
    """Put into the log how many rows have a score, and why others have none."""
    from loguru import logger

    counts = scores.counts()
    missing = {name[5:].replace("_", " "): count for name, count in counts.items() if name.startswith("null_")}
    told = f"{counted(counts.get('scored', 0), 'row has', 'rows have')} a score"
    if missing:
        told += "; without one: " + ", ".join(f"{name} {count:,}" for name, count in sorted(missing.items()))
    logger.info(f"{told}; {counted(counts.get('tokens', 0), 'token')} read")
    if "invariance_rows" in counts:
        far = counts["invariance_max_difference"]
        again = counted(counts["invariance_rows"], "row")
        line = f"{again} scored again, alone: at most {far:.2g} from their scores in batches"
        if options.precision == "float32" and far >= 1e-4:
            logger.warning(f"{line}, expected less than 0.0001 in float32")
        else:
            logger.info(line)
