"""From problems to requests, and from completions to the rows of a rollouts artifact.

draws = plan_draws(problems, recipe, rollouts_per_problem=8)
requests = [draw.request(i, encoder.encode_prompt(draw.problem["messages"])) for i, draw in enumerate(draws)]
rows = [draws[c.request.index].row(c, encoder.decode, policy_digest) for c in engine.sample(requests, ...)]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..artifacts import Artifact, Problem, Rollout, rollout_id, seed_of
from ..artifacts.records import Segment
from .engines import Completion, Foreign, Request, as_is

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(slots=True, frozen=True)
class Draw:
    """One rollout to be drawn: its identity, from which its seed follows."""

    problem: Problem
    number: int
    """0 .. rollouts_per_problem - 1"""

    step: int
    occurrence: int
    """Tells apart repeats of a problem in one artifact"""

    rollout_id: str

    def request(self, index: int, prompt_token_ids: list[int]) -> Request:
        """What an engine is asked for it."""
        return Request(index, prompt_token_ids, seed_of(self.rollout_id))

    def row(self, completion: Completion, decode: Callable[[list[int]], str], policy_digest: str) -> Rollout:
        """The row of a finished completion; tokens of its prefix that are not the policy's own are marked."""
        token_ids = completion.token_ids
        if completion.text is not None or completion.error is not None:
            return self._without_tokens(completion)
        return {
            "rollout_id": self.rollout_id,
            "problem_id": self.problem["problem_id"],
            "draw": self.number,
            "step": self.step,
            "occurrence": self.occurrence,
            "prompt_token_ids": completion.request.prompt_token_ids,
            "token_ids": token_ids,
            "logprobs": completion.logprobs or None if token_ids else [],
            "sampling_logprobs": completion.sampling_logprobs or None if token_ids else [],
            "text": decode(token_ids),
            "finish_reason": completion.finish_reason,
            "seed": completion.request.seed,
            "segments": segments_of(completion.request.foreign, len(token_ids), policy_digest),
        }

    def _without_tokens(self, completion: Completion) -> Rollout:
        """The row of what a server wrote without saying its tokens, or did not write."""
        return {
            "rollout_id": self.rollout_id,
            "problem_id": self.problem["problem_id"],
            "draw": self.number,
            "step": self.step,
            "occurrence": self.occurrence,
            "text": completion.text,
            "finish_reason": completion.finish_reason,
            "seed": completion.request.seed,
            "error": completion.error,
        }


def segments_of(foreign: Sequence[Foreign], length: int, policy_digest: str) -> list[Segment]:
    """Who wrote which tokens of a rollout; the policy's turns are counted, each ends where the environment speaks."""
    found: list[Segment] = []
    turn = position = 0
    for start, end, origin in [*foreign, Foreign(length, length, "")]:
        if start > position or (not found and not origin):
            found.append({"start": position, "end": start, "origin": "policy", "policy": policy_digest, "turn": turn})
        if end > start:
            turn += origin == "environment"
            found.append({"start": start, "end": end, "origin": origin, "policy": None, "turn": turn})
        position = end
    return found


def plan_draws(
    problems: Sequence[Problem],
    recipe: str,
    rollouts_per_problem: int,
    *,
    step: int = 0,
    occurrences: Sequence[int] | None = None,
) -> list[Draw]:
    """The rollouts to draw, problem by problem.

    `recipe` is the digest of the rollouts' recipe. `occurrences`: one a problem, where the problems are a part of a
    longer list; else counted here.
    """
    numbers = occurrences_of(problems) if occurrences is None else occurrences
    return [
        Draw(problem, number, step, occurrence, rollout_id(recipe, problem["problem_id"], number, step, occurrence))
        for problem, occurrence in zip(problems, numbers, strict=True)
        for number in range(rollouts_per_problem)
    ]


