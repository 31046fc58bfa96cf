"""Evaluations while a policy trains: held-out problems, sampled with the same seeds each time, verified and logged.

Which evaluation is best, and whether training goes on, follow from the numbers alone; they are kept in the progress of
the training, so that a run that is continued remembers them. A policy that is chosen by its evaluations looks better on
those problems than it is: the manifest, the log and the card of the policy say so.
"""

# P problems

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from ..artifacts import Artifact, Preference, Problem, Rollout, Stopped, WrongArtifact
from ..artifacts.files import digest_of
from .joins import blames_problem
from .options import expect
from .rollouts import Draw, plan_draws
from .sampling import Sampling

if TYPE_CHECKING:
    from .distribution.processes import Processes
    from .tokens import Encoder
    from .verifying import AnswerPool


@dataclass(frozen=True, kw_only=True)
class EvaluationRuns:
    """When the policy is evaluated, with --eval-problems, and what follows from it."""

    eval_every: int = 10
    """With --eval-problems: steps between two evaluations; the last step is evaluated too"""

    patience: int = 0
    """With --eval-problems: end the training after so many evaluations without a higher pass@1 than before; 0: never"""

    publish: Literal["last", "best"] = "last"
    """With --eval-problems: which policy is published. best: the one with the highest pass@1, the first of equals; the
    last one then goes to OUT-last"""

    def __post_init__(self) -> None:
        expect(
            (
                ("--eval-every", self.eval_every, self.eval_every >= 1, "at least 1"),
                ("--patience", self.patience, self.patience >= 0, "0 or a positive number"),
            )
        )


@dataclass(frozen=True, kw_only=True)
class EvalSampling:
    """How the policy is sampled in evaluations; what is not given is as with --sampling."""

    rollouts_per_problem: int | None = None
    """With --eval-problems: rollouts of each problem (default: as --sampling says)"""

    temperature: float | None = None
    """With --eval-problems: divides the logits; 0 takes the most likely token (default: as --sampling says)"""

    top_p: float | None = None
    """With --eval-problems: draw from the smallest set that reaches this probability (default: as --sampling says)"""

    top_k: int | None = None
    """With --eval-problems: draw from this many most likely tokens; 0: all (default: as --sampling says)"""

    max_tokens: int | None = None
    """With --eval-problems: tokens of one rollout at most (default: as --sampling says)"""

    seed: int | None = None
    """With --eval-problems: another seed gives other rollouts (default: as --sampling says)"""

    def filled(self, sampling: Sampling) -> EvalSampling:
        """With what is not given taken from another sampling."""
        missing = [each.name for each in fields(self) if getattr(self, each.name) is None]
        full = replace(self, **{name: getattr(sampling, name) for name in missing})
        full.sampling  # noqa: B018 - its checks
        return full

    @property
    def sampling(self) -> Sampling:
        """The sampling, once every field is there."""
        return Sampling(**{each.name: getattr(self, each.name) for each in fields(self)})


def refuse_overlap(
    problems: Artifact[Problem] | None,
    rollouts: Sequence[Artifact[Rollout]],
    preferences: Sequence[Artifact[Preference]],
    evaluated: Artifact[Problem],
) -> None:
    """Refuse to evaluate on problems that are trained on.

    Raises:
        WrongArtifact: a problem is in both, told by its canonical id, one of preferences by its messages.
    """
    wanted = {row["problem_id"]: row["messages"] for row in evaluated.rows(["problem_id", "messages"])}
    asked = {digest_of(messages): problem_id for problem_id, messages in wanted.items()}
    trained: list[tuple[Artifact[Any], set[str]]] = [
        (artifact, wanted.keys() & artifact.problems().keys())
        for artifact in (*rollouts, *([] if problems is None else [problems]))
    ]
    for pairs in preferences:
        shown = {digest_of(row["messages"]) for row in pairs.rows(["messages"])}
        trained.append((pairs, {asked[digest] for digest in asked.keys() & shown}))
    for artifact, both in trained:
        if both:
            raise WrongArtifact(
                f"{len(both):,} of the {len(wanted):,} problems of {evaluated.path} are trained on too, in "
                f"{artifact.path} (the first is {min(both)}), expected others: whet select --against leaves problems "
                "out, --split parts them"
            )


