"""Deciding which rows stay: one pass over the columns that matter, before any row is copied."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...artifacts import Artifact, WrongArtifact
from ...artifacts.recipe import problem_id
from .columns import PASS_RATE, Known
from .contamination import TestSet, asked_text
from .pass_rates import Bin, copies_of
from .picking import Candidate, PerProblem, pick
from .splitting import Share
from .where import Where

Place = tuple[int, int, int]
"""Of a row: which input, which of its parts, which row there."""
Group = tuple[str, int, int]
"""Rollouts drawn together: problem_id, step, occurrence."""


@dataclass(frozen=True)
class Rules:
    """What a row must pass, in this order; None lets all pass."""

    test_set: TestSet | None = None
    where: Where | None = None
    dedupe: bool = False
    pass_rates: Bin | None = None
    repeats: Sequence[Bin] | None = None
    share: Share | None = None
    per_problem: PerProblem | None = None
    seed: int = 0


@dataclass
class Selection:
    """The rows that stay.

    Attributes:
        copies: how often each row that stays appears, by place.
        rows_in: how many rows were looked at.
        removed: rows by what removed them.
        problems: problem_ids of the rows that stay, in the order they were met.
        draws: rollouts and correct ones of every group, before the selection.
    """

    copies: dict[Place, int] = field(default_factory=dict)
    rows_in: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    problems: dict[str, None] = field(default_factory=dict)
    draws: dict[Group, list[int]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(self.copies.values())


def group_of(row: Mapping[str, Any]) -> Group:
    """The group a rollout row belongs to."""
    return row["problem_id"], row.get("step") or 0, row.get("occurrence") or 0


def decide(artifacts: Sequence[Artifact[Any]], columns: Sequence[str], known: Known, rules: Rules) -> Selection:
    """Apply the rules to every row of the inputs, one after the other.

    Args:
        columns: the rows' own columns to read.

    Raises:
        WrongArtifact: a rollout stays twice.
    """
    selection = Selection()
    overlap = _overlaps(artifacts, known.kind, rules.test_set)
    seen: set[Any] = set()
    staying: list[tuple[Candidate, str, int]] = []
    for place, row in places(artifacts, columns):
        selection.rows_in += 1
        view = known.view(row)
        if known.kind == "rollouts":
            count = selection.draws.setdefault(group_of(row), [0, 0])
            count[0] += 1
            count[1] += view.get("verdict") == "correct"
        copies, reason = _judge(row, view, known, rules, overlap, seen)
        if copies:
            staying.append((_candidate(place, view), identity_of(row, known.kind), copies))
        else:
            selection.removed[reason] += 1
    if rules.per_problem is not None:
        staying = _per_problem(staying, rules, selection)
    _refuse_doubles(artifacts, known.kind, staying)
    for candidate, problem, copies in staying:
        selection.copies[candidate.place] = copies
        selection.problems[problem] = None
    return selection


def places(artifacts: Sequence[Artifact[Any]], columns: Sequence[str]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Every row with its place."""
    for which, artifact in enumerate(artifacts):
        for part in artifact.parts:
            for index, row in enumerate(artifact.part_rows(part.index, columns)):
                yield (which, part.index, index), row


def identity_of(row: Mapping[str, Any], kind: str) -> str:
    """What a row is split and grouped by: its problem, its text, or what its messages ask."""
    if kind == "texts":
        return row["text_id"]
    if kind == "preferences":
        return problem_id(row["messages"], row["reference"])
    return row["problem_id"]


def looked_at(kind: str, rules: Rules) -> set[str]:
    """The rows' own columns that the rules read."""
    names = {
        "problems": {"problem_id"},
        "texts": {"text_id"},
        "preferences": {"messages", "reference"},
        "rollouts": {"rollout_id", "problem_id", "step", "occurrence"},
        "verdicts": {"rollout_id", "problem_id", "verdict"},
        "scores": {"rollout_id", "problem_id", "score"},
    }[kind]
    if rules.test_set is not None:
        names |= {"problems": {"messages"}, "texts": {"text"}}.get(kind, set())
    if rules.dedupe:
        names |= {"rollouts": {"text", "token_ids"}, "texts": {"text"}, "preferences": {"chosen", "rejected"}}.get(
            kind, set()
        )
    if rules.per_problem == "shortest":
        names |= {"text", "token_ids"}
    return names


