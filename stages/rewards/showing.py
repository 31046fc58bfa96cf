"""What there is for a reward model to learn from, in words: for the log and for --dry-run; imports no torch at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...artifacts.wording import counted

if TYPE_CHECKING:
    from ...artifacts import Weights
    from .methods import RewardMethod
    from .rows import Data


def log_data(data: Data) -> None:
    """Say what there is to learn from, and how far policies are from each other."""
    from loguru import logger

    logger.info(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in data.counts.items()))
    for line in distance_lines(data):
        logger.info(line)


def distance_lines(data: Data) -> list[str]:
    """The distance of every two policies, nearest first."""
    lines = []
    for item in sorted(data.facts.get("policy_distances", []), key=lambda item: item["distance"]):
        error = "" if item["standard_error"] is None else f" +- {item['standard_error']:.4f}"
        left_out = ", left out (--min-distance)" if item["left_out"] else ""
        lines.append(f"distance {item['distance']:.4f}{error}: {' and '.join(item['policies'])}{left_out}")
    return lines


def plan_lines(policy: Weights, data: Data, method: RewardMethod) -> list[str]:
    """What --dry-run says of the data."""
    from ..models import folder_of, parameter_count
    from ..tokens import load_encoder
    from .polar_laws import advice

    encoder = load_encoder(folder_of(policy))
    unit = counted(len(data.units), "pair" if method.in_pairs else "row")
    lines = [f"{unit} to learn from, {counted(data.tokens, 'token')}: {data.counts}", *distance_lines(data)]
    for row in data.units[0]:
        prompt, completion = (
            encoder.decode(ids.tolist(), skip_special=False) for ids in (row.prompt_token_ids, row.read_token_ids)
        )
        lines.append(f"first row, {prompt!r} then {completion!r}: {row.reward:g}")
    if "policy_distances" in data.facts:
        lines += advice(parameter_count(folder_of(policy)), data.tokens)
    return lines
