"""A toy stage with groups, plain groups and variants of options."""

import json
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Annotated, Literal

from whet.artifacts import Draft, Report
from whet.stages.options import Flat, Runtime


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How rollouts are drawn."""

    temperature: float = 1.0
    """Divides the logits"""

    top_p: float = 1.0
    """Share of the probability kept"""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast it goes."""

    workers: Annotated[int | Literal["auto"], Runtime] = "auto"
    """Processes"""


@dataclass(frozen=True, kw_only=True)
class Grpo:
    """Group-relative policy optimisation."""

    clip: float = 0.2
    """Clip range of the ratio"""

    kl_weight: float = 0.001
    """Weight of the KL term (beta)"""


@dataclass(frozen=True, kw_only=True)
class OffPolicy:
    """Likelihood and margin."""

    margin: float = 0.5
    """Margin of the pairs"""

    kl_weight: float = 0.1
    """Weight of the KL term"""


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """How the policy is tuned."""

    objective: Grpo | OffPolicy = OffPolicy(margin=0.7)
    """What is minimised"""

    sampling: Drawing = Drawing(temperature=0.9)
    speed: Annotated[Speed, Flat] = Speed()

    steps: int
    """Optimiser steps"""

    shares: list[Fraction] = field(default_factory=lambda: [Fraction(1, 2)])
    """Shares that count"""

    warm_up: bool = True
    """Raise the learning rate slowly at first"""

    note: str | None = None
    """Anything"""


def tune(report: Draft[Report], options: TuneOptions) -> None:
    """Write down the options it was called with.

    Examples:
        whet tune --steps 3 --out runs/tuned
    """
    with report.writer():
        shown = {"chosen": type(options.objective).__name__, **asdict(options)}
        (report.folder / "metrics.json").write_text(json.dumps(shown, default=str))
