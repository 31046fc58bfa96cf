"""whet sample PROBLEMS POLICY --out FOLDER: draw rollouts of every problem."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..artifacts import Artifact, Chunk, Draft, Problem, Rollout, Stopped, Weights, WrongArtifact, WrongOption
from .options import Flat, Runtime
from .sampling import Sampling

if TYPE_CHECKING:
    from .engines import Completion, Engine, Request
    from .rollouts import Draw
    from .tokens import Encoder

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """What draws the rollouts."""

    sampling: Annotated[Sampling, Flat] = field(default_factory=Sampling)
    """The distribution that tokens are drawn from"""

    engine: Literal["auto", "decode", "generate", "program"] = "auto"
    """decode: the decode loop (Qwen2, Qwen3, Llama); generate: transformers, any architecture; program: program:NAME"""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the matrix products; auto: bfloat16 where the machine multiplies it. Log-probabilities are always float32"""

    prompt_format: Literal["chat", "raw"] = "chat"
    """chat: the policy's chat template; raw: the bare text of the messages"""

    max_batch_rows: Annotated[int, Runtime] = 256
    """Rollouts drawn side by side at most"""

    batch_tokens: Annotated[int, Runtime] = 262_144
    """Tokens that the cache of keys and values holds at most (rows x columns)"""

    def __post_init__(self) -> None:
        for flag, found in (("--max-batch-rows", self.max_batch_rows), ("--batch-tokens", self.batch_tokens)):
            if found < 1:
                raise WrongOption(f"{flag} is {found}, expected at least 1")


def sample(
    problems: Artifact[Problem],
    policy: Annotated[Weights, "program"],
    rollouts: Draft[Rollout],
    options: SampleOptions,
    *,
    tokenizer: Weights | None = None,
) -> None:
    """Draw rollouts of every problem from a policy.

    A rollout depends on the recipe, its problem and its draw number alone: batches, order, resuming and the number of
    processes that share the work never change one. Log-probabilities come raw (temperature 1) and as sampled.

    Args:
        tokenizer: Folder whose tokenizer and chat template encode what program:NAME writes

    Examples:
        whet sample runs/x/test runs/x/policy --rollouts-per-problem 8 --max-tokens 64 --out runs/x/rollouts
        whet sample runs/x/train program:tail-compact --tokenizer runs/x/policy --out runs/x/demonstrations
    """
    from .rollouts import chunk_plan

    drawing = _Drawing(problems, policy, tokenizer, rollouts, options)
    drawing.check()
    rollouts.embed_problems({problem["problem_id"]: problem for problem in drawing.problems}.values())
    rollouts.facts.update(drawing.facts())
    for chunk in rollouts.chunks(chunk_plan(len(drawing.problems), options.sampling)):
        drawing.draw_chunk(chunk)


def resolve(
    options: SampleOptions, problems: Artifact[Problem], policy: Weights, tokenizer: Weights | None = None
) -> SampleOptions:
    """Fill in what auto means for this policy and this machine; refuse what does not go together."""
    from .engines.family import unsupported
    from .models import folder_of, read_config, resolve_precision

    if policy.engine == "program":
        if options.engine not in ("auto", "program"):
            raise WrongOption(f"--engine {options.engine} cannot run {policy.spec}: leave --engine out")
        if tokenizer is None:
            raise WrongOption(f"{policy.spec} has no tokenizer of its own: give --tokenizer FOLDER (a model folder)")
        return replace(options, engine="program", precision="float32")
    if options.engine == "program":
        raise WrongOption(f"--engine program writes rollouts of program:NAME, {policy.spec} is a model")
    if tokenizer is not None:
        raise WrongOption(f"--tokenizer is for program:NAME: {policy.spec} brings its own tokenizer")
    reason = unsupported(read_config(folder_of(policy)))
    if options.engine == "decode" and reason:
        raise WrongOption(f"--engine decode cannot run {policy.spec}: {reason}; --engine generate can")
    engine = options.engine if options.engine != "auto" else ("generate" if reason else "decode")
    return replace(options, engine=engine, precision=resolve_precision(options.precision))


