"""whet train-rm POLICY --rollouts R --verdicts V --method token --out FOLDER: train a model that judges rollouts.

--method verifier gives verdicts; token, bradley-terry, polar and implicit give scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, cast

from ..artifacts import (
    Artifact,
    Draft,
    Preference,
    RewardModel,
    Rollout,
    Score,
    SourceFile,
    Verdict,
    Verifier,
    Weights,
    WrongOption,
)
from .loop import Loop
from .lora import Lora
from .optimization import Optimization
from .options import Flat, expect, variant_name
from .pairing import Pairing
from .policy_folder import Saving
from .rewards.methods import BradleyTerry, Implicit, Polar, Token
from .rewards.sources import Sources
from .verifier_method import Verifier as VerifierMethod
from .verifiers.prompts import Prompt, load_prompt

VERSION = 4

DEFAULT = "direct"
"""The prompt where none is given: that of `whet verify --by model`."""


@dataclass(frozen=True, kw_only=True)
class TrainRmOptions:
    """How a model that judges rollouts is trained."""

    method: VerifierMethod | Token | BradleyTerry | Polar | Implicit = field(default_factory=VerifierMethod)
    """What it learns to give: verdicts (verifier), or scores"""

    loop: Annotated[Loop, Flat] = field(default_factory=Loop)
    """The optimisation loop"""

    rows_per_step: int | None = None
    """Rows, or pairs where the method compares, that one step learns from (default: 32 for a verifier, 320 for polar,
    else 64)"""

    pairing: Annotated[Pairing, Flat] = field(default_factory=Pairing)
    """How pairs are made, for methods that compare"""

    optimization: Annotated[Optimization, Flat] = field(default_factory=Optimization)
    """The optimiser"""

    lora: Lora = field(default_factory=Lora)
    """An adapter instead of all weights; a head is trained in full beside it"""

    saving: Annotated[Saving, Flat] = field(default_factory=Saving)
    """What is published"""

    def __post_init__(self) -> None:
        expect([("--rows-per-step", self.rows_per_step, (self.rows_per_step or 1) >= 1, "at least 1")])


def train_rm(
    policy: Weights,
    out: Draft[Verifier | RewardModel],
    options: TrainRmOptions,
    *,
    rollouts: list[Artifact[Rollout]] | None = None,
    labels: list[Artifact[Verdict]] | None = None,
    verdicts: list[Artifact[Verdict]] | None = None,
    scores: list[Artifact[Score]] | None = None,
    preferences: list[Artifact[Preference]] | None = None,
    prompt: SourceFile | None = None,
    pairs_out: Draft[Preference] | None = None,
) -> None:
    """Train a model that judges rollouts: a verifier, which gives verdicts, or a reward model, which gives scores.

    --method verifier: a causal model learns to answer with the label of a case: A correct, B incorrect, C invalid. The
    folder is a plain model with verifier.json; `whet verify ROLLOUTS --by model --verifier FOLDER` reads it.

    --method token, bradley-terry, polar, implicit: a number for every token or for the whole completion. The folder is
    a plain model with reward-model.json; `whet score ROLLOUTS FOLDER` reads it. POLICY may be a reward model, which is
    trained further. --method polar with rollouts of several policies alone is pre-training.

    --lora.rank trains an adapter, and a head in full: `whet score ROLLOUTS POLICY --adapter FOLDER` reads it, and
    `whet verify ROLLOUTS --by model --verifier POLICY --adapter FOLDER`; --lora.merge makes a whole model.

    Rollouts whose verdict is unknown are left out. The same command goes on where it was stopped.

    Args:
        rollouts: What to train on
        labels: For a verifier: verdicts of those rollouts that are taken for true; they may cover a part
        verdicts: For a reward model: the verdicts of those rollouts, for every --rollouts
        scores: Scores of those rollouts, by which pairs are made beside verdicts or alone
        preferences: Pairs to train on, instead of rollouts
        prompt: Text file with {question}, {reference} and {completion}: how a verifier is asked (default: as verify)
        pairs_out: Where the pairs that were made go, as preferences, to be looked at

    Examples:
        whet train-rm runs/start --rollouts runs/cases --labels runs/labels --method verifier --out runs/verifier
        whet train-rm runs/cold --rollouts runs/r --verdicts runs/v --method token --out runs/token-rm
        whet train-rm runs/cold --preferences runs/pairs --method bradley-terry --centring 0.01 --out runs/rm
        whet train-rm runs/cold --rollouts runs/r1 --rollouts runs/r2 --method polar --out runs/polar
        whet train-rm runs/cold --preferences runs/pairs --method bradley-terry --lora.rank 16 --out runs/adapter
    """
    import torch

    from .distribution.starting import joined

    given = Sources.of(
        rollouts=rollouts, labels=labels, verdicts=verdicts, scores=scores, preferences=preferences, prompt=prompt
    )
    options = _settled(options, given)
    method = options.method
    # A stage called from a notebook leaves the random numbers there as they were.
    with joined("train-rm", out, options.loop), torch.random.fork_rng(devices=[]):
        if isinstance(method, VerifierMethod):
            from .verifier_training import VerifierTraining

            draft = cast("Draft[Verifier]", out.as_kind("verifier"))
            VerifierTraining(policy, draft, options, method, _asked(given)).run(given.rollouts, given.labels)
        else:
            from .rewards.training import RewardTraining

            made = cast("Draft[RewardModel]", out.as_kind("reward-model"))
            RewardTraining(policy, made, options, method).run(given, pairs_out)


def resolve(options: TrainRmOptions, policy: Weights, **given: Any) -> TrainRmOptions:
    """Settle what the options leave to the method and the machine, and refuse what does not go together.

    Args:
        given: the inputs, by the names that `train_rm` has for them.

    Raises:
        WrongOption: a prompt that cannot be read, inputs that nothing would read, or that are missing.
    """
    return _settled(options, Sources.of(**given))


def _settled(options: TrainRmOptions, given: Sources) -> TrainRmOptions:
    method = options.method
    name = f"--method {variant_name(type(method))}"
    verifier = isinstance(method, VerifierMethod)
    refused = [
        (
            not given.rollouts and not given.preferences,
            "nothing to train on was given, expected --rollouts or --preferences",
        ),
        (verifier and not (given.rollouts and given.labels), f"{name} learns from --rollouts and their --labels"),
        (
            verifier and (given.verdicts or given.scores or given.preferences),
            f"{name} reads --labels, no --verdicts, --scores or --preferences",
        ),
        (not verifier and given.labels, f"{name} reads --verdicts, --labels are for --method verifier"),
        (not verifier and given.prompt, f"{name} is not asked in words, --prompt is for --method verifier"),
        (
            not (not verifier and method.in_pairs) and options.pairing != Pairing(),
            f"{name} makes no pairs here: leave out --pairs and --max-pairs-per-problem",
        ),
    ]
    for wrong, message in refused:
        if wrong:
            raise WrongOption(message)
    if verifier:
        _asked(given)
    return replace(
        options,
        loop=options.loop.settled(),
        rows_per_step=options.rows_per_step or method.rows_per_step,
        optimization=options.optimization.settled(method.learning_rate),
    )


def plan(options: TrainRmOptions, policy: Weights, **inputs: Any) -> list[str]:
    """What --dry-run adds: what there is to learn from, and how many steps it makes."""
    from ..artifacts.wording import counted
    from .memory_needs import rm_memory
    from .spans import span_of

    method, loop, given = options.method, options.loop, Sources.of(**inputs)
    if isinstance(method, VerifierMethod):
        from .verifier_training import prepare

        asked = _asked(given)
        data, first = prepare(policy, given.rollouts, given.labels, asked, method, loop.seed)
        tokens = sum(len(row.prompt_token_ids) + len(row.label_token_ids) for row in data.rows)
        lines = [
            f"{len(data.rows):,} rows to learn from, {tokens:,} tokens: {data.counts}",
            f"first prompt: {asked.render(first.case)!r}, then {first.verdict}",
        ]
        units, unit, longest = len(data.chosen), "rows", data.longest
    else:
        from .rewards.rows import read_data
        from .rewards.showing import plan_lines

        read = read_data(policy, given, method, options.pairing, loop.seed)
        lines = plan_lines(policy, read, method)
        units, unit, longest = len(read.units), "pairs" if method.in_pairs else "rows", read.longest
    lines += rm_memory(options, policy, longest).lines
    per_step = options.rows_per_step or method.rows_per_step
    steps = span_of(0, units, per_step, steps=loop.steps, epochs=loop.epochs).until
    return [*lines, f"{counted(steps, 'step')} of {per_step} {unit}"]


def _asked(given: Sources) -> Prompt:
    """How a verifier is asked."""
    return load_prompt(given.prompt.path if given.prompt else DEFAULT)