def _judge(
    row: Mapping[str, Any], view: Mapping[str, Any], known: Known, rules: Rules,
    overlap: Callable[[Mapping[str, Any]], str | None], seen: set[Any],
) -> tuple[int, str]:  # fmt: skip
    """How many copies of a row stay (0 or 1 unless repeats are asked for), and what removed it if none."""
    if (found := overlap(row)) is not None:
        return 0, f"overlap_{found}"
    if rules.where is not None and not rules.where.matches(view):
        return 0, "where"
    if rules.dedupe:
        key = _same(row, known.kind)
        if key in seen:
            return 0, "duplicates"
        seen.add(key)
    if rules.pass_rates is not None or rules.repeats is not None:
        counted = known.tallies.get(row["problem_id"])
        if counted is not None and counted.broken:
            return 0, "broken_problems"
        if counted is None or counted.rate is None:
            return 0, "no_pass_rate"
        if rules.pass_rates is not None and not rules.pass_rates.holds(counted.rate):
            return 0, PASS_RATE
        if rules.repeats is not None and not copies_of(counted.rate, rules.repeats):
            return 0, PASS_RATE
    if rules.share is not None and not rules.share.holds(identity_of(row, known.kind)):
        return 0, "other_splits"
    if rules.repeats is not None:
        return copies_of(known.tallies[row["problem_id"]].rate, rules.repeats), ""
    return 1, ""


def _overlaps(
    artifacts: Sequence[Artifact[Any]], kind: str, test_set: TestSet | None
) -> Callable[[Mapping[str, Any]], str | None]:
    """How a row overlaps with the test set; rollouts by their problems, each looked at once."""
    if test_set is None:
        return lambda row: None
    if kind == "texts":
        return lambda row: test_set.overlap(row["text"])
    if kind != "rollouts":
        return lambda row: test_set.overlap(asked_text(row["messages"]))
    by_problem = {
        key: test_set.overlap(asked_text(problem["messages"]))
        for artifact in artifacts
        for key, problem in artifact.problems().items()
    }
    return lambda row: by_problem.get(row["problem_id"])


def _same(row: Mapping[str, Any], kind: str) -> Any:
    """What two rows share when one of them is a duplicate."""
    if kind == "problems":
        return row["problem_id"]
    if kind == "rollouts":
        tokens = row.get("token_ids")
        said = row["text"] if row["text"] is not None else tuple(tokens or ())
        return row["problem_id"], hash_of(said)
    if kind == "texts":
        return hash_of(row["text"])
    if kind == "preferences":
        return hash_of([identity_of(row, kind), row["chosen"], row["rejected"]])
    return row["rollout_id"]


def hash_of(value: Any) -> int:
    """16 bytes in place of a long text: the rows of a large artifact must fit into memory."""
    import hashlib

    text = value if isinstance(value, str) else repr(value)
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), "big")


def _candidate(place: Place, view: Mapping[str, Any]) -> Candidate:
    tokens, text = view.get("token_ids"), view.get("text")
    length = len(tokens) if tokens is not None else len(text) if text is not None else None
    return Candidate(place, view.get("rollout_id") or "", view.get("verdict"), view.get("score"), length)


def _per_problem(
    staying: Sequence[tuple[Candidate, str, int]], rules: Rules, selection: Selection
) -> list[tuple[Candidate, str, int]]:
    groups: dict[str, list[Candidate]] = {}
    for candidate, problem, _ in staying:
        groups.setdefault(problem, []).append(candidate)
    assert rules.per_problem is not None
    picked = {row.place for rows in groups.values() for row in pick(rows, rules.per_problem, rules.seed)}
    selection.removed["per_problem"] += len(staying) - len(picked)
    return [entry for entry in staying if entry[0].place in picked]


def _refuse_doubles(
    artifacts: Sequence[Artifact[Any]], kind: str, staying: Sequence[tuple[Candidate, str, int]]
) -> None:
    if kind not in ("rollouts", "verdicts", "scores"):
        return
    counted = Counter(candidate.rollout_id for candidate, _, _ in staying)
    twice, times = counted.most_common(1)[0] if counted else ("", 1)
    if times > 1:
        paths = ", ".join(str(artifact.path) for artifact in artifacts)
        raise WrongArtifact(
            f"{paths} hold rollout {twice} {times} times, expected every one once: "
            "give each artifact once, or add --dedupe"
        )
