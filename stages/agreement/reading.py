"""Rows of verdicts and of labels that are about the same rollouts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...artifacts import Artifact, Rollout, Verdict, WrongArtifact, WrongOption
from ...artifacts.lineage import ancestors, trace
from ..evaluating import Judged, choose_step, one_of_each
from ..joins import belongs_to, by_rollout, check_belongs, identities

_COLUMNS = ["problem_id", "step", "verdict", "answer_type", "confidence", "rule_verdict", "model_verdict"]


@dataclass(slots=True)
class Row:
    """A rollout with a label that is known and the verdict on it; `other` is the verdict of --against."""

    problem_id: str
    label: str
    verdict: str
    answer_type: str | None = None
    source: str | None = None
    confidence: float | None = None
    rules: str | None = None
    model: str | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """The rows that verdicts and labels share; the names are what the user gave.

    `counts` tells of rows that are left out: without a known label, without a verdict. `chosen` are the artifacts whose
    rows were chosen, or drawn, by how they went: rates among them say little about others.
    """

    name: str
    labels: str
    rows: list[Row]
    against: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    chosen: list[str] = field(default_factory=list)


def read_labelled(
    artifacts: Sequence[Judged],
    labels: Artifact[Verdict],
    against: Sequence[Judged] | None = None,
    step: str | None = None,
) -> Labelled:
    """Join verdicts with labels, and with the verdicts of --against where there are some.

    Rows whose label is unknown are left out, and so are those that not every artifact tells about. The answer type is
    the verdict's, else the label's; the source is that of the rollout's problem.

    Args:
        artifacts: verdicts, and their rollouts or not: those tell the source, and only their rows count then.
        step: of on-policy rows, the one to keep: a number or "last".

    Raises:
        WrongOption: no verdicts, two artifacts of one kind, or verdicts that are their own labels.
        WrongArtifact: they are about different rollouts, or no row has a known label.
    """
    rollouts, verdicts = one_of_each(artifacts)
    others = one_of_each(against)[1] if against else None
    if verdicts is None or (against and others is None):
        found = " ".join(str(artifact.path) for artifact in (artifacts if verdicts is None else against or []))
        raise WrongOption(f"--labels tell how right verdicts are, but {found} holds none: give verdicts")
    if verdicts.path.resolve() == labels.path.resolve():
        raise WrongOption(f"{verdicts.path} is given as --labels of itself, expected labels from elsewhere")
    given = [verdicts, labels] if others is None else [verdicts, labels, others]
    behind = [rollouts] if rollouts is not None else rollouts_behind(given)
    for judgements in given[1:]:
        check_same_rollouts(verdicts, judgements, behind)
    if rollouts is not None:
        check_belongs(verdicts, rollouts)
    known = by_rollout([labels], ["verdict", "answer_type"])
    judged = by_rollout([verdicts], _COLUMNS)
    compared = None if others is None else by_rollout([others], ["verdict"])
    source_of = _sources(behind)
    kept = None if rollouts is None else {row["rollout_id"] for row in rollouts.rows(["rollout_id"])}
    wanted = None
    if step is not None and judged:
        wanted = choose_step({row["step"] or 0 for row in judged.values()}, step, str(verdicts.path))
    rows: list[Row] = []
    without_verdict = without_label = 0
    for key, row in judged.items():
        if (kept is not None and key not in kept) or (wanted is not None and wanted != (row["step"] or 0)):
            continue
        label = known.get(key)
        if label is None or label["verdict"] == "unknown":
            without_label += 1
        elif compared is not None and key not in compared:
            without_verdict += 1
        else:
            if row["confidence"] is not None and not 0 <= row["confidence"] <= 1:
                raise WrongArtifact(
                    f"{verdicts.path} has the confidence {row['confidence']} of rollout {key}, expected 0 to 1: "
                    "make it again"
                )
            rows.append(_joined(row, label, source_of, None if compared is None else compared[key]["verdict"]))
    without_verdict += sum(key not in judged and (kept is None or key in kept) for key in known)
    if not rows:
        raise WrongArtifact(
            f"{labels.path} has no known label of a rollout that {verdicts.path} has a verdict of, expected some: "
            "give labels of the same rollouts"
        )
    counts = {"without_label": without_label, "without_verdict": without_verdict}
    against_name = None if others is None else str(others.path)
    read = [*given, *([] if rollouts is None else [rollouts])]
    chosen = [str(one.path) for one in read if one.manifest.facts.get("stop_rule", "fixed") != "fixed"]
    return Labelled(str(verdicts.path), str(labels.path), rows, against_name, counts, chosen)


def _joined(row: dict[str, Any], label: dict[str, Any], source_of: dict[str, str | None], other: str | None) -> Row:
    return Row(
        problem_id=row["problem_id"],
        label=label["verdict"],
        verdict=row["verdict"],
        answer_type=row["answer_type"] or label["answer_type"],
        source=source_of.get(row["problem_id"]),
        confidence=row["confidence"],
        rules=row["rule_verdict"],
        model=row["model_verdict"],
        other=other,
    )


def check_same_rollouts(
    one: Artifact[Verdict], other: Artifact[Verdict], rollouts: Sequence[Artifact[Rollout]] = ()
) -> None:
    """Refuse verdicts and labels that are about different rollouts.

    They go together when both name the same rollouts or file, or when rollouts are known that are both.

    Raises:
        WrongArtifact: nothing shows that they belong to the same rollouts.
    """
    if belongs_to(one) & belongs_to(other):
        return
    if any(belongs_to(one) & identities(known) and belongs_to(other) & identities(known) for known in rollouts):
        return
    raise WrongArtifact(
        f"{one.path} and {other.path} hold verdicts of different rollouts, expected the same: give those of the same "
        "rollouts; if they are, give the rollouts too (whet eval ROLLOUTS VERDICTS --labels LABELS)"
    )


def rollouts_behind(judgements: Sequence[Artifact[Any]]) -> list[Artifact[Rollout]]:
    """The rollouts that verdicts were made from, as far as they are where the lineage says."""
    found: dict[str, Artifact[Rollout]] = {}
    for judged in judgements:
        for node in ancestors(trace(judged.path)):
            there = node.path is not None and node.manifest is not None and not node.manifest.tombstone
            if node.kind == "rollouts" and there and node.digest not in found:
                assert node.path is not None
                assert node.manifest is not None
                opened: Artifact[Rollout] = Artifact(node.path, node.manifest)
                if belongs_to(judged) & identities(opened):
                    found[node.digest] = opened
    return list(found.values())


def _sources(rollouts: Sequence[Artifact[Rollout]]) -> dict[str, str | None]:
    """The source of every problem."""
    return {key: problem.get("source") for artifact in rollouts for key, problem in artifact.problems().items()}
