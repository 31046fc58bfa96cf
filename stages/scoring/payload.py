"""What metrics.json holds of scores held against verdicts: names that stay, numbers in full precision."""

from __future__ import annotations

from typing import Any

from ..report import comparisons_payload, estimates_payload, interval_payload, known
from .measuring import Measures
from .page import uncalibrated


def payload(measures: Measures) -> dict[str, Any]:
    """The content of metrics.json."""
    every = [*measures.ranking, *measures.choice, *measures.length, *measures.other]
    found: dict[str, Any] = {
        "metrics": estimates_payload(every),
        "gains": comparisons_payload(measures.gains),
        "mixed_problems": measures.mixed,
        "comparable": "within-problem" if measures.judged.within_problem else "all",
        "by_source": {
            name: {
                "problems": part.problems,
                "mixed_problems": part.mixed,
                "metrics": estimates_payload(part.estimates),
            }
            for name, part in measures.by_source.items()
        },
        "calibration": {"read_as": measures.judged.scale.kind},
        "counts": measures.counts,
        "settings": {**measures.settings, "weights_of_votes": measures.weights},
    }
    if (calibration := measures.calibration) is not None:
        counted = "pairs" if measures.judged.scale.kind == "preference" else "rows"
        found["calibration"] |= {"brier": interval_payload(calibration.brier), counted: calibration.rows}
        for count, error in calibration.errors.items():
            found["calibration"][f"ece@{count}"] = {
                **interval_payload(error),
                "by_chance": known(calibration.by_chance[count]),
            }
    else:
        found["calibration"]["withheld"] = uncalibrated(measures)
    if (against := measures.against) is not None:
        found["against"] = {
            "name": against.name,
            "metrics": estimates_payload(against.ranking),
            "distance": interval_payload(against.distance),
            "correlation": interval_payload(against.rho),
        }
        found["comparison"] = comparisons_payload(against.comparison)
    return found