def plan(
    options: SampleOptions, problems: Artifact[Problem], policy: Weights, tokenizer: Weights | None = None
) -> list[str]:
    """What --dry-run adds: one encoded prompt, the memory needed, the chunks. Imports no torch."""
    from .models import cache_bytes_per_token, folder_of, parameter_count, read_config
    from .rollouts import chunk_plan
    from .tokens import load_encoder

    encoder = load_encoder(folder_of(tokenizer or policy))
    lines = []
    for problem in problems.head(1).rows():
        token_ids = encoder.encode_prompt(problem["messages"], options.prompt_format)
        lines.append(f"first prompt, {len(token_ids)} tokens: {encoder.decode(token_ids, skip_special=False)!r}")
        lines.append(f"  as ids: {' '.join(map(str, token_ids[:24]))}{' ...' if len(token_ids) > 24 else ''}")
    if policy.engine == "model":
        parameters = parameter_count(folder_of(policy))
        width = 2 if options.precision == "bfloat16" else 4
        cache = options.batch_tokens * cache_bytes_per_token(read_config(folder_of(policy)), 4)
        lines.append(
            f"memory: {parameters * width / 1e6:,.0f} MB for {parameters:,} parameters, "
            f"at most {cache / 1e6:,.0f} MB for the cache of {options.batch_tokens:,} tokens"
        )
    chunks = chunk_plan(len(problems), options.sampling)
    total = len(problems) * options.sampling.rollouts_per_problem
    return [*lines, f"{total:,} rollouts in {len(chunks):,} chunks, which processes with this command share"]


