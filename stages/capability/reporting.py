"""How well a salience predicts, beside the baselines: what `whet eval SALIENCE` measures."""

# M checkpoints

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .quality import QUALITIES, with_interval

PARTS = {
    "test": "test checkpoints, of which nothing was fitted",
    "out of mixture": "every mixture predicted from the others",
    "fit": "the checkpoints that were fitted: says little about others",
}


@dataclass(frozen=True)
class Quality:
    """One number of one way to predict one benchmark, with its interval."""

    benchmark: str
    part: str
    way: str
    name: str
    value: float
    low: float
    high: float
    checkpoints: int


def measure(
    summary: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]], confidence: float, resamples: int
) -> list[Quality]:
    """Every quality of every way, on each part that has at least two checkpoints, the best known part first."""
    checkpoints = summary["checkpoints"]
    splits = np.array([one["split"] for one in checkpoints])
    names = [one.get("run") or f"checkpoint {place}" for place, one in enumerate(checkpoints)]
    runs_M = np.unique(names, return_inverse=True)[1]
    found: list[Quality] = []
    for one in predictions:
        if one["measured"] is None:
            continue
        measured_M = np.array(one["measured"], float)
        values = {"test": one["predicted"], "out of mixture": one.get("out_of_mixture") or {}, "fit": one["predicted"]}
        rows = {"test": splits == "test", "out of mixture": splits != "test", "fit": splits != "test"}
        for part in PARTS:
            for way, predicted in values[part].items():
                predicted_M = np.array(predicted, float)
                kept = rows[part] & np.isfinite(measured_M) & np.isfinite(predicted_M)
                if kept.sum() < 2:
                    continue
                for name, quality in QUALITIES.items():
                    ends = with_interval(
                        quality, predicted_M[kept], measured_M[kept], runs_M[kept], confidence, resamples
                    )
                    found.append(Quality(one["benchmark"], part, way, name, *ends, checkpoints=int(kept.sum())))
    return found
