"""Reading what is evaluated: join rollouts with their verdicts, and refuse rows that would make a metric wrong."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..artifacts import Artifact, Rollout, Verdict, WrongArtifact, WrongOption
from .joins import blames_problem, by_rollout, check_belongs

if TYPE_CHECKING:
    from .metrics.groups import Draw, Groups

Judged = Artifact[Rollout] | Artifact[Verdict]

_JUDGED = ["verdict", "reason", "extracted", "answer_type"]


@dataclass(slots=True)
class _Row:
    """One rollout with all that is known of it."""

    problem_id: str
    key: str
    step: int
    draw: int
    known: "Draw"
    draws_total: int | None = None
    broken: bool = False


@dataclass(frozen=True)
class Run:
    """The rollouts of one policy, in groups; `name` is what the user gave.

    `broken` are the problems that a verdict calls broken. `repeated` says that groups are known by their problem alone,
    so that a problem that occurs twice has one group of twice the size.
    """

    name: str
    rows: "dict[str, list[_Row]]"
    problem_ids: frozenset[str]
    broken: frozenset[str]
    repeated: bool

    def groups(self, broken: Collection[str] = ()) -> "Groups":
        """The groups, reduced for the metrics, without those of broken problems (which are counted).

        Raises:
            WrongArtifact: the problems have different numbers of rollouts, or none is left.
        """
        from .metrics.groups import UnevenGroups, groups_of

        kept = {key: rows for key, rows in self.rows.items() if rows[0].problem_id not in broken}
        if not kept:
            raise WrongArtifact(
                f"{self.name} holds only problems that are broken (invalid: problem), expected others: "
                "look at them with whet show --where 'verdict=invalid'"
            )
        try:
            reduced = groups_of({key: [row.known for row in rows] for key, rows in kept.items()})
        except UnevenGroups as error:
            raise WrongArtifact(_uneven(self.name, error, self.repeated)) from error
        if left_out := len(self.rows) - len(kept):
            reduced.counts["broken_problems"] = left_out
        return reduced


def read_run(artifacts: Sequence[Judged], step: str | None) -> Run:
    """Read one run: a rollouts artifact, a verdicts artifact, or both of the same rollouts.

    Args:
        step: which step of on-policy rows to keep, a number or "last"; needed when there are several.

    Raises:
        WrongOption: two artifacts of one kind, or several steps and none chosen.
        WrongArtifact: they do not belong together, the stop rule is adaptive, or rows are missing, doubled or chosen.
    """
    rollouts, verdicts = one_of_each(artifacts)
    name = " ".join(str(artifact.path) for artifact in (rollouts, verdicts) if artifact is not None)
    for artifact in artifacts:
        refuse_adaptive(artifact)
    if rollouts is None:
        assert verdicts is not None
        rows = list(_verdict_rows(verdicts))
    else:
        rows = list(_rollout_rows(rollouts, verdicts))
    if not rows:
        raise WrongArtifact(f"{name} holds no rows, expected rollouts of at least one problem")
    groups: dict[str, list[_Row]] = {}
    for row in of_step(rows, step, name):
        groups.setdefault(row.key, []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: row.draw)
        if any(row.draws_total not in (None, len(group)) for row in group):
            raise WrongArtifact(
                f"{name} holds {len(group)} rollouts chosen from {group[0].draws_total} draws of problem "
                f"{group[0].problem_id}, expected all draws: evaluate the rollouts they were chosen from"
            )
    every = [row for group in groups.values() for row in group]
    return Run(
        name,
        groups,
        frozenset(row.problem_id for row in every),
        frozenset(row.problem_id for row in every if row.broken),
        repeated=rollouts is None,
    )


def one_of_each(artifacts: Sequence[Judged]) -> tuple[Artifact[Rollout] | None, Artifact[Verdict] | None]:
    """The rollouts and the verdicts among the artifacts given, each at most once."""
    found: dict[str, Judged] = {}
    for artifact in artifacts:
        if artifact.kind in found:
            raise WrongOption(
                f"{found[artifact.kind].path} and {artifact.path} both hold {artifact.kind}, expected at most one "
                "artifact of each kind: evaluate them one by one, or compare them with --against"
            )
        found[artifact.kind] = artifact
    return found.get("rollouts"), found.get("verdicts")  # type: ignore[return-value]


def refuse_adaptive(artifact: Judged) -> None:
    """Refuse rollouts whose number depends on their verdicts: pass@k is not unbiased there."""
    rule = artifact.manifest.facts.get("stop_rule", "fixed")
    if rule == "chosen":
        raise WrongArtifact(
            f"{artifact.path} holds {artifact.kind} chosen by how they went, expected all draws: "
            "evaluate what they were selected from"
        )
    if rule != "fixed":
        raise WrongArtifact(
            f"{artifact.path} was drawn with the stop rule {rule!r}, expected a fixed number of rollouts a problem: "
            "sample again with a fixed --rollouts-per-problem"
        )


def of_step(rows: Sequence[_Row], step: str | None, name: str) -> Iterable[_Row]:
    """The rows of the step asked for; rows without a step are of step 0."""
    steps = {row.step for row in rows}
    if step is None:
        if len(steps) > 1:
            raise WrongOption(
                f"{name} holds {len(steps)} steps, {min(steps)} to {max(steps)}, expected one: add --step N or "
                "--step last"
            )
        return rows
    wanted = choose_step(steps, step, name)
    return (row for row in rows if row.step == wanted)


def choose_step(steps: Collection[int], step: str, name: str) -> int:
    """The step that a number or "last" means.

    Raises:
        WrongOption: there is no such step.
    """
    if step != "last" and (not step.isdecimal() or int(step) not in steps):
        raise WrongOption(
            f"--step {step}: {name} has the steps {min(steps)} to {max(steps)}: give one of them, or last"
        )
    return max(steps) if step == "last" else int(step)


def _verdict_rows(verdicts: Artifact[Verdict]) -> Iterator[_Row]:
    """Every verdict alone, draws in the order of the rows."""
    from .metrics.groups import Draw

    for order, row in enumerate(by_rollout([verdicts], ["problem_id", "step", *_JUDGED]).values()):
        known = Draw(verdict=row["verdict"], extracted=row["extracted"], answer_type=row["answer_type"])
        yield _Row(row["problem_id"], row["problem_id"], row["step"] or 0, order, known, broken=blames_problem(row))


def _rollout_rows(rollouts: Artifact[Rollout], verdicts: Artifact[Verdict] | None) -> Iterator[_Row]:
    """Every rollout, with its verdict where verdicts are given. Tokens are counted, not read into Python."""
    import pyarrow.compute as pc

    from .metrics.groups import Draw

    judged = {} if verdicts is None else _verdict_of(rollouts, verdicts)
    seen: set[str] = set()
    plain = ["rollout_id", "problem_id", "draw", "step", "occurrence", "finish_reason", "draws_total"]
    for batch in rollouts.batches([*plain, "token_ids", "text"]):
        tokens = pc.call_function("list_value_length", [batch["token_ids"]]).to_pylist()
        characters = pc.call_function("utf8_length", [batch["text"]]).to_pylist()
        for index, row in enumerate(batch.select(plain).to_pylist()):
            if row["rollout_id"] in seen:
                raise WrongArtifact(
                    f"{rollouts.path} holds rollout {row['rollout_id']} twice, expected every draw once: evaluate the "
                    "rollouts it was selected from"
                )
            seen.add(row["rollout_id"])
            verdict = judged.get(row["rollout_id"], {})
            known = Draw(
                verdict.get("verdict"), verdict.get("extracted"), tokens[index], characters[index],
                row["finish_reason"], verdict.get("answer_type"),
            )  # fmt: skip
            key = f"{row['problem_id']}#{row['occurrence']}" if row["occurrence"] else row["problem_id"]
            broken = bool(verdict) and blames_problem(verdict)
            yield _Row(row["problem_id"], key, row["step"] or 0, row["draw"], known, row["draws_total"], broken)


def _verdict_of(rollouts: Artifact[Rollout], verdicts: Artifact[Verdict]) -> dict[str, dict[str, Any]]:
    """The verdict of every rollout, by rollout_id; verdicts of rollouts that are not there are passed over."""
    check_belongs(verdicts, rollouts)
    found = by_rollout([verdicts], _JUDGED)
    missing = [row["rollout_id"] for row in rollouts.rows(["rollout_id"]) if row["rollout_id"] not in found]
    if missing:
        raise WrongArtifact(
            f"{verdicts.path} has no verdict for {len(missing):,} of the {len(rollouts):,} rollouts of {rollouts.path} "
            f"(the first is {missing[0]}), expected all: run the command that made it again"
        )
    return found


def _uneven(name: str, error: Any, repeated: bool) -> str:
    most = max(error.sizes, key=error.sizes.__getitem__)
    others = ", ".join(f"{size}" for size in sorted(error.sizes) if size != most)
    message = (
        f"{name} has {most} rollouts of most problems, but {others} of {len(error.unlike)} "
        f"({', '.join(error.unlike[:3])}{' ...' if len(error.unlike) > 3 else ''}), expected the same number of each: "
    )
    if repeated and all(size % most == 0 for size in error.sizes):
        return message + "give the rollouts too, they tell apart problems that occur several times"
    return message + "finish sampling, or keep the same number of each (whet select --per-problem)"
