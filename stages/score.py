"""whet score ROLLOUTS MODEL --out FOLDER: give every rollout a number, by a reward model or a policy's likelihood."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..artifacts import Artifact, Draft, Rollout, Score, Text, Verdict, Weights, WrongOption
from ..artifacts.wording import counted
from .options import Runtime, expect
from .rewards.internlm2 import is_internlm2
from .scoring.methods import Auto, Implicit, Likelihood, Method, Polar, held_settings, name_of, resolve_method
from .scoring.refusals import check_polar, check_reference, check_vllm

if TYPE_CHECKING:
    from .scoring.reading import Reader
    from .scoring.scored import Scorer

VERSION = 3


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """How scores are given."""

    method: Method = field(default_factory=Auto)
    """auto: what the model folder says, with its options. Of any policy: likelihood, confidence, implicit"""

    normalize: Literal["none", "group", "running"] = "none"
    """group: (score - mean) / sd over the group; running: over all scores so far; token scores stay as they are"""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the network; auto: bfloat16 where the machine multiplies it. Heads and log-probabilities are float32"""

    retokenize: bool = False
    """Encode the texts of the rollouts for this model, where their tokens are another tokenizer's"""

    engine: Literal["auto", "transformers", "vllm"] = "auto"
    """vllm: for bradley-terry models, where it is installed; auto is transformers"""

    batch_tokens: Annotated[int | None, Runtime] = None
    """Tokens of one forward pass, padding included (default: 4096, padded rows 1024, a GPU 65536)"""

    check_invariance: Annotated[int, Runtime] = 0
    """Score so many rows again, each alone, and tell how far that is from their scores in batches"""

    allow_failed: Annotated[float, Runtime] = 0.0
    """Share of a chunk's rows that may fail (too long for the model, no finite number); more stop the command"""

    def __post_init__(self) -> None:
        expect(
            (
                ("--batch-tokens", self.batch_tokens, (self.batch_tokens or 1) >= 1, "at least 1"),
                ("--check-invariance", self.check_invariance, self.check_invariance >= 0, "0 or a positive number"),
                ("--allow-failed", self.allow_failed, 0 <= self.allow_failed <= 1, "a share from 0 to 1"),
            )
        )


def score(
    rollouts: Artifact[Rollout] | Artifact[Text],
    model: Weights,
    scores: Draft[Score],
    options: ScoreOptions,
    *,
    reference_policy: Weights | None = None,
    reference_rollouts: Artifact[Rollout] | None = None,
    verdicts: Artifact[Verdict] | None = None,
    adapter: Annotated[Weights | None, "adapter"] = None,
) -> None:
    """Give every rollout a score, and its tokens theirs where the method has them.

    The method is read off the folder: token (OREAL), bradley-terry (any sequence classifier with one label), polar,
    implicit. Any policy gives likelihood and confidence; likelihood also scores plain texts. A row without a score has
    null and a reason that is counted: no answer, nothing written, too long. Scores do not depend on batches, order or
    the number of processes beyond rounding; --check-invariance measures it.

    Args:
        rollouts: Rollouts, or texts (--method likelihood)
        model: The reward model, or a policy
        reference_policy: What --method implicit compares with: what was trained further (with --adapter that is MODEL)
        reference_rollouts: Polar: take each problem's first rollout here (first correct one, with --verdicts)
        verdicts: Polar: tells which rollouts may be references (--reference best-rollout)
        adapter: Folder of a LoRA adapter (whet train-rm --lora.rank, peft) that MODEL is scored with

    Examples:
        whet score runs/x/rollouts runs/rm --out runs/x/scores
        whet score runs/x/rollouts runs/policy --method likelihood --out runs/x/likelihood
        whet score runs/texts hub:Qwen/Qwen2.5-0.5B --method likelihood --out runs/losses
        whet score runs/x/rollouts runs/policy --method confidence --mean geometric --out runs/x/confidence
        whet score runs/x/rollouts runs/polar --reference best-rollout --verdicts runs/x/v --out runs/s
    """
    from .scoring.facts import facts_of, tell
    from .scoring.reading import chunk_plan
    from .scoring.running import Scoring

    options = resolve(options, rollouts, model, reference_policy, reference_rollouts, verdicts, adapter)
    reference_policy = _reference(options, model, reference_policy, adapter)
    model = model.adapted(adapter)
    reader = _reader(options, rollouts, model, reference_policy)
    scores.facts.update(facts_of(options, rollouts, model, reference_policy, reference_rollouts, reader))

    def load() -> Scorer:
        from .scoring.scorers import load_scorer

        assert options.precision != "auto"
        return load_scorer(
            options.method, reader, model, reference_policy, reference_rollouts, verdicts,
            dtype=options.precision, engine=options.engine,
        )  # fmt: skip

    scoring = Scoring(
        reader,
        load,
        scores,
        normalise=options.normalize,
        batch_tokens=options.batch_tokens,
        check=options.check_invariance,
        allow_failed=options.allow_failed,
    )
    for chunk in scores.chunks(chunk_plan(rollouts, options.normalize)):
        scoring.score_chunk(chunk)
    tell(scores, options)


