"""One run of `whet salience`: read, fit every capability, hold it beside the baselines, write the artifact."""

# M checkpoints, N tokens, T benchmarks

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...artifacts import Artifact, Draft, Report, Salience, Score, SourceFile, Text, Weights, WrongArtifact
from ...artifacts.wording import counted
from . import storage
from .accuracies import Accuracies, read_csv, read_reports
from .answer_losses import read_answer_losses
from .baselines import baselines, rarities
from .experiment import Capability, fit_all, out_of_mixture
from .fitting import Fit, Schedule, measured
from .losses import Losses, read_losses
from .objective import effective_tokens
from .words import Words, read_words

if TYPE_CHECKING:
    from ..salience import SalienceOptions


@dataclass(frozen=True)
class Parts:
    """Which checkpoints are fitted, stop the fit and are only predicted; bool [M] each."""

    train: np.ndarray
    stop: np.ndarray
    test: np.ndarray
    mixtures: np.ndarray
    runs: np.ndarray


def fit_capabilities(
    scores: Sequence[Artifact[Score]],
    accuracies: SourceFile | None,
    reports: Sequence[Artifact[Report]] | None,
    texts: Artifact[Text] | None,
    tokenizer: Weights | None,
    answer_losses: Sequence[Artifact[Score]] | None,
    out: Draft[Salience],
    options: SalienceOptions,
) -> None:
    """Fit weights and curves and write them, with every prediction."""
    from loguru import logger

    losses = read_losses(scores)
    known = read_csv(accuracies, scores) if accuracies else read_reports(reports or [], scores, options.metric)
    parts = split(known, options.test_mixture)
    few = (np.isfinite(known.accuracies_MT[parts.train & ~parts.stop]).sum(axis=0) < 3).nonzero()[0]
    if len(few):
        raise WrongArtifact(
            f"{known.benchmarks[few[0]]} was measured on fewer than 3 of the checkpoints to fit, expected more: "
            "measure them, or leave the benchmark out"
        )
    words = read_words(losses, texts, tokenizer)
    answers = read_answer_losses(answer_losses, scores, known.benchmarks) if answer_losses else {}
    logger.info(
        f"{len(scores):,} checkpoints ({int(parts.train.sum()):,} to fit, {int(parts.test.sum()):,} to test), "
        f"{losses.losses_MN.shape[1]:,} tokens, {len(known.benchmarks):,} benchmarks"
    )
    capabilities: dict[str, Any] = {}
    weights: dict[str, np.ndarray] = {}
    predictions: list[dict[str, Any]] = []
    names = sorted(set(known.capabilities))
    for done, name in enumerate(names, start=1):
        columns = [place for place, one in enumerate(known.capabilities) if one == name]
        found, token_weights_N, rows = _capability(losses, known, columns, parts, words, answers, options)
        capabilities[name], weights[name] = found, token_weights_N
        predictions += rows
        out.progress(done, len(names), "capabilities")
    summary = {
        "capabilities": capabilities,
        "tokenizer_digest": losses.tokenizer_digest,
        "context": losses.context,
        "texts": [list(one) for one in losses.texts],
        "tokens": words.tokens,
        "checkpoints": [
            {"path": str(one.path), "digest": one.digest, "mixture": mixture, "run": run, "split": part}
            for one, mixture, run, part in zip(scores, known.mixtures, known.runs, _split_names(parts), strict=True)
        ],
    }
    storage.write(out.folder, summary, weights, predictions)
    out.facts |= {
        "tokenizer_digest": losses.tokenizer_digest,
        "counts": {
            "checkpoints": len(scores), "tested": int(parts.test.sum()), "tokens": int(losses.losses_MN.shape[1]),
            "benchmarks": len(known.benchmarks), "capabilities": len(names),
        },
    }  # fmt: skip


