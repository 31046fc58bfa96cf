"""What POLAR compares rollouts with, and a candidate packed beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ...artifacts import Artifact, Problem, Rollout, Verdict
from ..batching import TrainingRow
from ..joins import by_rollout, check_belongs
from ..rewards.polar_packing import Packer, join_messages
from .heads import ScalarScorer
from .reading import group_of
from .scored import Candidate, Scored

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np


class Reference(NamedTuple):
    """A text to compare with, and the rollout it comes from."""

    text: str
    rollout_id: str | None = None


def answers_of(problems: Mapping[str, Problem]) -> dict[Any, Reference]:
    """The reference answer of every problem that has one."""
    return {key: Reference(answer) for key, problem in problems.items() if (answer := problem.get("answer"))}


def rollouts_of(
    rollouts: Artifact[Rollout], verdicts: Artifact[Verdict] | None, by_group: bool
) -> dict[Any, Reference]:
    """The first rollout of every group or problem, of those that are correct where verdicts are given.

    Args:
        by_group: groups (`group_of`) as keys, else problem ids.

    Raises:
        WrongArtifact: the verdicts belong to other rollouts.
    """
    judged = None
    if verdicts is not None:
        check_belongs(verdicts, rollouts)
        judged = by_rollout([verdicts], ["verdict"])
    found: dict[Any, tuple[int, Reference]] = {}
    columns = ["rollout_id", "problem_id", "draw", "step", "occurrence", "text", "error"]
    for row in rollouts.rows(columns):
        if row.get("error") or not (row["text"] or "").strip():
            continue
        if judged is not None and judged.get(row["rollout_id"], {}).get("verdict") != "correct":
            continue
        key = group_of(row) if by_group else row["problem_id"]
        if key not in found or row["draw"] < found[key][0]:
            found[key] = (row["draw"], Reference(row["text"] or "", row["rollout_id"]))
    return {key: reference for key, (_, reference) in found.items()}


class PolarRows:
    """Candidates packed beside their references, as in training.

    A rollout that is its own reference gets no row: its score would be the highest there is. All but the candidate is
    what the rows of a group begin with: the prompt that they share.
    """

    def __init__(self, packer: Packer, references: Mapping[Any, Reference], by_group: bool) -> None:
        self.packer, self.references, self.by_group = packer, references, by_group
        # The rows of a group come one after the other.
        self._beginning = lru_cache(maxsize=16)(
            lambda prompt, reference: packer.pack(prompt, reference, [""])[0].token_ids
        )

    def prepared(self, candidate: Candidate) -> Candidate:
        import numpy as np

        assert candidate.text is not None
        reference = self.references.get(candidate.group if self.by_group else candidate.problem_id)
        if reference is None or candidate.problem is None:
            return candidate.without("no_reference")
        if reference.rollout_id == candidate.rollout_id:
            return candidate.without("its_own_reference")
        prompt = join_messages(candidate.problem["messages"])
        (packed,) = self.packer.pack(prompt, reference.text, [candidate.text])
        token_ids = np.asarray(packed.token_ids, dtype=np.int32)
        shared = _in_common(token_ids[:-1], np.asarray(self._beginning(prompt, reference.text)[:-1], dtype=np.int32))
        candidate.row = TrainingRow(
            rollout_id=candidate.rollout_id, prompt_token_ids=token_ids[:shared], token_ids=token_ids[shared:]
        )
        if packed.cut:
            candidate.counts = {**candidate.counts, "cut": 1}
        return candidate


class PolarScorer:
    """Score: the logit at the reward token of reference and candidate."""

    def __init__(self, model: Any, rows: PolarRows) -> None:
        self._scalar, self.prepared = ScalarScorer(model), rows.prepared
        self.packed = self._scalar.packed

    def score(self, candidates: Sequence[Candidate]) -> list[Scored]:
        return self._scalar.score(candidates)


def _in_common(ids: np.ndarray, others: np.ndarray) -> int:
    """How many tokens both begin with."""
    count = min(len(ids), len(others))
    differ = (ids[:count] != others[:count]).nonzero()[0]
    return int(differ[0]) if len(differ) else count
