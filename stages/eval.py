"""whet eval ARTIFACT... --out FOLDER [--against OTHER]...: measure a run, with how sure one can be of each number.

whet eval VERDICTS --labels LABELS --out FOLDER: measure how right the verdicts are.
whet eval SALIENCE --out FOLDER: measure how well token weights predict accuracies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..artifacts import (
    Artifact,
    Draft,
    Policy,
    Report,
    RewardModel,
    Rollout,
    Salience,
    Score,
    SourceFile,
    Verdict,
    WrongOption,
)

VERSION = 4


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """What is measured, and how sure the intervals are."""

    k: list[int] = field(default_factory=list)
    """Rollouts drawn per problem (k of pass@k, G-Pass@k, maj@k, best-of-k); default: powers of two up to n, and n"""

    tau: list[Fraction] = field(default_factory=lambda: [Fraction(i, 4) for i in (1, 2, 3, 4)])
    """Share of the k rollouts that must be correct in G-Pass@k"""

    confidence: float = 0.95
    """Level of the intervals"""

    resamples: int = 9999
    """Resamples of the problems in the bootstrap"""

    step: str | None = None
    """Step of an on-policy run to evaluate: a number, or last"""

    scaling: bool = False
    """Fit how the loss of trained models (policies, reward models) falls with their size"""

    loss: str = "loss"
    """With --scaling: which number of metrics.jsonl; its mean over the last tenth of the steps"""


def eval(
    artifacts: list[
        Artifact[Rollout]
        | Artifact[Verdict]
        | Artifact[Score]
        | Artifact[Salience]
        | Artifact[Policy]
        | Artifact[RewardModel]
    ]
    | None,
    report: Draft[Report],
    options: EvalOptions,
    *,
    against: list[Artifact[Rollout] | Artifact[Verdict] | Artifact[Score]] | None = None,
    labels: Artifact[Verdict] | None = None,
    verdicts: Artifact[Verdict] | None = None,
    points: SourceFile | None = None,
) -> None:
    """Measure pass@k, G-Pass@k, majority vote and lengths, with intervals, and compare two runs; or measure verdicts.

    Verdicts alone permit pass@k, G-Pass@k, mG-Pass@k and maj@k; rollouts alone length and truncation; both
    together, of the same rollouts, all of it. Unknown verdicts count as not correct, and both bounds are shown.
    A problem that a verdict calls broken (invalid: problem) is left out and counted.

    With --labels the verdicts themselves are measured, against other verdicts on the same rollouts that are taken to
    be right: accuracy, precision, recall, F1, error rates, calibration, and what they are worth as a reward.

    Scores are measured with --verdicts: how they rank the rollouts of a problem (AUC, within problems and pooled), what
    the best of k by score is worth beside a random one, the majority and the oracle, calibration, and whether they only
    measure length; --against tells how far other scores are from them. With --scaling the artifacts are trained models.

    A salience is measured by how well it predicts accuracies, beside the baselines; intervals resample whole runs.

    Args:
        artifacts: What is measured: rollouts, verdicts, or both of the same rollouts; scores (and their rollouts); a
            salience; with --scaling policies or reward models
        against: The same of another run, to compare with in pairs; with --labels other verdicts on the same rollouts
        labels: Verdicts that are taken to be right: measure how right ARTIFACTS are
        verdicts: Which rollouts are correct: measure how well the scores ARTIFACTS tell
        points: With --scaling: a CSV of more runs, with the columns size (or N) and loss (or L)

    Examples:
        whet eval runs/x/verdicts --out runs/x/report
        whet eval runs/x/rollouts runs/x/verdicts --k 1 --k 8 --tau 0.5 --tau 1 --out runs/x/report
        whet eval runs/after/verdicts --against runs/before/verdicts --out runs/gain
        whet eval runs/x/verdicts --labels runs/x/labels --against runs/x/other-verdicts --out runs/x/agreement
        whet eval runs/x/scores --verdicts runs/x/verdicts --against runs/x/other-scores --out runs/x/ranking
        whet eval --scaling runs/rm-10m runs/rm-30m runs/rm-100m --out runs/law
        whet eval runs/salience --out runs/salience-report
    """
    from .report import show

    check_options(options)
    with report.writer():
        given: list[Any] = list(artifacts or [])
        others: list[Any] | None = list(against) if against else None
        if options.scaling:
            from .scoring.scaling_report import report_scaling

            show(report_scaling(given, points, report, loss=options.loss, confidence=options.confidence))
        elif any(artifact.kind == "salience" for artifact in given):
            from .capability.measured_report import report_salience

            if len(given) > 1 or against or labels is not None:
                raise WrongOption("a salience is measured alone: leave out the other artifacts, --against and --labels")
            show([report_salience(given[0], report, options.confidence, options.resamples)])
        elif verdicts is not None:
            from .scoring.score_report import report_scores

            tables = report_scores(
                given, verdicts, against, report, draws=options.k, confidence=options.confidence,
                resamples=options.resamples, step=options.step,
            )  # fmt: skip
            show(tables)
        elif labels is not None:
            from .agreement.report import report_agreement

            report_agreement(given, labels, others, report, options)
        else:
            from .run_report import report_run

            report_run(given, others, report, options)


def resolve(options: EvalOptions, **inputs: Any) -> EvalOptions:
    """Refuse what nothing would read, before there is a draft."""
    check_options(options)
    asked = ("artifacts", "against", "labels", "verdicts", "points")
    refuse_mixture(options, **{name: inputs.get(name) for name in asked})
    if inputs.get("labels") is not None and (options.k or options.tau != EvalOptions().tau):
        given = "--k" if options.k else "--tau"
        raise WrongOption(f"{given} is about groups of rollouts, but --labels measures single verdicts: leave it out")
    return options


def refuse_mixture(
    options: EvalOptions,
    artifacts: Sequence[Artifact[Any]] | None,
    against: Sequence[Artifact[Any]] | None,
    labels: Artifact[Verdict] | None,
    verdicts: Artifact[Verdict] | None,
    points: SourceFile | None,
) -> None:
    """Refuse artifacts that are measured in different ways, and inputs that the way chosen does not read.

    Raises:
        WrongOption: with the flag that is missing or too much.
    """
    kinds = {artifact.kind for artifact in artifacts or []}
    models = sorted(kinds & {"policy", "reward-model"})
    if options.scaling:
        if others := sorted(kinds - {"policy", "reward-model"}):
            raise WrongOption(f"--scaling fits trained models, {others[0]} were given: give policies or reward models")
        for flag, given in (("--against", against), ("--labels", labels), ("--verdicts", verdicts)):
            if given is not None:
                raise WrongOption(f"{flag} is not read with --scaling: leave it out")
        refuse_unread(options, "--scaling", ("k", "tau", "step"))
        if options.resamples != EvalOptions().resamples:
            raise WrongOption("--resamples is not read with --scaling, whose intervals are Student's t: leave it out")
        if not kinds and points is None:
            raise WrongOption("--scaling has no runs to fit: give trained models, or a CSV with --points")
        return
    if not kinds:
        raise WrongOption("ARTIFACTS is missing, expected a folder of rollouts, verdicts, scores or salience")
    if models:
        raise WrongOption(f"a {models[0]} alone is measured by how its loss scales: give --scaling and several, "
                          "or sample from it and evaluate the rollouts")  # fmt: skip
    if points is not None or options.loss != EvalOptions().loss:
        raise WrongOption(f"{'--loss' if points is None else '--points'} goes with --scaling")
    if "scores" in kinds and verdicts is None:
        raise WrongOption("scores are measured against verdicts on the same rollouts: give --verdicts")
    if verdicts is not None and ("scores" not in kinds or labels is not None or "verdicts" in kinds):
        raise WrongOption(
            "--verdicts tell how well scores rank: give scores (and their rollouts) and leave out --labels; verdicts "
            "themselves are measured with --labels"
        )
    if verdicts is not None and options.tau != EvalOptions().tau:
        raise WrongOption("--tau is about G-Pass@k, which scores do not have: leave it out")
    if "salience" in kinds:
        refuse_unread(options, "a salience", ("k", "tau", "step"))


def refuse_unread(options: EvalOptions, measured: str, names: Sequence[str]) -> None:
    """Refuse options that are asked for and that what is measured does not have."""
    for name in names:
        if getattr(options, name) != getattr(EvalOptions(), name):
            raise WrongOption(f"--{name} is about rollouts, it is not read for {measured}: leave it out")


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
