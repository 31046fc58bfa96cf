"""The page about an agreement: which number to look at, and what it means."""

from __future__ import annotations

from collections.abc import Mapping

from ..markdown import fill, table
from ..report import number, with_ends
from .measuring import Agreement, Part
from .payload import signal_at

SIGNAL_MEANING = {
    "pass-rate": "p: rows labelled correct",
    "true-positive-rate": "TPR: of those, rows called correct",
    "false-positive-rate": "FPR: of the other rows, those called correct all the same",
    "j": "J = TPR - FPR: how much more reward a right rollout gets than a wrong one; labels have 1",
    "mean-reward": "FPR + J p: the pass rate that training will show",
    "shrink": "J sqrt(p(1-p)) / sqrt(q(1-q)), q the mean reward: the gap between right and wrong rollouts in standard "
    "deviations of the reward, as GRPO's advantage has it, beside the gap that labels give",
}
_COLUMNS = ("accuracy", "precision", "recall", "f1", "macro-f1", "false-positive-rate", "false-negative-rate")

_PAGE = """\
# Verdicts against labels

Verdicts: {{ a.name }}. Labels: {{ a.labels }}. {{ a.overall.rows }} rollouts of {{ a.overall.problems }} problems \
have a verdict and a label that is known; {{ percent }} % intervals.

{% for line in warnings -%}
> **Warning:** {{ line }}

{% endfor -%}
## In short

{% for line in short -%}
* {{ line }}
{% endfor %}
## Agreement

{{ explained(a.overall.estimates, meaning) }}
{% if a.three -%}
Labels tell incorrect from invalid: accuracy-3 and macro-f1 do so too, the other numbers set correct against the rest.
{%- else -%}
No label says invalid, so all numbers set correct against the rest; there is no macro-F1 over three classes.
{%- endif %}

Rows by label and verdict:

{{ confusion(a.overall) }}
![rows by label and verdict](confusion.png)

## What training gets out of it

{% if a.overall.signal -%}
A verifier is a reward: 1 for correct, else 0; rollouts whose verdict is unknown are left out. Over rows with a known \
verdict:

{{ explained(a.overall.signal, signal_meaning) }}
The same error rates on harder and easier problems. Where few rollouts are right, false positives weigh most: the last \
column is the share of rewarded rollouts whose label is correct.

| pass rate | mean reward | shrink | deserved |
|---|---|---|---|
{% for rate, at in signal_at -%}
| {{ rate }} | {{ number(at.reward) }} | {{ number(at.shrink) }} | {{ number(at.deserved) }} |
{% endfor %}
{%- else -%}
The labels are all correct, or none is: nothing tells what a wrong (or a right) rollout would get.
{% endif %}
{%- if a.overall.calibration %}
## Confidence

{{ a.overall.calibration.rows }} rows have a confidence. Calibrated means: of the verdicts with confidence .9, nine in \
ten are right.

{{ calibrated(a.overall.calibration) }}
ECE is the mean distance between confidence and the share that is right, over bins of equal width; "if calibrated" is \
what so few rows would show by chance. Brier is the mean of (confidence - right)^2.

![share that is right by confidence](reliability.png)

{% endif %}
{%- for title, parts in groups %}
## By {{ title }}

{{ by_part(parts) }}
{%- endfor %}
{%- if a.cascade %}
## Rules and model

On {{ a.cascade.asked }} of {{ a.overall.rows }} rows the model was asked beside the rules. \
{% if a.cascade.changes -%}
The verdicts that differ from what the rules said; {{ with_ends(a.cascade.rightly) }} of them rightly:

| rules | became | rows | rightly | wrongly | no matter |
|---|---|---|---|---|---|
{% for c in a.cascade.changes -%}
| {{ c.rules }} | {{ c.verdict }} | {{ c.rows }} | {{ c.rightly }} | {{ c.wrongly }} \
| {{ c.rows - c.rightly - c.wrongly }} |
{% endfor -%}
{%- else -%}
No verdict differs from what the rules said.
{%- endif %}
{% if a.cascade.opinions %}
Each alone, on the same rows:

{{ by_part(opinions) }}
{%- endif %}
{% endif %}
{%- if a.against %}
## Against {{ a.against.name }}

The same labels, compared in pairs: the interval is that of the difference. {{ a.against.only_this }} rows are right \
in this alone, {{ a.against.only_that }} in the other alone.

{{ comparisons(a.against.comparison) }}
{%- endif %}
## Counts

{{ counted(a.counts) }}
## How the numbers are made

Rows whose label is unknown are left out. Two classes are correct and the rest, as CompassVerifier's A against B or C. \
An unknown verdict is never right: it is wrong in accuracy and accuracy-3, missed in recall, F1 and the \
false-negative rate, and no false positive; J, the mean reward and shrink leave it out, as training does. F1 is \
2 TP / (2 TP + FP + FN); macro-F1 the mean of the F1 of correct, incorrect and invalid, as far as labels hold them.

Intervals of shares and of F1 are Wilson's where every problem has one row. Where problems have several, rows are not \
independent: then they are BCa bootstrap intervals over problems ({{ a.settings.resamples }} resamples), never \
narrower than Wilson's, and at 0 and 1 Wilson's with the number of problems. J and shrink combine those of TPR and FPR \
(Newcombe). Differences are never narrower than Student's t. metrics.json holds all of this in full precision.
"""