class _Drawing:
    """One call of `sample`: its inputs, and the engine once it is needed."""

    def __init__(
        self,
        problems: Artifact[Problem],
        policy: Weights,
        tokenizer: Weights | None,
        rollouts: Draft[Rollout],
        options: SampleOptions,
    ) -> None:
        from .rollouts import occurrences_of

        self.problems: list[Problem] = list(problems.rows())  # type: ignore[arg-type]
        if not self.problems:
            raise WrongArtifact(f"{problems.path} holds no problems: there is nothing to draw")
        self._occurrences = occurrences_of(self.problems)
        self._policy, self._tokenizer = policy, tokenizer or policy
        self._rollouts, self._options = rollouts, options
        self._per_problem = options.sampling.rollouts_per_problem
        self._tokens, self._started = 0, time.monotonic()

    @cached_property
    def encoder(self) -> Encoder:
        from .models import folder_of
        from .tokens import load_encoder

        return load_encoder(folder_of(self._tokenizer))

    @cached_property
    def engine(self) -> Engine:
        """Made when the first chunk is there: a process that finds none left loads no model."""
        if self._options.engine == "program":
            from .engines.program import ProgramEngine

            return ProgramEngine(
                self._policy.name,
                self.encoder.encode,
                self.encoder.end_id,
                lambda index: self.problems[index // self._per_problem],
            )
        from .engines.loading import load_engine

        options = self._options
        assert options.precision != "auto"
        return load_engine(
            self._policy,
            self.encoder.end_token_ids,
            engine=options.engine,
            precision=options.precision,
            max_batch_rows=options.max_batch_rows,
            batch_tokens=options.batch_tokens,
        )

    def check(self) -> None:
        """Find what cannot be drawn before anything is: images, prompts beyond the context, no program."""
        seen = [problem["problem_id"] for problem in self.problems if problem.get("images")]
        if seen:
            raise WrongArtifact(
                f"{len(seen):,} problems have images (the first is {seen[0]}), expected text alone: "
                "no engine reads images yet, take them out of the problems"
            )
        if self._options.engine == "program":
            self.engine.refuse_unknown(self.problems)  # type: ignore[attr-defined]
            self.encoder.encode_prompt(self.problems[0]["messages"], self._options.prompt_format)
            return
        from loguru import logger

        from .models import check_vocabulary, context_of, folder_of, read_config

        if not self.encoder.end_token_ids:
            logger.warning(f"{self._policy.spec} names no end token: every rollout will run to --max-tokens")
        config = read_config(folder_of(self._policy))
        check_vocabulary(self.encoder.vocabulary, config, self._policy)
        context = context_of(config)
        lengths = [(len(self._encode(problem)), problem["problem_id"]) for problem in self.problems]
        if long := [entry for entry in lengths if entry[0] >= context]:
            tokens, problem = max(long)
            raise WrongArtifact(
                f"{len(long):,} prompts fill the policy's context of {context:,} tokens (the longest, {problem}, has "
                f"{tokens:,}): take them out of the problems, or give a policy with a longer context"
            )

    def facts(self) -> dict[str, Any]:
        """What the manifest says of how the rollouts were drawn."""
        return {
            "engine": self._options.engine,
            "precision": self._options.precision,
            "policy": {"spec": self._policy.spec, "digest": self._policy.digest},
            "tokenizer_digest": self._tokenizer.tokenizer_digest,
            "chat_template_digest": self._tokenizer.chat_template_digest,
            "prompt_format": self._options.prompt_format,
            "end_token_ids": sorted(self.encoder.end_token_ids),
            "sampling": asdict(self._options.sampling),
            "stop_rule": "fixed",
        }

    def _encode(self, problem: Problem) -> list[int]:
        return self.encoder.encode_prompt(problem["messages"], self._options.prompt_format)

    def draw_chunk(self, chunk: Chunk[Rollout]) -> None:
        """Draw the rollouts of one chunk that are not on disk yet.

        Raises:
            Stopped: a stop was requested; what was begun is kept as prefixes.
        """
        from .rollouts import counts_of, prefix_of

        draws, requests = self._requests(chunk)
        offset = chunk.unit[0] * self._per_problem
        stop = self._rollouts.stop
        done_before = self._rollouts_done()
        kept: list[Completion] = []
        stopped: Stopped | None = None
        for completion in self.engine.sample(requests, self._options.sampling, lambda: stop.requested):
            if stop.requested:
                # Finished ones too: the first write after a stop raises, and would take the rest with it.
                kept.append(completion)
                continue
            order = completion.request.index - offset
            row = draws[order].row(completion, self.encoder.decode, self._policy.digest)
            try:
                chunk.write(row, order, counts_of(row))
            except Stopped as error:
                stopped = error
            new_tokens = len(completion.token_ids) - len(completion.request.prefix_token_ids)
            self._tell(done_before + len(chunk.done) + chunk.written, new_tokens)
        if stop.requested:
            chunk.save_prefixes([prefix_of(completion, completion.request.index - offset) for completion in kept])
            chunk.release()
            raise stopped or Stopped("stopped while drawing: what was begun is kept, run the same command again")

    def _requests(self, chunk: Chunk[Rollout]) -> tuple[list[Draw], list[Request]]:
        """All draws of a chunk, and the requests of those still to be made, with the prefixes that were kept."""
        from .rollouts import plan_draws, with_prefix

        first, end = chunk.unit
        draws = plan_draws(
            self.problems[first:end],
            self._rollouts.recipe,
            self._per_problem,
            occurrences=self._occurrences[first:end],
        )
        prompts = [self._encode(problem) for problem in self.problems[first:end]]
        offset, prefixes = first * self._per_problem, {prefix["order"]: prefix for prefix in chunk.prefixes()}
        requests = [
            with_prefix(draw.request(offset + order, prompts[order // self._per_problem]), prefixes.get(order))
            for order, draw in enumerate(draws)
            if order not in chunk.done
        ]
        return draws, requests

    def _rollouts_done(self) -> int:
        """Rollouts in the chunks that are done, by whomever."""
        from .rollouts import chunk_plan

        plan = chunk_plan(len(self.problems), self._options.sampling)
        problems = sum(end - first for index, (first, end) in enumerate(plan) if self._rollouts.is_done(index))
        return problems * self._per_problem

    def _tell(self, done: int, tokens: int) -> None:
        self._tokens += tokens
        rate = self._tokens / max(1e-9, time.monotonic() - self._started)
        self._rollouts.progress(done, len(self.problems) * self._per_problem, "rollouts", tokens_per_second=round(rate))
