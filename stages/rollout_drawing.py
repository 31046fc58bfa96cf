"""One call of `whet sample`: prompts, the engine, and the rows of each chunk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from loguru import logger

from ..artifacts import (
    Artifact,
    Chunk,
    Draft,
    Problem,
    Rollout,
    SourceFile,
    Stopped,
    Verdict,
    Weights,
    WrongArtifact,
)
from .courses import Course
from .drawing_conclusion import conclude
from .models import folder_of
from .prompting import Prompts, read_examples
from .rollouts import (
    Draw,
    chunk_plan,
    counts_of,
    finished_of,
    occurrences_of,
    plan_draws,
    prefix_of,
    repeats_of,
    with_prefix,
)
from .tokens import Encoder, load_encoder
from .verifying import AnswerPool
from .weighting import Weighting, choose_problems

if TYPE_CHECKING:
    from .engines import Completion, Engine, Request
    from .sample import SampleOptions


class RolloutDrawing:
    """One call of `sample`: its inputs, and the engine once it is needed."""

    def __init__(
        self,
        problems: Artifact[Problem],
        policy: Weights,
        tokenizer: Weights | None,
        rollouts: Draft[Rollout],
        options: SampleOptions,
        few_shot: SourceFile | None = None,
        weights_from: list[Artifact[Verdict]] | None = None,
    ) -> None:
        self.rollouts, self.options = rollouts, options
        self._examples = read_examples(few_shot)
        self.problems: list[Problem] = list(problems.rows())  # type: ignore[arg-type]
        if not self.problems:
            raise WrongArtifact(f"{problems.path} holds no problems: there is nothing to draw")
        self._occurrences = occurrences_of(self.problems)
        self._probabilities: list[float | None] = [None] * len(self.problems)
        if weights_from:
            self._choose(weights_from, options.weighting)
        self.policy, self._tokenizer = policy, tokenizer or policy
        adaptive = options.adaptive
        self.per_problem = adaptive.max_rollouts if adaptive.until else options.sampling.rollouts_per_problem
        side_by_side = adaptive.round_rollouts if adaptive.until else self.per_problem
        self.plan = chunk_plan(len(self.problems), side_by_side, options.sampling.max_tokens)
        self._tokens, self._started = 0, time.monotonic()
        self.tokenless = policy.engine == "server" and tokenizer is None
        """A server is sent messages and gives back text: nothing here knows its tokens"""

        self._open = ExitStack()

    def _choose(self, verdicts: list[Artifact[Verdict]], weighting: Weighting) -> None:
        """Keep the problems that are drawn by weight, in their order."""
        ids = [problem["problem_id"] for problem in self.problems]
        drawn, counted = choose_problems(ids, verdicts, weighting, self.options.sampling.seed)
        self.rollouts.facts["weighting"] = {**asdict(weighting), **counted}
        told = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counted.items())
        logger.info(f"problems by {weighting.weight}: {told}")
        self.problems = [self.problems[place] for place in drawn.places]
        self._occurrences = [self._occurrences[place] for place in drawn.places]
        self._probabilities = list(drawn.probabilities)

    def __enter__(self) -> RolloutDrawing:
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes and connections that were begun."""
        with self._open:
            pass

    @cached_property
    def encoder(self) -> Encoder:
        return load_encoder(folder_of(self._tokenizer))

    @cached_property
    def prompts(self) -> Prompts:
        encoder: Any = None if self.tokenless else self.encoder
        return Prompts(encoder, self.options.prompting, self._examples)

    def problem_of(self, index: int) -> Problem:
        """The problem of a request."""
        return self.problems[index // self.per_problem]

    @cached_property
    def course(self) -> Course:
        """How rollouts begin and go on."""
        return Course(self.encoder, self.prompts, self.options.sampling, self.problem_of)

    def drawn(self, requests: list[Request]) -> Iterator[Completion]:
        """Draw requests to the end of their course, or as far as a stop lets them."""
        if not requests:
            return iter(())
        engine, stop = self.ready_engine(), self.rollouts.stop
        if self.tokenless:
            return engine.sample(requests, self.options.sampling, lambda: stop.requested)
        return self.course.draw(engine, requests, lambda: stop.requested)

    @cached_property
    def pool(self) -> AnswerPool:
        """What verifies rollouts when they are drawn in rounds; costs nothing until it is asked."""
        return self._open.enter_context(AnswerPool(self.options.verifying))

    @cached_property
    def engine(self) -> Engine:
        """Made when the first chunk is there: a process that finds none left loads no model."""
        if self.options.engine == "program":
            from .engines.program import ProgramEngine

            return ProgramEngine(self.policy.name, self.encoder.encode, self.encoder.end_id, self.problem_of)
        if self.options.engine == "server":
            from .engines.server import ServerEngine
            from .servers.client import Server

            server = self._open.enter_context(Server(self.policy.url, self.options.serving))
            prompts, stop = self.prompts, self.options.prompting.stop
            return ServerEngine(server, lambda index: prompts.messages(self.problem_of(index)), stop)
        from .engines.loading import load_engine

        return load_engine(self.policy, self.encoder.end_token_ids, self.options)

    def ready_engine(self) -> Engine:
        """The engine, loaded; the first time, the clock of tokens per second starts anew."""
        engine = self.engine
        if not self._tokens:
            self._started = time.monotonic()
        return engine

    def facts(self) -> dict[str, Any]:
        """What the manifest says of how the rollouts were drawn."""
        adapter = self.policy.adapter
        return {
            "engine": self.options.engine,
            "precision": self.options.precision,
            "policy": {"spec": self.policy.spec, "digest": self.policy.digest},
            "adapter": adapter and {"spec": adapter.spec, "digest": adapter.digest},
            "tokenizer_digest": None if self.tokenless else self._tokenizer.tokenizer_digest,
            "chat_template_digest": None if self.tokenless else self._tokenizer.chat_template_digest,
            "prompt_format": self.options.prompting.prompt_format,
            "prompting": asdict(self.options.prompting),
            "end_token_ids": None if self.tokenless else sorted(self.encoder.end_token_ids),
            "sampling": asdict(self.options.sampling),
            "stop_rule": f"until {self.options.adaptive.until}" if self.options.adaptive.until else "fixed",
        }

    def draw_chunk(self, chunk: Chunk[Rollout]) -> None:
        """Draw the rollouts of one chunk that are not on disk yet.

        Raises:
            Stopped: a stop was requested; what was begun is kept as prefixes.
        """
        chunk.tally = repeats_of
        if self.options.adaptive.until:
            from .adaptive_drawing import draw_adaptively

            draw_adaptively(self, chunk)
            return
        draws, requests, ready = self.requests(chunk)
        offset = chunk.unit[0] * self.per_problem
        stop = self.rollouts.stop
        done_before = self.rollouts_done()
        kept: list[Completion] = []
        failed: list[Completion] = []
        stopped: Stopped | None = None
        for completion in chain(ready.values(), self.drawn(requests)):
            if completion.error is not None and not completion.permanent:
                failed.append(completion)
                continue
            if stop.requested:
                # Finished ones too: the first write after a stop raises, and would take the rest with it.
                kept.append(completion)
                continue
            order = completion.request.index - offset
            row = self.row_of(draws[order], completion)
            try:
                chunk.write(row, order, counts_of(row))
            except Stopped as error:
                stopped = error
            new_tokens = len(completion.token_ids) - len(completion.request.prefix_token_ids)
            self.tell(done_before + len(chunk.done) + chunk.written, new_tokens)
        if stop.requested:
            chunk.save_prefixes([prefix_of(completion, completion.request.index - offset) for completion in kept])
            chunk.release()
            raise stopped or Stopped("stopped while drawing: what was begun is kept, run the same command again")
        self.refuse_failed(chunk, failed, len(draws))
        for completion in failed:
            order = completion.request.index - offset
            chunk.write(row := self.row_of(draws[order], completion), order, counts_of(row))

    def refuse_failed(self, chunk: Chunk[Rollout], failed: Sequence[Completion], drawn: int) -> None:
        """Leave a chunk unfinished when a server failed more of its rollouts than --allow-failed.

        Raises:
            Stopped: what came is kept, and the next run asks for the rest.
        """
        if len(failed) > self.options.allow_failed * drawn:
            chunk.release()
            reasons = Counter(str(completion.error).split(":")[0] for completion in failed)
            counted = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
            raise Stopped(
                f"{len(failed):,} of {drawn:,} rollouts of a chunk failed ({counted}; the first: {failed[0].error}): "
                "the others are kept, run the same command again, or give --allow-failed SHARE"
            )

    def row_of(self, draw: Draw, completion: Completion) -> Rollout:
        """The row of a finished completion."""
        row = draw.row(completion, self.text_of, self.policy.digest)
        probability = self._probabilities[completion.request.index // self.per_problem]
        return row if probability is None else {**row, "drawing_probability": probability}

    def text_of(self, token_ids: list[int]) -> str:
        return self.encoder.decode(token_ids)

    def conclude(self) -> None:
        """Say what came of it, and close the gate on too many truncated rollouts."""
        rate = self._tokens / max(1e-9, time.monotonic() - self._started) if self._tokens else None
        conclude(self.rollouts, self.options, self.policy, rate)

    def requests(self, chunk: Chunk[Rollout]) -> tuple[list[Draw], list[Request], dict[int, Completion]]:
        """All draws of a chunk, the requests of those still to be made, and the completions that were kept, by order.

        Requests begin with the prefixes that were kept.
        """
        first, end = chunk.unit
        draws = plan_draws(
            self.problems[first:end],
            self.rollouts.recipe,
            self.per_problem,
            occurrences=self._occurrences[first:end],
        )
        prompts = [[] if self.tokenless else self.prompts.encode(problem) for problem in self.problems[first:end]]
        offset, prefixes = first * self.per_problem, {prefix["order"]: prefix for prefix in chunk.prefixes()}
        requests, ready = [], {}
        for order, draw in enumerate(draws):
            if order in chunk.done and not self.options.adaptive.until:
                continue
            request = draw.request(offset + order, prompts[order // self.per_problem])
            completion = finished_of(request, prefixes.get(order))
            if completion is not None:
                ready[order] = completion
            if completion is None or self.options.adaptive.until:
                requests.append(with_prefix(request, prefixes.get(order)))
        return draws, requests, ready

    def rollouts_done(self) -> int:
        """Rollouts in the chunks that are done, by whomever."""
        problems = sum(end - first for index, (first, end) in enumerate(self.plan) if self.rollouts.is_done(index))
        return problems * self.per_problem

    def tell(self, done: int, tokens: int) -> None:
        self._tokens += tokens
        rate = self._tokens / max(1e-9, time.monotonic() - self._started)
        self.rollouts.progress(done, len(self.problems) * self.per_problem, "rollouts", tokens_per_second=round(rate))