def page(agreement: Agreement) -> str:
    """The report as Markdown."""
    from ..metrics.agreement import MEANING

    groups = [("answer type", agreement.by_answer_type), ("source", agreement.by_source)]
    return fill(
        _PAGE,
        a=agreement,
        percent=f"{100 * agreement.settings['confidence']:g}",
        warnings=warnings_of(agreement),
        short=in_short(agreement),
        meaning=MEANING,
        signal_meaning=SIGNAL_MEANING,
        signal_at=signal_at(agreement.overall),
        groups=[(title, parts) for title, parts in groups if len(parts) > 1],
        opinions=agreement.opinions,
        confusion=_confusion,
        by_part=_by_part,
    )


def warnings_of(agreement: Agreement) -> list[str]:
    """What must not be overlooked, in sentences."""
    found = []
    signal = {one.name: one.interval for one in agreement.overall.signal}
    if (j := signal.get("j")) is not None and j.value <= 0:
        found.append(
            f"J is {number(j.value)}: wrong rollouts are called correct at least as often as right ones. "
            "Do not train on these verdicts, they teach nothing or the opposite."
        )
    elif j is not None and j.low <= 0:
        found.append(
            f"J is {number(j.value)}, but with so few labels it may be 0 or below: label more rollouts before you "
            "train on these verdicts."
        )
    found += [
        f"The rows of {path} were chosen, or their number was, by how they went: rates among them say little about "
        "others."
        for path in agreement.chosen
    ]
    counts = agreement.counts
    if counts["unknown"] > 0.05 * counts["rows"]:
        found.append(
            f"{counts['unknown']} of {counts['rows']} verdicts are unknown, which counts as wrong in accuracy: look at "
            "them with whet show --where 'verdict=unknown'."
        )
    return found


def in_short(agreement: Agreement) -> list[str]:
    """Which numbers to look at, and what they say."""
    values = {one.name: one.interval for one in [*agreement.overall.signal, *agreement.overall.estimates]}
    found = []
    if "j" in values:
        found.append(
            f"As a reward for training, look at J: {with_ends(values['j'])}. It is how much more often a right "
            "rollout is called correct than a wrong one: 1 is as good as the labels, 0 is worth nothing, below 0 "
            f"teaches the opposite. Advantages shrink to {with_ends(values['shrink'])} of what the labels would give."
        )
    found.append(
        f"As a verifier beside others, look at F1 on correct: {with_ends(values['f1'])}, and at accuracy: "
        f"{with_ends(values['accuracy'])}."
    )
    found.append(
        f"Of the rows not labelled correct {with_ends(values['false-positive-rate'])} pass as correct; of those "
        f"labelled correct {with_ends(values['false-negative-rate'])} do not."
    )
    return found


def _confusion(part: Part) -> str:
    verdicts = list(next(iter(part.confusion.values())))
    rows = [[label, *map(str, row.values())] for label, row in part.confusion.items() if sum(row.values())]
    return table(["label", *verdicts], rows)


def _by_part(parts: Mapping[str, Part]) -> str:
    """One row a part: how many rows, the metrics with their ends, J."""
    measured = [{one.name: one.interval for one in [*part.signal, *part.estimates]} for part in parts.values()]
    names = [name for name in (*_COLUMNS, "j") if any(name in found for found in measured)]
    rows = [
        [name, str(part.rows), str(part.problems), *(with_ends(found[of]) if of in found else "-" for of in names)]
        for (name, part), found in zip(parts.items(), measured, strict=True)
    ]
    return table(["", "rows", "problems", *names], rows)
