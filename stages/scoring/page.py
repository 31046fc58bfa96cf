"""The page about scores held against verdicts: how they rank, what a choice by them gains, what to beware of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...artifacts.wording import counted
from ..markdown import explained, fill, table
from ..report import number, with_ends
from .measuring import Measures, Part
from .ranking import POOLED

if TYPE_CHECKING:
    from ..metrics.estimate import Estimate

MEANING = {
    "within-problem-auc": "probability that a correct rollout scores above a wrong one of the same problem; mean over "
    "mixed problems",
    "pairwise-accuracy": "the same over all pairs of one problem, so that problems with many pairs weigh more",
    "reciprocal-rank": "of the best correct rollout among the wrong ones of its problem",
    "rank": "the same rank, from 1",
    POOLED: "over the rollouts of all problems together: also rewards telling easy problems from hard ones",
    "score-length-correlation": "inside problems: 1 would be a model of length",
    "verdict-length-correlation": "inside problems: how far being correct goes with length here",
    "length-auc": "within-problem AUC of length alone (longer is better; below .5: shorter is)",
    "auc-without-length": "within-problem AUC of what a line in length leaves of the score",
    "score-verdict-correlation": "inside problems, of the score with being correct",
    "ties-score": "RewardBench 2's score of prompts with several correct rollouts (can exceed 1 by .01)",
    "reward-bench-2": "RewardBench 2's score: the mean over its six subsets, best-of-n in five and the ties-score",
}
_WEIGHTS = {
    "score": "the scores themselves, which are all in [0, 1]",
    "logistic": "1 / (1 + exp(-score))",
    "softmax": "exp(score - highest score of the problem), as only differences inside a problem say something",
}
_READ = {
    "probability": "The scores themselves, as probabilities of being correct, of {} rollouts",
    "log-odds": "The probability 1 / (1 + exp(-score)) of being correct, of {} rollouts",
    "preference": "The probability 1 / (1 + exp(-difference)) that the higher score of two is the correct one's, of {} "
    "pairs of a correct and a wrong rollout of one problem; every mixed problem weighs the same",
}

_PAGE = """\
# Scores against verdicts

Scores: {{ m.judged.name }}. Verdicts: {{ m.judged.verdicts }}. {{ m.counts.rollouts }} rollouts of \
{{ m.counts.problems }} problems; {{ percent }} % intervals over problems.

{% for line in warnings -%}
> **Warning:** {{ line }}

{% endfor -%}
## Ranking

{{ m.mixed }} of {{ m.counts.problems }} problems are mixed (a correct and a wrong rollout with a score): only there a \
ranking shows.{% if m.judged.within_problem %} These scores compare within a problem only: there is no pooled AUC.\
{% elif m.judged.scale.kind == "preference" %} Each problem may shift these scores, which moves the pooled AUC.\
{% endif %}

{{ estimates(m.ranking) }}
## Choosing by score

Best-of-k is how often the rollout with the highest score of k is correct, over all choices of k, equal scores at \
random. Beside it: a random rollout, the majority answer, the vote weighted by {{ weights }}, the shortest and the \
longest rollout, and the oracle (any of the k correct).

{{ choice }}
![best-of-k](best-of-k.png)

{% if m.gains -%}
What the choice gains on the same problems:

{{ comparisons(m.gains, "other") }}
{% endif -%}
{% if m.length -%}
## Length

{{ estimates(m.length) }}
Length is in {{ m.judged.length_unit }}.

{% endif -%}
{% if m.other -%}
## Agreement with verdicts

{{ estimates(m.other) }}
{% endif -%}
## Calibration

{% if m.calibration -%}
{{ read }}:

{{ calibrated(m.calibration) }}
![share that is correct by probability](reliability.png)

{% else -%}
Not measured: {{ uncalibrated }}.

{% endif -%}
{% if m.by_source -%}
## By source

{{ by_source }}
{% endif -%}
{% if m.against -%}
## Against {{ m.against.name }}