def resolve(
    options: ScoreOptions,
    rollouts: Artifact[Any],
    model: Weights,
    reference_policy: Weights | None = None,
    reference_rollouts: Artifact[Rollout] | None = None,
    verdicts: Artifact[Verdict] | None = None,
    adapter: Weights | None = None,
) -> ScoreOptions:
    """Settle method and precision; refuse what does not go together before there is a draft."""
    from .models import folder_of, read_config, refuse_foreign_code, resolve_precision
    from .scoring.reading import check_tokenizer

    model = model.adapted(adapter)
    config = read_config(folder_of(model))
    if not is_internlm2(config):
        # The architecture of published POLAR checkpoints is read as one that transformers knows.
        refuse_foreign_code(model, config)
    method = resolve_method(options.method, model)
    name = name_of(method)
    if rollouts.kind == "texts":
        if not isinstance(method, Likelihood):
            raise WrongOption(f"--method {name} scores rollouts, {rollouts.path} holds texts: give --method likelihood")
        if options.normalize == "group" or options.retokenize:
            given = "--retokenize" if options.retokenize else "--normalize group"
            raise WrongOption(f"{given} is for rollouts, {rollouts.path} holds texts: leave it out")
    if not isinstance(method, Polar):
        check_tokenizer(rollouts, model, options.retokenize)
        for flag, given in (("--reference-rollouts", reference_rollouts), ("--verdicts", verdicts)):
            if given is not None:
                raise WrongOption(f"{flag} is read by --method polar, but the method is {name}: leave it out")
    elif options.retokenize:
        raise WrongOption("--retokenize: polar always encodes the texts for its model, leave it out")
    else:
        check_polar(method, reference_rollouts, verdicts)
    if isinstance(method, Implicit):
        check_reference(model, reference_policy)
    elif reference_policy is not None:
        raise WrongOption(f"--reference-policy is read by --method implicit, but the method is {name}: leave it out")
    engine = "transformers" if options.engine == "auto" else options.engine
    if engine == "vllm":
        check_vllm(method, model)
    return replace(options, method=method, engine=engine, precision=resolve_precision(options.precision))


def plan(
    options: ScoreOptions,
    rollouts: Artifact[Any],
    model: Weights,
    reference_policy: Weights | None = None,
    reference_rollouts: Artifact[Rollout] | None = None,
    verdicts: Artifact[Verdict] | None = None,
    adapter: Weights | None = None,
) -> list[str]:
    """What --dry-run adds: the method, the first row as it is read, memory, chunks. Imports no torch."""
    from .models import folder_of, parameter_count
    from .scoring.reading import chunk_plan
    from .scoring.scorers import polar_rows

    reference_policy = _reference(options, model, reference_policy, adapter)
    model = model.adapted(adapter)
    reader, method = _reader(options, rollouts, model, reference_policy), options.method
    rows = polar_rows(method, reader, model, reference_rollouts, verdicts) if isinstance(method, Polar) else None
    parameters = parameter_count(folder_of(model))
    if reference_policy is not None:
        parameters += parameter_count(folder_of(reference_policy))
    width = 2 if options.precision == "bfloat16" else 4
    chunks = chunk_plan(rollouts, options.normalize)
    lines = [f"method {name_of(options.method)}"]
    candidates = reader.candidates(chunks[0], set()) if chunks else iter(())
    read = (one if rows is None or one.missing is not None else rows.prepared(one) for one in candidates)
    if (row := next((one.row for one in read if one.row is not None), None)) is not None:
        ids = [*row.prompt_token_ids.tolist(), *row.token_ids.tolist()]
        lines.append(f"first row, {counted(len(ids), 'token')}: {reader.encoder.decode(ids, skip_special=False)!r}")
    return [
        *lines,
        f"memory: {parameters * width / 1e6:,.0f} MB for {parameters:,} parameters, activations besides",
        f"{counted(len(rollouts), 'row')} in {counted(len(chunks), 'chunk')}, which processes with this command share",
    ]


def _reference(
    options: ScoreOptions, model: Weights, reference_policy: Weights | None, adapter: Weights | None
) -> Weights | None:
    """What implicit rewards are against: where it is not given, the model that an adapter was trained on."""
    trained_on = model if adapter is not None and isinstance(options.method, Implicit) else None
    return reference_policy or trained_on


def _reader(options: ScoreOptions, rollouts: Artifact[Any], model: Weights, reference: Weights | None) -> Reader:
    from .scoring.reading import Reader

    settings = held_settings(model)
    return Reader(
        rollouts,
        model,
        retokenize=options.retokenize,
        prompt_format="raw" if settings is not None and not settings.chat else None,
        as_text=isinstance(options.method, Polar),
        reference=reference,
    )
