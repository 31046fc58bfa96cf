"""The report on a run: rollouts, verdicts or both, alone or beside another run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..artifacts import Artifact, Draft, Report, Rollout, Verdict, WrongArtifact, WrongOption

if TYPE_CHECKING:
    from .eval import EvalOptions
    from .evaluating import Run
    from .metrics.groups import Groups
    from .run_page import Findings


def report_run(
    artifacts: list[Artifact[Rollout] | Artifact[Verdict]],
    against: list[Artifact[Rollout] | Artifact[Verdict]] | None,
    report: Draft[Report],
    options: EvalOptions,
) -> None:
    """Measure a run of a policy, alone or beside another one."""
    from .evaluating import read_run
    from .plotting import plot
    from .report import keep, show, write
    from .run_page import page, payload, table
    from .trained_problems import count_trained_on

    run = read_run(artifacts, options.step)
    other = read_run(against, options.step) if against else None
    # What is broken for one side is left out of both, so that the problems stay the same.
    broken = run.broken | (other.broken if other is not None else set())
    groups = run.groups(broken)
    other_groups = None if other is None else other.groups(broken)
    if other is not None and other_groups is not None:
        refuse_other_problems(run.name, groups, other.name, other_groups)
    findings = measure_runs(run, groups, other, other_groups, options)
    findings.counts.update(count_trained_on(artifacts, run.problem_ids - broken))
    write(report, payload(findings), page(findings))
    runs = [("this", findings.estimates, groups.length_P)]
    if other_groups is not None:
        runs.append(("against", findings.against_estimates, other_groups.length_P))
    plot(report.folder / "metrics.png", runs)
    keep(report, findings.counts, findings.estimates)
    show([table(findings)])


def draws_of(options: EvalOptions, runs: Sequence[tuple[str, Groups]]) -> list[int]:
    """The k to evaluate: those asked for, or the powers of two and n that every run permits.

    Raises:
        WrongOption: a k above some run's number of rollouts.
    """
    from .metrics.measure import default_draws

    name, n = min(((name, groups.n) for name, groups in runs), key=lambda run: run[1])
    for k in options.k:
        if k > n:
            raise WrongOption(f"--k {k}: {name} has {n} rollouts of each problem, expected k from 1 to {n}")
    return sorted(set(options.k)) or default_draws(n)


def refuse_other_problems(name: str, groups: Groups, other_name: str, others: Groups) -> None:
    """Refuse to compare runs on different problems: a difference would mix policies with problems."""
    ours, theirs = set(groups.problems), set(others.problems)
    if ours == theirs:
        return
    missing, extra = sorted(ours - theirs), sorted(theirs - ours)
    counted = [
        f"{lacks} lacks {len(lacking)} of the other's problems (the first is {lacking[0]})"
        for lacks, lacking in ((other_name, missing), (name, extra))
        if lacking
    ]
    raise WrongArtifact(
        f"{' and '.join(counted)}, expected the same problems in both: sample both policies on one problems artifact"
    )


def measure_runs(run: Run, groups: Groups, other: Run | None, others: Groups | None, options: EvalOptions) -> Findings:
    """Every metric of the run, of the other one, and of their difference."""
    from .metrics.estimate import compare, estimate
    from .metrics.measure import measure, tau_name
    from .run_page import Findings

    named = [(run.name, groups)]
    if other is not None and others is not None:
        named.append((other.name, others))
    draws = draws_of(options, named)
    level, resamples = options.confidence, options.resamples
    settings = {
        "k": draws,
        "tau": [tau_name(tau) for tau in options.tau],
        "confidence": level,
        "resamples": resamples,
        "step": options.step,
    }
    measured = measure(groups, draws, options.tau)
    if not measured:
        raise WrongArtifact(f"{run.name} has neither verdicts nor texts, expected something to measure: give verdicts")
    estimates = estimate(measured, level, resamples)
    counts = dict(groups.counts)
    if other is None or others is None:
        return Findings(title=run.name, estimates=estimates, counts=counts, settings=settings)
    baseline = measure(others, draws, options.tau)
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
        against_counts=dict(others.counts),
        comparison=comparison,
    )