The same rollouts, those that both score. Distance of the two: {{ with_ends(m.against.distance) }}, \
sqrt((1 - rho) / 2) with rho {{ number(m.against.rho.value) }} the correlation of the scores inside problems: 0 for \
models that rank alike, 1 for opposite ones.

{{ comparisons(m.against.comparison, "other") }}
{% endif -%}
## Counts

{{ counted(m.counts) }}
## How the numbers are made

AUC counts equal scores as half. Rollouts without a score are left out of rankings, and are chosen only where no other \
is drawn; those that others are compared with (own_references) have no part in anything. Unknown verdicts are left out \
of rankings and count as not correct in choices; metrics.json has both bounds. Intervals are BCa bootstrap intervals \
over problems.
"""


def page(measures: Measures) -> str:
    """The report as Markdown."""
    scale = measures.judged.scale.kind
    return fill(
        _PAGE,
        m=measures,
        percent=f"{100 * measures.settings['confidence']:g}",
        warnings=warnings_of(measures),
        weights=_WEIGHTS[measures.weights],
        read=_READ[scale].format(measures.calibration.rows) if measures.calibration is not None else "",
        uncalibrated=uncalibrated(measures),
        estimates=_estimates,
        choice=_choices(measures.choice),
        by_source=_by_source(measures.by_source),
    )


def uncalibrated(measures: Measures) -> str:
    """Why there is no calibration, where there is none."""
    nothing = "mixed problem" if measures.judged.scale.kind == "preference" else "rollout with a score and a verdict"
    return measures.judged.scale.why or f"there is no {nothing}"


def warnings_of(measures: Measures) -> list[str]:
    """What must not be overlooked, in sentences."""
    values = {one.name: one.interval for one in [*measures.ranking, *measures.length]}
    found = []
    if measures.mixed < 20:
        found.append(
            f"Only {counted(measures.mixed, 'problem is', 'problems are')} mixed: within-problem numbers rest on "
            "those alone, look at their intervals."
        )
    ours, length = values.get("within-problem-auc"), values.get("length-auc")
    if ours is not None and length is not None and max(length.value, 1 - length.value) >= ours.value:
        found.append(
            f"Length alone ranks as well: AUC {number(max(length.value, 1 - length.value))} against "
            f"{number(ours.value)}."
        )
    found += [
        f"The rows of {path} were chosen, or their number was, by how they went: rates among them say little about "
        "others."
        for path in measures.judged.chosen
    ]
    for name in ("score", "verdict"):
        if missing := measures.counts.get(f"without_{name}"):
            found.append(f"{counted(missing, 'rollout has', 'rollouts have')} no {name}.")
    return found


def by_draws(choice: Sequence[Estimate]) -> tuple[list[str], dict[str, dict[str, Estimate]]]:
    """best-of@4 as the row best-of and the column 4."""
    rows: dict[str, dict[str, Estimate]] = {}
    columns: dict[str, None] = {}
    for one in choice:
        name, _, k = one.name.rpartition("@")
        columns[k] = None
        rows.setdefault(name, {})[k] = one
    return list(columns), rows


def _choices(choice: Sequence[Estimate]) -> str:
    draws, rows = by_draws(choice)
    return table(
        ["chosen", *(f"k = {k}" for k in draws)],
        [[name, *(with_ends(cells[k].interval) if k in cells else "" for k in draws)] for name, cells in rows.items()],
    )


def _estimates(estimates: Sequence[Estimate]) -> str:
    return explained(estimates, MEANING) if estimates else "Nothing can be said: no problem is mixed.\n"


def _by_source(parts: dict[str, Part]) -> str:
    names = list(dict.fromkeys(one.name for part in parts.values() for one in part.estimates))
    rows = []
    for name, part in parts.items():
        found = {one.name: one.interval for one in part.estimates}
        cells = [with_ends(found[of]) if of in found else "-" for of in names]
        rows.append([name, str(part.problems), str(part.mixed), *cells])
    return table(["", "problems", "mixed", *names], rows)
