"""What is said of rollouts once all are drawn: rates, the gate on truncated ones, and how far the engine is off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loguru import logger

from ..artifacts import Draft, Rollout, Weights, WrongOption
from ..artifacts.parquet import read_batches
from .mismatch import check_rows

if TYPE_CHECKING:
    from .sample import SampleOptions

_COLUMNS = ["rollout_id", "prompt_token_ids", "token_ids", "logprobs", "segments"]


def conclude(
    rollouts: Draft[Rollout],
    options: SampleOptions,
    policy: Weights,
    tokens_per_second: float | None,
) -> None:
    """Say what came of it, and close the gate on too many truncated rollouts.

    Args:
        tokens_per_second: of this process; None where it drew nothing.

    Raises:
        WrongOption: --check, and the policy has no weights here.
    """
    counts = rollouts.counts()
    drawn = max(1, counts.get("rollouts", 0))
    shares = {name: counts.get(name, 0) / drawn for name in ("truncated", "duplicates", "empty")}
    if tokens_per_second is not None:
        logger.info(
            f"{tokens_per_second:,.0f} tokens per second in this process; of the rollouts "
            + ", ".join(f"{share:.1%} {name}" for name, share in shares.items())
        )
    if shares["truncated"] > options.max_truncated:
        rollouts.gate(
            "max-truncated",
            f"{counts['truncated']:g} of {drawn:g} rollouts are truncated, more than --max-truncated "
            f"{options.max_truncated:g}: give more --max-tokens (now {options.sampling.max_tokens:,})",
        )
    if options.check:
        if policy.engine != "model":
            raise WrongOption(f"--check recomputes with the policy's own weights, {policy.spec} has none")
        found = check_rows(policy, some_rows(rollouts, options.check), options.precision)
        rollouts.facts["mismatch"] = found
        logger.info(
            "against a plain forward pass: " + ", ".join(f"{name} {value:.3g}" for name, value in found.items())
        )


def some_rows(rollouts: Draft[Rollout], count: int) -> list[dict[str, Any]]:
    """Rollouts spread over the draft's parts: those with the lowest ids, which are digests."""
    lowest: list[dict[str, Any]] = []
    for path in sorted((rollouts.folder / "data").glob("part-*.parquet")):
        for batch in read_batches(path, _COLUMNS):
            lowest = sorted([*lowest, *batch.to_pylist()], key=lambda row: row["rollout_id"])[:count]
    return lowest