@dataclass
class Evaluations:
    """The evaluations of one training.

    Args:
        problems: held out; a problem that stands twice counts once.
        engine: samples the policy in training.
        digest: of the problems' artifact.
        stopping: whether the process was asked to stop.
    """

    options: EvaluationRuns
    problems: Sequence[Problem]
    engine: Any
    encoder: Encoder
    pool: AnswerPool
    sampling: Sampling
    digest: str
    until: int
    processes: Processes
    stopping: Callable[[], bool]

    def __post_init__(self) -> None:
        self.problems = list({problem["problem_id"]: problem for problem in self.problems}.values())
        self.record: list[dict[str, float]] = []
        """The step and the pass@1 of every evaluation so far; the progress of the training keeps it"""

    def is_due(self, done: int) -> bool:
        return done % self.options.eval_every == 0 or done == self.until

    @property
    def best(self) -> dict[str, float] | None:
        """The evaluation with the highest pass@1, the first of equals."""
        return max(self.record, key=lambda entry: (entry["pass@1"], -entry["step"]), default=None)

    @property
    def is_over(self) -> bool:
        """Whether --patience has run out."""
        best, patience = self.best, self.options.patience
        if best is None or not patience:
            return False
        return sum(entry["step"] > best["step"] for entry in self.record) >= patience

    def evaluate(self, done: int) -> dict[str, float]:
        """Evaluate the policy as it is after so many steps; what is logged.

        pass@1 is the mean over problems of their share of correct rollouts (unknown ones count as not correct), with a
        95 % interval over problems. Broken problems are left out.

        Raises:
            Stopped: the process was asked to stop.
        """
        import numpy as np

        from .metrics.intervals import intervals

        began = time.perf_counter()
        self.engine.refresh()
        # The same for every evaluation: their differences are not those of other random numbers.
        draws = plan_draws(
            self.problems, digest_of(["evaluation", self.sampling.seed]), self.sampling.rollouts_per_problem
        )
        found = self._judged(draws)
        self.engine.rest()
        broken = {name for name, _, _, _, blamed in found if blamed}
        kept: dict[str, list[tuple[str, int, bool]]] = {}
        for name, verdict, length, truncated, _ in found:
            if name not in broken:
                kept.setdefault(name, []).append((verdict, length, truncated))
        if not kept:
            raise WrongArtifact("all --eval-problems are broken (invalid: problem), expected others")
        rates_P = np.array([sum(row[0] == "correct" for row in rows) / len(rows) for rows in kept.values()])
        interval = intervals(rates_P[:, None], [(0.0, 1.0)], resamples=1999)[0]
        rows = [row for group in kept.values() for row in group]
        self.record = [entry for entry in self.record if entry["step"] < done]
        self.record.append({"step": done, "pass@1": interval.value})
        return {
            "eval/pass@1": interval.value,
            "eval/pass@1/low": interval.low,
            "eval/pass@1/high": interval.high,
            "eval/completions/mean_length": sum(row[1] for row in rows) / len(rows),
            "eval/completions/clipped_ratio": sum(row[2] for row in rows) / len(rows),
            "eval/unknown": sum(row[0] == "unknown" for row in rows),
            "eval/broken_problems": len(broken),
            "eval/seconds": round(time.perf_counter() - began, 4),
        }

    def _judged(self, draws: list[Draw]) -> list[tuple[str, str, int, bool, bool]]:
        """(problem, verdict, tokens, truncated, problem is broken) of every rollout; processes share the work."""
        mine = draws[self.processes.rank :: self.processes.count]
        style: Any = "raw" if self.encoder.template is None else "chat"
        prompts = {draw.problem["problem_id"]: draw.problem["messages"] for draw in mine}
        encoded = {key: self.encoder.encode_prompt(messages, style) for key, messages in prompts.items()}
        requests = [draw.request(index, encoded[draw.problem["problem_id"]]) for index, draw in enumerate(mine)]
        drawn: dict[int, tuple[int, bool]] = {}

        def sampled() -> Any:
            for completion in self.engine.sample(requests, self.sampling, self.stopping):
                if completion.finish_reason is None:
                    return
                index, reason = completion.request.index, completion.finish_reason
                drawn[index] = (len(completion.token_ids), reason == "length")
                yield index, self.encoder.decode(completion.token_ids), reason, mine[index].problem

        judged = dict(self.pool.verify(sampled()))
        if self.processes.any(len(drawn) < len(mine)):
            raise Stopped("stopped while evaluating: a checkpoint is kept, run the same command again")
        own = [
            (draw.problem["problem_id"], judged[index]["verdict"], *drawn[index], blames_problem(judged[index]))
            for index, draw in enumerate(mine)
        ]
        return [tuple(row) for part in self.processes.gather(own) for row in part]

    def facts(self, published: int) -> dict[str, Any]:
        """For the manifest of the policy that is published.

        Args:
            published: after how many steps it is.
        """
        best = self.best
        assert best is not None
        told = {
            "problems": self.digest,
            "count": len(self.record),
            "rollouts_per_problem": self.sampling.rollouts_per_problem,
            "best_step": int(best["step"]),
            "best_pass@1": best["pass@1"],
            "published_step": published,
        }
        if (note := self.selection()) is not None:
            told["chosen"] = note
        return told

    def selection(self) -> str | None:
        """How the policy was chosen by these problems; None where it was not."""
        count = len(self.record)
        if self.options.publish == "best" and count > 1:
            return f"chosen as the best of {count} evaluations on these problems: report it on others"
        if self.is_over:
            return f"ended by {count} evaluations on these problems (--patience): report it on others"
        return None