def split(known: Accuracies, test_mixtures: Sequence[str]) -> Parts:
    """Test: what the CSV or --test-mixture says. Stop: what the CSV says. The rest is fitted.

    Raises:
        WrongArtifact: a mixture nobody has, a CSV that says both, or fewer than three checkpoints left to fit.
    """
    splits, mixtures = np.array(known.splits), np.array(known.mixtures)
    unknown = sorted(set(test_mixtures) - set(known.mixtures))
    if unknown:
        found = ", ".join(sorted(set(filter(None, known.mixtures)))) or "none: the CSV has no column mixture"
        raise WrongArtifact(f"--test-mixture {unknown[0]} is no mixture of the accuracies, expected of: {found}")
    if test_mixtures and (splits == "test").any():
        raise WrongArtifact("both the column split and --test-mixture say what to test, expected one of them")
    test = (splits == "test") | np.isin(mixtures, list(test_mixtures))
    stop = (splits == "stop") & ~test
    if (left := int((~test & ~stop).sum())) < 3:
        raise WrongArtifact(f"{counted(left, 'checkpoint is', 'checkpoints are')} left to fit, expected at least 3")
    numbers = [np.unique(labels, return_inverse=True)[1] for labels in (mixtures, np.array(known.runs))]
    return Parts(~test, stop, test, *numbers)


def _split_names(parts: Parts) -> list[str]:
    return ["test" if test else "stop" if stop else "fit" for test, stop in zip(parts.test, parts.stop, strict=True)]


def _capability(
    losses: Losses,
    known: Accuracies,
    columns: list[int],
    parts: Parts,
    words: Words,
    answers: Mapping[str, np.ndarray],
    options: SalienceOptions,
) -> tuple[dict[str, Any], np.ndarray, list[dict[str, Any]]]:
    """One capability: what is written of it, its token weights and its predictions."""
    tokens_MN = losses.losses_MN.astype(np.float64)
    floors = [None if options.fit_floor else known.floors_T[place] for place in columns]
    capability = Capability(
        tokens_MN, known.accuracies_MT[:, columns], known.variances_MT[:, columns], floors, words.sources_N,
        buckets=options.buckets, joint=options.joint,
    )  # fmt: skip
    schedule = Schedule(options.kl_weight[0], options.rounds, options.steps, options.learning_rate, options.patience)

    def fit_on(rows: np.ndarray, stop: np.ndarray) -> Fit:
        return fit_all(capability, rows, stop, parts.mixtures, parts.runs, schedule, options.kl_weight)

    fit = fit_on(parts.train, parts.stop)
    nested, pairs = out_of_mixture(
        capability, parts.train, parts.mixtures, lambda kept: fit_on(kept, np.zeros_like(kept))
    )
    rarity_N = None if words.tokens is None else rarities(words.tokens)
    predicted = fit.predict(tokens_MN)
    rows = []
    for place, column in enumerate(columns):
        name, floor = known.benchmarks[column], floors[place]
        others_MT = np.delete(known.accuracies_MT, column, axis=1)
        every = {"salience": predicted[:, place]}
        left_out = {"salience": nested[:, place]}

        def beside(train: np.ndarray, column: int = column, floor: float | None = floor, others_MT: Any = others_MT):
            one = measured(known.accuracies_MT[:, column], known.variances_MT[:, column], train)
            return baselines(
                tokens_MN, words.sources_N, rarity_N, known.compute_M, others_MT, one, floor, options.seed,
                answers.get(known.benchmarks[column]),
            )  # fmt: skip

        every |= beside(parts.train)
        for kept, held in pairs:
            for way, values in beside(kept).items():
                left_out.setdefault(way, np.full(len(values), np.nan))[held] = values[held]
        rows.append(
            {
                "benchmark": name,
                "capability": known.capabilities[column],
                "measured": _numbers(known.accuracies_MT[:, column]),
                "predicted": {way: _numbers(values) for way, values in every.items()},
                "out_of_mixture": {way: _numbers(values) for way, values in left_out.items()} if pairs else {},
            }
        )
    found = {
        "curves": {
            known.benchmarks[column]: {"slope": link.slope, "middle": link.middle, "floor": link.floor}
            for column, link in zip(columns, fit.links, strict=True)
        },
        "kl_weight": fit.kl_weight,
        "rounds": fit.rounds,
        "errors": [list(one) for one in fit.errors],
        "effective_tokens": effective_tokens(fit.weights_N, np.ones_like(fit.weights_N)),
        "buckets": fit.buckets,
    }
    return found, fit.weights_N, rows


def _numbers(values: np.ndarray) -> list[float | None]:
    """As JSON has them: None for not a number."""
    return [float(value) if np.isfinite(value) else None for value in values]
