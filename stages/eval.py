"""whet eval ARTIFACT... --out FOLDER [--against OTHER]...: measure a run, with how sure one can be of each number."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from ..artifacts import Artifact, Draft, Report, Rollout, Verdict, WrongArtifact, WrongOption

if TYPE_CHECKING:
    from rich.table import Table

    from .evaluating import Run
    from .report import Findings

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """What is measured, and how sure the intervals are."""

    k: list[int] = field(default_factory=list)
    """Rollouts drawn per problem (k of pass@k, G-Pass@k, maj@k); default: powers of two up to n, and n"""

    tau: list[Fraction] = field(default_factory=lambda: [Fraction(i, 4) for i in (1, 2, 3, 4)])
    """Share of the k rollouts that must be correct in G-Pass@k"""

    confidence: float = 0.95
    """Level of the intervals"""

    resamples: int = 9999
    """Resamples of the problems in the bootstrap"""

    step: str | None = None
    """Step of an on-policy run to evaluate: a number, or last"""


def eval(
    artifacts: list[Artifact[Rollout] | Artifact[Verdict]],
    report: Draft[Report],
    options: EvalOptions,
    *,
    against: list[Artifact[Rollout] | Artifact[Verdict]] | None = None,
) -> None:
    """Measure pass@k, G-Pass@k, majority vote and lengths, with intervals, and compare two runs.

    Verdicts alone permit pass@k, G-Pass@k, mG-Pass@k and maj@k; rollouts alone length and truncation; both
    together, of the same rollouts, all of it. Unknown verdicts count as not correct, and both bounds are shown.

    Examples:
        whet eval runs/x/verdicts --out runs/x/report
        whet eval runs/x/rollouts runs/x/verdicts --k 1 --k 8 --tau 0.5 --tau 1 --out runs/x/report
        whet eval runs/after/verdicts --against runs/before/verdicts --out runs/gain
    """
    from .evaluating import read_run
    from .plotting import plot
    from .report import page, payload, table
    from .trained_problems import count_trained_on

    check_options(options)
    with report.writer():
        run = read_run(artifacts, options.step)
        other = read_run(against, options.step) if against else None
        if other is not None:
            refuse_other_problems(run, other)
        findings = measure_runs(run, other, options)
        findings.counts.update(count_trained_on(artifacts, run.problem_ids))
        (report.folder / "metrics.json").write_text(json.dumps(payload(findings), indent=1) + "\n")
        (report.folder / "README.md").write_text(page(findings))
        runs = [("this", findings.estimates, run.groups.length_P)]
        if other is not None:
            runs.append(("against", findings.against_estimates, other.groups.length_P))
        plot(report.folder / "metrics.png", runs)
        report.facts["counts"] = findings.counts
        report.facts["metrics"] = {one.name: one.interval.value for one in findings.estimates}
    show(table(findings))


def check_options(options: EvalOptions) -> None:
    """Refuse values that no run permits."""
    for k in options.k:
        if k < 1:
            raise WrongOption(f"--k {k}: expected at least 1")
    for tau in options.tau:
        if not 0 <= tau <= 1:
            raise WrongOption(f"--tau {tau}: expected a share from 0 to 1")
    if not 0 < options.confidence < 1:
        raise WrongOption(f"--confidence {options.confidence}: expected a level between 0 and 1, e.g. 0.95")
    if options.resamples < 100:
        raise WrongOption(f"--resamples {options.resamples}: expected at least 100")


def draws_of(options: EvalOptions, runs: "Sequence[Run]") -> list[int]:
    """The k to evaluate: those asked for, or the powers of two and n that every run permits.

    Raises:
        WrongOption: a k above some run's number of rollouts.
    """
    from .metrics.measure import default_draws

    fewest = min(runs, key=lambda run: run.groups.n)
    n = fewest.groups.n
    for k in options.k:
        if k > n:
            raise WrongOption(f"--k {k}: {fewest.name} has {n} rollouts of each problem, expected k from 1 to {n}")
    return sorted(set(options.k)) or default_draws(n)


def refuse_other_problems(run: "Run", other: "Run") -> None:
    """Refuse to compare runs on different problems: a difference would mix policies with problems."""
    ours, theirs = set(run.groups.problems), set(other.groups.problems)
    if ours == theirs:
        return
    missing, extra = sorted(ours - theirs), sorted(theirs - ours)
    counted = [
        f"{name} lacks {len(lacking)} of the other's problems (the first is {lacking[0]})"
        for name, lacking in ((other.name, missing), (run.name, extra))
        if lacking
    ]
    raise WrongArtifact(
        f"{' and '.join(counted)}, expected the same problems in both: sample both policies on one problems artifact"
    )


def measure_runs(run: "Run", other: "Run | None", options: EvalOptions) -> "Findings":
    """Every metric of the run, of the other one, and of their difference."""
    from .metrics.estimate import compare, estimate
    from .metrics.measure import measure, tau_name
    from .report import Findings

    draws = draws_of(options, [run] if other is None else [run, other])
    level, resamples = options.confidence, options.resamples
    settings = {
        "k": draws,
        "tau": [tau_name(tau) for tau in options.tau],
        "confidence": level,
        "resamples": resamples,
        "step": options.step,
    }
    measured = measure(run.groups, draws, options.tau)
    if not measured:
        raise WrongArtifact(f"{run.name} has neither verdicts nor texts, expected something to measure: give verdicts")
    estimates = estimate(measured, level, resamples)
    counts = dict(run.groups.counts)
    if other is None:
        return Findings(title=run.name, estimates=estimates, counts=counts, settings=settings)
    baseline = measure(other.groups, draws, options.tau)
    comparison = compare(measured, baseline, level, resamples)
    if not comparison:
        raise WrongArtifact(
            f"{run.name} and {other.name} have no metric in common, expected the same kinds on both sides of --against"
        )
    return Findings(
        title=run.name,
        estimates=estimates,
        counts=counts,
        settings=settings,
        against=other.name,
        against_estimates=estimate(baseline, level, resamples),
        against_counts=dict(other.groups.counts),
        comparison=comparison,
    )


def show(shown: "Table") -> None:
    """Put a table into the log (stderr), as wide as it is where stderr is no terminal."""
    import io

    from loguru import logger
    from rich.console import Console

    terminal = Console(stderr=True)
    text = io.StringIO()
    Console(file=text, width=terminal.width if terminal.is_terminal else 160).print(shown)
    logger.opt(raw=True).info(text.getvalue())
