"""The page and the tables about an agreement: which number to look at, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..report import number
from .measuring import Agreement, Part
from .payload import signal_at

if TYPE_CHECKING:
    from rich.table import Table

    from ..metrics.estimate import Estimate

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

{{ estimates(a.overall.estimates, meaning) }}
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

{{ estimates(a.overall.signal, signal_meaning) }}
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

| number | value | low | high | if calibrated |
|---|---|---|---|---|
{% for count, error in a.overall.calibration.errors.items() -%}
| ECE, {{ count }} bins | {{ number(error.value) }} | {{ number(error.low) }} | {{ number(error.high) }} \
| {{ number(a.overall.calibration.by_chance[count]) }} |
{% endfor -%}
| Brier | {{ number(a.overall.calibration.brier.value) }} | {{ number(a.overall.calibration.brier.low) }} \
| {{ number(a.overall.calibration.brier.high) }} | |

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
The verdicts that differ from what the rules said; {{ number(a.cascade.rightly.value) }} \
({{ number(a.cascade.rightly.low) }} .. {{ number(a.cascade.rightly.high) }}) of them rightly:

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

| metric | this | against | difference | low | high |
|---|---|---|---|---|---|
{% for c in a.against.comparison -%}
| {{ c.name }} | {{ number(c.value) }} | {{ number(c.against) }} | {{ number(c.difference.value) }} \
| {{ number(c.difference.low) }} | {{ number(c.difference.high) }} |
{% endfor %}
{%- endif %}
## Counts

| name | value |
|---|---|
{% for name, value in a.counts.items() -%}
| {{ name }} | {{ value }} |
{% endfor %}
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
    from jinja2 import Environment, StrictUndefined

    from ..metrics.agreement import MEANING

    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    groups = [("answer type", agreement.by_answer_type), ("source", agreement.by_source)]
    return environment.from_string(_PAGE).render(
        a=agreement,
        percent=f"{100 * agreement.settings['confidence']:g}",
        warnings=warnings_of(agreement),
        short=in_short(agreement),
        meaning=MEANING,
        signal_meaning=SIGNAL_MEANING,
        signal_at=signal_at(agreement.overall),
        groups=[(title, parts) for title, parts in groups if len(parts) > 1],
        opinions=opinions_of(agreement),
        estimates=_estimates,
        confusion=_confusion,
        by_part=_by_part,
        number=number,
    )


def opinions_of(agreement: Agreement) -> dict[str, Part]:
    """The verdicts given, and rules and model alone where every row has their opinion."""
    return {"the verdicts": agreement.overall, **(agreement.cascade.opinions if agreement.cascade else {})}


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
            f"As a reward for training, look at J: {_with_ends(values['j'])}. It is how much more often a right "
            "rollout is called correct than a wrong one: 1 is as good as the labels, 0 is worth nothing, below 0 "
            f"teaches the opposite. Advantages shrink to {_with_ends(values['shrink'])} of what the labels would give."
        )
    found.append(
        f"As a verifier beside others, look at F1 on correct: {_with_ends(values['f1'])}, and at accuracy: "
        f"{_with_ends(values['accuracy'])}."
    )
    found.append(
        f"Of the rows not labelled correct {_with_ends(values['false-positive-rate'])} pass as correct; of those "
        f"labelled correct {_with_ends(values['false-negative-rate'])} do not."
    )
    return found


def _with_ends(interval: Any) -> str:
    return f"{number(interval.value)} ({number(interval.low)} .. {number(interval.high)})"


def _estimates(estimates: Sequence[Estimate], meaning: Mapping[str, str]) -> str:
    lines = ["| metric | value | low | high | what it is |", "|---|---|---|---|---|"]
    for one in estimates:
        ends = " | ".join(number(value) for value in (one.interval.value, one.interval.low, one.interval.high))
        lines.append(f"| {one.name} | {ends} | {meaning[one.name]} |")
    return "\n".join(lines) + "\n"


def _confusion(part: Part) -> str:
    verdicts = list(next(iter(part.confusion.values())))
    lines = ["| label | " + " | ".join(verdicts) + " |", "|---" * (len(verdicts) + 1) + "|"]
    lines += [
        f"| {label} | " + " | ".join(str(count) for count in row.values()) + " |"
        for label, row in part.confusion.items()
        if sum(row.values())
    ]
    return "\n".join(lines) + "\n"


def _by_part(parts: Mapping[str, Part]) -> str:
    header, rows = part_rows(parts)
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def part_rows(parts: Mapping[str, Part]) -> tuple[list[str], list[list[str]]]:
    """One row a part: how many rows, the metrics with their ends, J."""
    measured = [{one.name: one.interval for one in [*part.signal, *part.estimates]} for part in parts.values()]
    names = [name for name in (*_COLUMNS, "j") if any(name in found for found in measured)]
    rows = [
        [name, str(part.rows), str(part.problems), *(_with_ends(found[of]) if of in found else "-" for of in names)]
        for (name, part), found in zip(parts.items(), measured, strict=True)
    ]
    return ["", "rows", "problems", *names], rows


def tables(agreement: Agreement) -> list[Table]:
    """The report as tables for a terminal: the metrics, the confusion, then parts and opinions."""
    shown = [_metric_table(agreement), _confusion_table(agreement.overall)]
    groups = [("by answer type", agreement.by_answer_type), ("by source", agreement.by_source)]
    if agreement.cascade is not None and agreement.cascade.opinions:
        groups.append(("rules and model alone", opinions_of(agreement)))
    return shown + [_part_table(title, parts) for title, parts in groups if len(parts) > 1]


def _metric_table(agreement: Agreement) -> Table:
    from rich.table import Table

    overall, percent = agreement.overall, f"{100 * agreement.settings['confidence']:g} % interval"
    shown = Table(
        title=f"{overall.rows} rows of {overall.problems} problems against their labels", title_justify="left"
    )
    shown.add_column("metric", no_wrap=True)
    for header in ["value", percent, *(["against", "difference", percent] if agreement.against else [])]:
        shown.add_column(header, justify="right")
    pairs = {one.name: one for one in (agreement.against.comparison if agreement.against else ())}
    told = {"j", "shrink"}
    for one in [*overall.estimates, *(one for one in overall.signal if one.name in told)]:
        cells = [number(one.interval.value), f"{number(one.interval.low)} .. {number(one.interval.high)}"]
        if (pair := pairs.get(one.name)) is not None:
            ends = f"{number(pair.difference.low)} .. {number(pair.difference.high)}"
            cells += [number(pair.against), f"{pair.difference.value:+.4f}", ends]
        shown.add_row(one.name, *cells)
    return shown


def _confusion_table(part: Part) -> Table:
    from rich.table import Table

    shown = Table(title="rows by label and verdict", title_justify="left")
    shown.add_column("label")
    for verdict in next(iter(part.confusion.values())):
        shown.add_column(verdict, justify="right")
    for label, row in part.confusion.items():
        if sum(row.values()):
            shown.add_row(label, *(str(count) for count in row.values()))
    return shown


def _part_table(title: str, parts: Mapping[str, Part]) -> Table:
    """Without intervals of all but accuracy and F1: a terminal is narrow."""
    from rich.table import Table

    shown = Table(title=title, title_justify="left")
    shown.add_column("", no_wrap=True)
    for header in ("rows", "accuracy", "f1", "false positives", "false negatives", "unknown", "J"):
        shown.add_column(header, justify="right")
    for name, part in parts.items():
        found = {one.name: one.interval for one in [*part.signal, *part.estimates]}
        rest = [found.get(of) for of in ("false-positive-rate", "false-negative-rate", "unknown", "j")]
        cells = [_with_ends(found["accuracy"]), _with_ends(found["f1"])]
        shown.add_row(name, str(part.rows), *cells, *("-" if one is None else number(one.value) for one in rest))
    return shown