def chunk_plan(problems: int, draws: int, max_tokens: int) -> list[list[int]]:
    """Chunks as [first, end) problems: whole ones, at most 512 rollouts, down to 128 where they may be long.

    Small enough for several processes to share a small run evenly, large enough to fill a batch. `draws` of a problem
    are made side by side.
    """
    rows = max(128, min(512, (1 << 19) // max_tokens))
    step = max(1, rows // draws)
    return [[first, min(first + step, problems)] for first in range(0, problems, step)]


def occurrences_of(problems: Sequence[Problem]) -> list[int]:
    """How many times each problem came before in the list."""
    seen: Counter[str] = Counter()
    numbers = []
    for problem in problems:
        numbers.append(seen[problem["problem_id"]])
        seen[problem["problem_id"]] += 1
    return numbers


def prefix_of(completion: Completion, order: int) -> dict[str, Any]:
    """What is kept of a completion when a stop comes before it is written; JSON-able."""
    finished = completion.error is None
    return {
        "finish_reason": completion.finish_reason if finished else None,
        "text": completion.text if finished else None,
        "order": order,
        "token_ids": completion.token_ids,
        "logprobs": completion.logprobs,
        "sampling_logprobs": completion.sampling_logprobs,
        "foreign": [list(part) for part in completion.request.foreign],
    }


def with_prefix(request: Request, prefix: Mapping[str, Any] | None) -> Request:
    """The request that goes on where a kept prefix ends; the request itself without one."""
    if prefix is None:
        return request
    return replace(
        request,
        prefix_token_ids=prefix["token_ids"],
        prefix_logprobs=prefix["logprobs"],
        prefix_sampling_logprobs=prefix["sampling_logprobs"],
        foreign=[Foreign(*part) for part in prefix.get("foreign", [])],
    )


def finished_of(request: Request, prefix: Mapping[str, Any] | None) -> Completion | None:
    """The completion that was kept whole; None where an engine has to go on, or to begin."""
    if prefix is None or prefix.get("finish_reason") is None:
        return None
    return replace(as_is(with_prefix(request, prefix), prefix["finish_reason"]), text=prefix["text"])


def counts_of(row: Rollout) -> dict[str, float]:
    """What a row adds to the counts of its artifact."""
    tokens = row.get("token_ids") or []
    return {
        "rollouts": 1,
        "tokens": len(tokens),
        "truncated": int(row.get("finish_reason") == "length"),
        **({"failed": 1} if row.get("error") else {"empty": int(not (row["text"] or "").strip())}),
    }


def repeats_of(table: pa.Table) -> dict[str, float]:
    """How many rollouts of a part, whole groups, say token for token what another one of their group says."""
    table = table.filter(table["error"].is_null())
    columns = [table[name].to_pylist() for name in ("problem_id", "occurrence", "text")]
    tokens = [row for piece in table["token_ids"].chunks for row in ragged(piece)]
    distinct = {
        (problem_id, occurrence, text if row is None else row.tobytes())
        for problem_id, occurrence, text, row in zip(*columns, tokens, strict=True)
    }
    return {"duplicates": table.num_rows - len(distinct)}


def rows_with_arrays(
    artifact: Artifact[Any], columns: Sequence[str], lists: Sequence[str], parts: Sequence[int] | None = None
) -> Iterator[dict[str, Any]]:
    """Every rollout with those columns, and with `lists` as arrays without copying; of all parts, or of some."""
    for part in [part.index for part in artifact.parts] if parts is None else parts:
        for batch in artifact.part_batches(part, [*columns, *lists]):
            values = {name: batch.column(name).to_pylist() for name in columns}
            values |= {name: ragged(batch.column(name)) for name in lists}
            for index in range(batch.num_rows):
                yield {name: column[index] for name, column in values.items()}


def ragged(column: Any) -> list[np.ndarray | None]:
    """A list column as one array a row, without copying."""
    values = column.values.to_numpy(zero_copy_only=False)
    offsets = column.offsets.to_numpy()
    filled = column.is_valid().to_numpy(zero_copy_only=False)
    return [values[offsets[index] : offsets[index + 1]] if filled[index] else None for index in range(len(column))]
