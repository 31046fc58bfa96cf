"""whet salience SCORES... --accuracies FILE --out FOLDER: which tokens of a text predict a capability.

whet salience SCORES... --predict SALIENCE --out FOLDER: a checkpoint's accuracies from its losses alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..artifacts import Artifact, Draft, Report, Salience, Score, SourceFile, Text, Weights, WrongOption
from ..artifacts.wording import counted
from .options import expect

VERSION = 3

BY_TURNS = ("rounds", "steps", "learning_rate", "patience")
"""Options that a joint fit does not read."""


@dataclass(frozen=True, kw_only=True)
class SalienceOptions:
    """How token weights are fitted."""

    kl_weight: list[float] = field(default_factory=lambda: [1e-3])
    """Weight of the penalty towards equal token weights (lambda); of several, what predicts left-out mixtures best"""

    test_mixture: list[str] = field(default_factory=list)
    """Mixtures (of the CSV's column mixture) that are only predicted"""

    buckets: int = 0
    """Tokens share weights in about so many buckets (source, loss, fall of the loss); 0: every token is free"""

    joint: bool = False
    """With --buckets: fit weights and curves in one least-squares problem instead of by turns"""

    fit_floor: bool = False
    """Fit the accuracy of guessing too, between 0 and the lowest measured; else the CSV's column chance, or 0"""

    rounds: int = 60
    """Turns of fitting the curves and moving the weights, at most"""

    steps: int = 30
    """Steps of Adam in a turn"""

    learning_rate: float = 2e-2
    """Of those steps"""

    patience: int = 10
    """Turns without a gain on the stop checkpoints before the fit ends"""

    metric: str = "pass@1"
    """With --reports: the accuracy that is predicted"""

    seed: int = 0
    """Of the random-weights baseline"""

    def __post_init__(self) -> None:
        expect(
            (
                ("--kl-weight", self.kl_weight, bool(self.kl_weight) and min(self.kl_weight) >= 0, "0 or more"),
                ("--buckets", self.buckets, self.buckets >= 0, "0 or a positive number"),
                ("--rounds", self.rounds, self.rounds >= 0, "0 (equal weights) or a positive number"),
                ("--steps", self.steps, self.steps >= 1, "at least 1"),
                ("--learning-rate", self.learning_rate, self.learning_rate > 0, "a positive number"),
                ("--patience", self.patience, self.patience >= 1, "at least 1"),
                ("--seed", self.seed, self.seed >= 0, "0 or a positive number"),
            )
        )
        if self.joint and not self.buckets:
            raise WrongOption("--joint fits buckets, not single tokens: give --buckets 200")
        if self.joint and (min(self.kl_weight) <= 0 or len(self.kl_weight) > 1):
            raise WrongOption("--joint needs one --kl-weight above 0, as there may be more buckets than checkpoints")
        unread = [name for name in BY_TURNS if getattr(self, name) != getattr(SalienceOptions, name)]
        if self.joint and unread:
            raise WrongOption(f"--{unread[0].replace('_', '-')} is about fitting by turns: leave it out with --joint")


def salience(
    scores: list[Artifact[Score]],
    out: Draft[Salience],
    options: SalienceOptions,
    *,
    accuracies: SourceFile | None = None,
    reports: list[Artifact[Report]] | None = None,
    predict: Artifact[Salience] | None = None,
    texts: Artifact[Text] | None = None,
    tokenizer: Weights | None = None,
    answer_losses: list[Artifact[Score]] | None = None,
) -> None:
    """Fit which tokens of a text predict a capability: a weight for each token, and a curve for each benchmark.

    A capability has one weight vector, a benchmark one curve from the weighted loss to the accuracy. SCORES are
    likelihood scores of the same texts, one artifact a checkpoint, all with one tokenizer. Weights are never negative
    and add up to 1. Checkpoints are split three ways: how long to fit is learned by leaving out one mixture after the
    other, test checkpoints are only predicted. whet eval shows how well, beside the baselines.

    The method is that of the Capability Salience Vector (arXiv 2506.13216), reconstructed: the penalty is not its own.

    Args:
        scores: Likelihood scores of each checkpoint (whet score TEXTS POLICY --method likelihood)
        accuracies: CSV with a line a checkpoint and benchmark: checkpoint, benchmark, accuracy, and where known \
capability, questions, chance, mixture, run, compute, split
        reports: Instead of the CSV: each checkpoint's report (whet eval), in the order of SCORES
        predict: A fitted salience: predict the accuracies of SCORES with it, fit nothing
        texts: The texts that were scored: their sources, and with --tokenizer the words, to show the weights on them
        tokenizer: The policy (any of the checkpoints) whose tokenizer splits the texts
        answer_losses: Likelihood scores of the benchmarks' answers by each checkpoint, for a baseline more: rollouts \
whose text is the answer, of problems whose source is the benchmark

    Examples:
        whet salience runs/losses-* --accuracies accuracies.csv --out runs/salience
        whet salience runs/losses-* --accuracies accuracies.csv --test-mixture code --kl-weight 1e-4 --kl-weight 1e-3 \
--texts runs/texts --tokenizer runs/checkpoint-9 --out runs/salience
        whet salience runs/new-losses --predict runs/salience --out runs/predicted
    """
    from .capability.fitted import fit_capabilities
    from .capability.predicting import predict_accuracies

    with out.writer():
        if predict is not None:
            predict_accuracies(scores, predict, out)
        else:
            fit_capabilities(scores, accuracies, reports, texts, tokenizer, answer_losses, out, options)


def resolve(
    options: SalienceOptions,
    scores: list[Artifact[Score]],
    accuracies: SourceFile | None = None,
    reports: list[Artifact[Report]] | None = None,
    predict: Artifact[Salience] | None = None,
    texts: Artifact[Text] | None = None,
    tokenizer: Weights | None = None,
    answer_losses: list[Artifact[Score]] | None = None,
) -> SalienceOptions:
    """Refuse inputs that exclude each other or that nothing would read.

    Raises:
        WrongOption: not exactly one of --accuracies, --reports and --predict, or something beside it that is not read.
    """
    given = [
        flag
        for flag, value in (("--accuracies", accuracies), ("--reports", reports), ("--predict", predict))
        if value is not None
    ]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise WrongOption(f"{found} of --accuracies, --reports and --predict was given, expected one of them")
    unread = (texts, tokenizer, answer_losses)
    if predict is not None and (options != SalienceOptions() or any(one is not None for one in unread)):
        raise WrongOption("--predict takes weights and curves as they are: leave out the options of fitting")
    if reports is None and options.metric != SalienceOptions.metric:
        raise WrongOption("--metric names a number of --reports: leave it out with --accuracies")
    if tokenizer is not None and texts is None:
        raise WrongOption("--tokenizer splits the texts: give --texts too")
    if predict is None and len(scores) < 3:
        raise WrongOption(
            f"{counted(len(scores), 'checkpoint was', 'checkpoints were')} given, expected at least 3 to fit a curve"
        )
    return options
