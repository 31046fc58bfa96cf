"""On-policy rollouts: each draw takes problems, samples the policy as it is, verifies, and keeps the rows as artifacts.

Seeds derive from rollout ids, ids from the recipe, the problem and the step: a step that is redone after a kill draws
the same rollouts again. Where a draw serves several updates, a run that stopped between them reads its rows back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..artifacts import Draft, Failed, Problem, Rollout, Stopped, Verdict
from ..artifacts.parquet import read_batches
from ..artifacts.parts import part_name
from .batching import Step, TrainingRow
from .distribution import ALONE, Processes
from .distribution.dealing import rows_of
from .drawn_groups import DrawnGroups, OldLogprobs, Reuse, refilled, teaches
from .groups import Group
from .joins import blames_problem
from .objectives import Objective
from .problem_selection import Pick, ProblemDraws
from .reward_mapping import Reward
from .rollouts import Draw, counts_of, occurrences_of, plan_draws
from .sampling import Sampling
from .tokens import Encoder
from .truncation import Truncation, rewarded
from .verifying import AnswerPool


@dataclass
class _Drawn:
    """What a step has drawn so far."""

    picks: list[Pick] = field(default_factory=list)
    rows: list[Rollout] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)


@dataclass(kw_only=True)
class OnPolicy:
    """Draws the groups of each step with the learner's own weights.

    Args:
        problems: those that may be drawn; a problem may stand in several rows, to be drawn more often.
        engine: samples the policy that is trained; `refresh()` shows it the weights as they are, `rest()` says that
            no rollouts are needed for a while.
        draws: which problems are drawn.
        refill: rounds of drawing more, at most.
        first: the step of the first chunk; chunk k holds what step first + k * updates_per_draw drew.
        policy_digest: of the policy that the training started from.
        context: tokens that a prompt and its rollout may have together.
        old_logprobs: computes what the proximal ratios are taken to, where one draw serves several updates and the
            objective does not take the sampler's record.
        checkpoint_every: steps between checkpoints, which may stand in the middle of a draw.
        processes: they draw and verify a share of every draw each, and all learn of all of it; the first one writes.
    """

    problems: Sequence[Problem]
    objective: Objective
    engine: Any
    encoder: Encoder
    pool: AnswerPool
    sampling: Sampling
    reward: Reward
    truncation: Truncation
    draws: ProblemDraws
    seed: int
    rollouts: Draft[Rollout]
    verdicts: Draft[Verdict]
    first: int
    policy_digest: str
    context: int
    refill: int = 0
    reuse: Reuse = field(default_factory=Reuse)
    old_logprobs: OldLogprobs | None = None
    checkpoint_every: int = 10
    processes: Processes = ALONE

    def __post_init__(self) -> None:
        self._format: Any = "raw" if self.encoder.template is None else "chat"
        self._groups: DrawnGroups | None = None

    def open(self, step: int) -> None:
        """Start, or go on before `step`: what was drawn for it and later ones goes, as it will be drawn again.

        Raises:
            Failed: rows of earlier steps are gone.
        """
        kept = -(-(step - self.first) // self.reuse.updates_per_draw)
        for draft in (self.rollouts, self.verdicts):
            if draft.leads:
                draft.discard_chunks_from(kept)
            gone = [index for index in range(kept) if not draft.is_done(index)]
            if gone:
                raise Failed(
                    f"{draft.folder} lacks the rows of step {self._drawn_at(gone[0]) + 1}, which a checkpoint says are "
                    f"there: remove the draft of the policy in {self.rollouts.out.parent} and train again"
                )
        if self.rollouts.leads:
            self.rollouts.embed_problems({problem["problem_id"]: problem for problem in self.problems}.values())
        self.rollouts.facts |= {
            "sampling": asdict(self.sampling),
            "stop_rule": "fixed",
            "prompt_format": self._format,
            "end_token_ids": sorted(self.encoder.end_token_ids),
            "source": self.rollouts.recipe,
        }
        self.verdicts.facts |= {"belongs_to": {"source": self.rollouts.recipe}, "stop_rule": "fixed"}

    def step(self, step: int, draw: int) -> Step[TrainingRow]:
        """The rows of a step: of a draw made now, or of one made some updates before; none of a broken problem.

        Args:
            step: counted over all trainings, from 0; the rows' `step` column holds the one that drew them.
            draw: of problems, counted over all trainings on them.

        Raises:
            Stopped: the process was asked to stop; nothing of the step is kept.
        """
        index, number = divmod(step - self.first, self.reuse.updates_per_draw)
        if number == 0:
            self._groups = self._draw(step, draw)
        elif self._groups is None:
            self._groups = self._read_back(index, draw)
        chosen = self._groups.update(number, self.reuse, self.objective, self.seed)
        chosen.shown["epoch"] = self.draws.order.epochs(draw + 1)
        if number == 0:
            chosen.shown |= self._groups.shown
        return chosen

    def _drawn_at(self, index: int) -> int:
        return self.first + index * self.reuse.updates_per_draw

    def _draw(self, step: int, draw: int) -> DrawnGroups:
        """Sample and verify, draw more where groups teach nothing, write all rows, choose the groups to learn from."""
        began = time.perf_counter()
        self.engine.refresh()
        drawn = _Drawn()
        self._sample(drawn, self.draws.first(draw), step)
        wanted, rounds = len(drawn.picks), 0
        groups, broken = self._grouped(drawn.rows, drawn.verdicts)
        while rounds < self.refill and (missing := wanted - self._teaching(groups)) > 0:
            more = self.draws.more(draw, rounds + 1, missing, {pick.problem["problem_id"] for pick in drawn.picks})
            if not more:
                break
            rounds += 1
            self._sample(drawn, more, step)
            groups, broken = self._grouped(drawn.rows, drawn.verdicts)
        self.engine.rest()
        sampled = time.perf_counter()
        index = (step - self.first) // self.reuse.updates_per_draw
        self._write(index, drawn)
        shown: dict[str, float] = {"broken_problems": broken}
        if self.refill:
            shown["refill/rounds"] = rounds
            shown["refill/problems"] = len(drawn.picks) - wanted
            shown["refill/missing"] = max(0, wanted - self._teaching(groups))
            groups = refilled(groups, self.objective, wanted)
        shown["sample_seconds"] = round(sampled - began, 4)
        shown["write_seconds"] = round(time.perf_counter() - sampled, 4)
        made = DrawnGroups(groups, step, shown)
        if self.old_logprobs is not None:
            # Every process computes them: where the model is spread, a forward pass needs all.
            made.compute_old(self.old_logprobs)
            if self.processes.leads:
                made.save_old(self._old_file(index))
                # A run goes on from the newest checkpoint, which is up to two intervals old while one is being written.
                spared = 2 + 2 * self.checkpoint_every // self.reuse.updates_per_draw
                self._old_file(index - spared).unlink(missing_ok=True)
        return made

    def _read_back(self, index: int, draw: int) -> DrawnGroups:
        """The groups of a draw whose rows are written already."""
        rows, verdicts = (
            [row for batch in read_batches(draft.folder / "data" / part_name(index)) for row in batch.to_pylist()]
            for draft in (self.rollouts, self.verdicts)
        )
        groups, _ = self._grouped(rows, verdicts)
        if self.refill:
            groups = refilled(groups, self.objective, len(self.draws.first(draw)))
        made = DrawnGroups(groups, self._drawn_at(index))
        if self.old_logprobs is not None:
            made.load_old(self._old_file(index))
        return made

    def _old_file(self, index: int) -> Path:
        return self.rollouts.work / "old" / f"{index:05d}.safetensors"

    def _teaching(self, groups: Sequence[Group]) -> int:
        return sum(teaches(group, self.objective) for group in groups)

    def _sample(self, drawn: _Drawn, picks: Sequence[Pick], step: int) -> None:
        """Draw and verify the rollouts of some problems."""
        problems = [pick.problem for pick in (*drawn.picks, *picks)]
        draws = plan_draws(
            [pick.problem for pick in picks],
            self.rollouts.recipe,
            self.sampling.rollouts_per_problem,
            step=step,
            occurrences=occurrences_of(problems)[len(drawn.picks) :],
        )
        rows: dict[int, Rollout] = {}
        # Rollouts of one problem stay together where they can: their prompt is computed once.
        first, end = rows_of(len(draws), self.processes.rank, self.processes.count)
        judged = dict(self.pool.verify(self._sampled(draws, range(first, end), rows)))
        if self.processes.any(len(rows) < end - first):
            raise Stopped("stopped while sampling a step: a checkpoint is kept, run the same command again")
        for part in self.processes.gather([[index, rows[index], judged[index]] for index in sorted(rows)]):
            for index, row, verdict in part:
                rows[index], judged[index] = row, verdict
        for index in range(len(draws)):
            probability = picks[index // self.sampling.rollouts_per_problem].probability
            if probability is not None:
                rows[index]["drawing_probability"] = probability
            drawn.rows.append(rows[index])
            drawn.verdicts.append(judged[index])
        drawn.picks += picks

    def _sampled(
        self, draws: list[Draw], mine: range, rows: dict[int, Rollout]
    ) -> Iterator[tuple[int, str | None, str, Problem]]:
        """Draw this process's rollouts, filling in their rows; each goes to the verifier as it ends."""
        prompts = {draws[index].problem["problem_id"]: draws[index].problem["messages"] for index in mine}
        encoded = {key: self.encoder.encode_prompt(messages, self._format) for key, messages in prompts.items()}
        requests = [
            draw.request(index, encoded[draw.problem["problem_id"]])
            for index, draw in enumerate(draws)
            if index in mine
        ]
        stop = self.rollouts.stop
        for completion in self.engine.sample(requests, self.sampling, lambda: stop.requested):
            if completion.finish_reason is None:
                break
            index = completion.request.index
            rows[index] = draws[index].row(completion, self.encoder.decode, self.policy_digest)
            yield index, rows[index]["text"], completion.finish_reason, draws[index].problem

    def _grouped(self, rows: Sequence[Rollout], verdicts: Sequence[Mapping[str, Any]]) -> tuple[list[Group], int]:
        """The groups of sound problems, and how many problems are broken; all rollouts where verdicts play no part."""
        alone = self.objective.learns_alone and not self.objective.needs_verdicts
        broken = {row["problem_id"] for row, verdict in zip(rows, verdicts, strict=True) if blames_problem(verdict)}
        groups: dict[tuple[str, int | None], Group] = {}
        for row, verdict in zip(rows, verdicts, strict=True):
            if row["problem_id"] in broken and not alone:
                continue
            group = groups.setdefault((row["problem_id"], row.get("occurrence")), Group())
            if alone:
                group.rows.append(_training_row(row))
                continue
            made = _training_row(row)
            most = self.sampling.max_tokens
            found = rewarded(made, verdict["verdict"], self.reward, self.truncation, most, self.context)
            if found is None:
                group.unknown += 1
                group.others.append(made)
            else:
                group.rows.append(found)
        return list(groups.values()), len(broken)

    def _write(self, index: int, drawn: _Drawn) -> None:
        """One chunk of rollouts and one of verdicts, in the order of the problems."""
        if not self.rollouts.leads:
            return
        chunk = self.rollouts.open_chunk(index)
        for order, row in enumerate(drawn.rows):
            chunk.write(row, order, counts_of(row))
        self.rollouts.close_chunk(chunk)
        verdicts = self.verdicts.open_chunk(index)
        for order, (row, verdict) in enumerate(zip(drawn.rows, drawn.verdicts, strict=True)):
            ids = {"rollout_id": row["rollout_id"], "problem_id": row["problem_id"], "step": row.get("step")}
            verdicts.write({**ids, **verdict}, order, {verdict["verdict"]: 1})
        self.verdicts.close_chunk(verdicts)


def _training_row(row: Rollout) -> TrainingRow:
    import numpy as np

    return TrainingRow(
        rollout_id=row["rollout_id"],
        prompt_token_ids=np.array(row.get("prompt_token_ids"), np.int32),
        token_ids=np.array(row.get("token_ids"), np.int32),
        truncated=row.get("finish_reason") == "length",
        sampled_logprobs=np.array(row.get("sampling_logprobs"), np.float32),
    )
