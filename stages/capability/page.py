"""The page, the table and the plots of a salience report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..plotting import COLOURS
from ..report import number
from .reporting import PARTS, Quality

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN_TOKENS = 20_000
"""Tokens of the shaded page: a browser should still open it."""

_PAGE = """\
# Salience

{{ counts.checkpoints }} checkpoints, {{ counts.tokens }} tokens; {{ percent }} % intervals from {{ resamples }} \
resamples of whole runs (of checkpoints where no runs are named).

{% for part, meaning in parts.items() if rows[part] -%}
## {{ part }}: {{ meaning }}

| benchmark | predicted from | checkpoints | MSE | MAE | R^2 | rank correlation |
|---|---|---|---|---|---|---|
{% for row in rows[part] -%}
| {{ row.benchmark }} | {{ row.way }} | {{ row.checkpoints }} | {{ row.mse }} | {{ row.mae }} | {{ row.r2 }} \
| {{ row.spearman }} |
{% endfor %}
{% endfor -%}
## The weights

| capability | tokens that carry the weight | lambda | turns | benchmarks |
|---|---|---|---|---|
{% for name, one in capabilities.items() -%}
| {{ name }} | {{ number(one.effective_tokens) }} | {{ one.kl_weight }} | {{ one.rounds }} \
| {{ one.curves | join(", ") }} |
{% endfor %}
![predicted against measured](predicted.png)

{% if shaded %}The text with each token shaded by its weight: [salience.html](salience.html).
{% endif %}
## How the numbers are made

A weight per token, never negative and adding up to 1, makes one loss of a checkpoint's token losses; a curve makes an \
accuracy of it. Tokens that carry the weight: 1 / sum of the squared weights. Baselines go through the same curve, \
fitted on the same checkpoints and on those that stop the fit, where the CSV names some; "best source" chooses its \
source there too, "excess loss" its tokens. Out of mixture, how long to fit was chosen without the mixture that is \
predicted, and buckets were made without it. Intervals need three runs; a part with a single run resamples its \
checkpoints, and its intervals are too narrow. The method is a reconstruction of the Capability Salience Vector (arXiv \
2506.13216).
"""

_SHADED = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Salience</title>
<style>body{font:15px/1.7 ui-monospace,monospace;max-width:60em;margin:2em auto;padding:0 1em}
p{white-space:pre-wrap;border-bottom:1px solid #ddd;padding-bottom:1em}span{border-radius:3px}</style>
{% for capability, texts in shaded.items() %}<h2>{{ capability }}</h2>
<p>The darker a token, the more it weighs: white is nothing, full is the highest weight.</p>
{% for text in texts %}<p>{% for token, share in text %}<span style="background:rgba(213,94,0,{{ share }})" \
title="{{ share }} of the highest weight">{{ token }}</span>{% endfor %}</p>
{% endfor %}{% endfor %}</html>
"""


def page(
    summary: Mapping[str, Any], counts: Mapping[str, Any], found: Sequence[Quality], confidence: float, resamples: int
) -> str:
    """The page in markdown."""
    import jinja2

    rows = {part: list(_rows(found, part).values()) for part in PARTS}
    return jinja2.Environment(autoescape=False).from_string(_PAGE).render(
        counts=counts, percent=f"{100 * confidence:g}", resamples=resamples, parts=PARTS, rows=rows, number=number,
        capabilities=summary["capabilities"], shaded=summary.get("tokens") is not None,
    )  # fmt: skip


def table(found: Sequence[Quality]) -> Table:
    """For the terminal: the part that says most."""
    from rich.table import Table

    part = next((one for one in PARTS if any(quality.part == one for quality in found)), "fit")
    made = Table(title=f"{part}: {PARTS[part]}", title_justify="left")
    for column in ("benchmark", "predicted from", "checkpoints", "MSE", "MAE", "R^2", "rank correlation"):
        made.add_column(column)
    for row in _rows(found, part).values():
        made.add_row(*(str(value) for value in row.values()))
    return made


def _rows(found: Sequence[Quality], part: str) -> dict[tuple[str, str], dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in found:
        if one.part == part:
            first = {"benchmark": one.benchmark, "way": one.way, "checkpoints": one.checkpoints}
            row = rows.setdefault((one.benchmark, one.way), first)
            row[one.name] = f"{number(one.value)} [{number(one.low)}, {number(one.high)}]"
    return rows


def shaded_page(summary: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> str | None:
    """The texts with every token shaded by its share of the highest weight; None where the words are not known."""
    import jinja2

    if summary.get("tokens") is None:
        return None
    shaded: dict[str, list[list[tuple[str, float]]]] = {}
    for capability, weights_N in weights.items():
        shares = weights_N / weights_N.max()
        texts, start = [], 0
        for tokens in summary["tokens"]:
            if start + len(tokens) > _SHOWN_TOKENS and texts:
                break
            part = shares[start : start + len(tokens)][:_SHOWN_TOKENS]
            texts.append([(token, round(float(share), 3)) for token, share in zip(tokens, part, strict=False)])
            start += len(tokens)
        shaded[capability] = texts
    return jinja2.Environment(autoescape=True).from_string(_SHADED).render(shaded=shaded)


def plot(path: Path, summary: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]]) -> None:
    """Predicted against measured, a panel a benchmark, salience beside the mean loss."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [one for one in predictions if one["measured"] is not None][:9]
    if not shown:
        return
    test = np.array([one["split"] == "test" for one in summary["checkpoints"]])
    figure = Figure(figsize=(4.2 * len(shown[:3]), 4.2 * -(-len(shown) // 3)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(-(-len(shown) // 3), len(shown[:3]), squeeze=False).flat
    for axes, one in zip(panels, shown, strict=False):
        measured_M = np.array(one["measured"], float)
        for (way, marker), colour in zip(
            (("mean loss", "x"), ("salience", "o")), (COLOURS[6], COLOURS[1]), strict=True
        ):
            values = (one.get("out_of_mixture") or {}).get(way) or one["predicted"][way]
            predicted_M = np.where(test, np.array(one["predicted"][way], float), np.array(values, float))
            axes.scatter(measured_M[~test], predicted_M[~test], marker=marker, color=colour, alpha=0.5, label=way, s=18)
            if test.any():
                axes.scatter(
                    measured_M[test], predicted_M[test], marker=marker, color=colour, s=40, linewidths=1.6,
                    label=f"{way}, test",
                )  # fmt: skip
        axes.axline((0, 0), slope=1, color="0.7", linewidth=1, zorder=0)
        axes.set_title(one["benchmark"], fontsize=10)
        axes.set_xlabel("measured accuracy")
        axes.set_ylabel("predicted")
        axes.legend(fontsize=7, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in list(panels):
        axes.set_visible(False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
