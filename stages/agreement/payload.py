"""What metrics.json holds of an agreement: names that stay, numbers in full precision, null where nothing is known."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..report import comparisons_payload, estimates_payload, interval_payload, known
from .measuring import Against, Agreement, Cascade, Part

if TYPE_CHECKING:
    from ..metrics.calibration import Calibration
    from ..metrics.signal import Signal

PASS_RATES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
"""Pass rates for which the report says what the verifier's errors leave of the signal."""


def payload(agreement: Agreement) -> dict[str, Any]:
    """The content of metrics.json."""
    found: dict[str, Any] = part_payload(agreement.overall)
    found["signal_at"] = [
        {"pass_rate": rate, "mean_reward": known(at.reward), "shrink": known(at.shrink), "deserved": known(at.deserved)}
        for rate, at in signal_at(agreement.overall)
    ]
    found["by_answer_type"] = {name: part_payload(part) for name, part in agreement.by_answer_type.items()}
    found["by_source"] = {name: part_payload(part) for name, part in agreement.by_source.items()}
    if agreement.cascade is not None:
        found["cascade"] = _cascade(agreement.cascade)
    if agreement.against is not None:
        found |= _against(agreement.against)
    return {**found, "counts": agreement.counts, "settings": agreement.settings}


def part_payload(part: Part) -> dict[str, Any]:
    """All that is measured of some rows; `signal` and `calibration` are empty where nothing can be said."""
    found: dict[str, Any] = {
        "rows": part.rows,
        "problems": part.problems,
        "metrics": estimates_payload(part.estimates),
        "signal": estimates_payload(part.signal),
        "calibration": {} if part.calibration is None else _calibration(part.calibration),
        "confusion": part.confusion,
    }
    if part.calibration is not None:
        found["reliability"] = {
            str(count): [{name: known(value) for name, value in asdict(one).items()} for one in bins]
            for count, bins in part.calibration.bins.items()
        }
    return found


def signal_at(part: Part) -> list[tuple[float, Signal]]:
    """What the measured error rates leave of the signal at other pass rates."""
    from ..metrics.signal import signal

    rates = {one.name: one.interval.value for one in part.signal}
    if not rates:
        return []
    return [(rate, signal(rates["true-positive-rate"], rates["false-positive-rate"], rate)) for rate in PASS_RATES]


def _cascade(cascade: Cascade) -> dict[str, Any]:
    return {
        "asked": cascade.asked,
        "overturned": sum(change.rows for change in cascade.changes),
        "rightly": interval_payload(cascade.rightly),
        "changes": [asdict(change) for change in cascade.changes],
        "opinions": {name: part_payload(part) for name, part in cascade.opinions.items()},
    }


def _against(against: Against) -> dict[str, Any]:
    alone = {"right_in_this_alone": against.only_this, "right_in_against_alone": against.only_that}
    return {"comparison": comparisons_payload(against.comparison), "against": {**part_payload(against.part), **alone}}


def _calibration(calibration: Calibration) -> dict[str, Any]:
    found: dict[str, Any] = {"brier": {**interval_payload(calibration.brier), "rows": calibration.rows}}
    for count, error in calibration.errors.items():
        found[f"ece@{count}"] = {**interval_payload(error), "by_chance": calibration.by_chance[count]}
    return found
