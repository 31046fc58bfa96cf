"""whet select ARTIFACT... --out FOLDER: keep some rows of an artifact, or put several together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..artifacts import (
    Artifact,
    Draft,
    Preference,
    Problem,
    Rollout,
    Score,
    Text,
    Verdict,
    WrongArtifact,
    WrongOption,
)

if TYPE_CHECKING:
    from .selection.selecting import Selection
    from .selection.where import Where

VERSION = 2

Rows = (
    Artifact[Problem] | Artifact[Rollout] | Artifact[Verdict] | Artifact[Score] | Artifact[Text] | Artifact[Preference]
)
_PLAIN = {"rollout_id", "problem_id", "draw", "step", "occurrence", "seed", "pass_rate"}
"""Columns of a rollout that say nothing about how it went: rows selected by these alone are still a fair draw."""


@dataclass(frozen=True, kw_only=True)
class SelectOptions:
    """Which rows stay; rules apply in this order: against, where, dedupe, pass-rate, repeat, split, per-problem."""

    where: str | None = None
    """Keep rows where this holds: = != < <= > >= ~ (contains) in and or not (), e.g. 'verdict=correct and step>3'"""

    dedupe: bool = False
    """Drop repeats: problems by id, rollouts by their text within a problem"""

    pass_rate: str | None = None
    """Keep problems of which LOW <= share < HIGH is solved, as LOW..HIGH; LOW.. has no upper edge; needs verdicts"""

    repeat: str | None = None
    """Copies of problems by pass rate, others go, e.g. 0..0.2=6,0.2..0.6=4,0.6..0.8=2 (OREAL); needs verdicts"""

    split: str | None = None
    """Shares by a hash of the problem, e.g. train=.9,test=.1"""

    take: str | None = None
    """The share of --split to keep"""

    per_problem: Literal["best", "shortest", "one-pair"] | int | None = None
    """Rollouts of a problem that stay: best by verdict, then score; the shortest; one correct and one wrong; any N"""

    overlap_words: int = 13
    """With --against: words in a row that count as overlap; 0 compares whole texts only"""

    seed: int = 0
    """Draws the pair, or the N, of --per-problem"""


def select(
    artifacts: list[Rows],
    selected: Draft[Any],
    options: SelectOptions,
    *,
    verdicts: list[Artifact[Verdict]] | None = None,
    scores: list[Artifact[Score]] | None = None,
    against: list[Artifact[Problem] | Artifact[Rollout]] | None = None,
) -> None:
    """Keep the rows that pass the rules; several inputs are put together.

    Rows keep their ids, so verdicts and scores of the inputs still belong to a selection of their rollouts. Where
    rollouts are chosen by how they went, `draws_total` and `correct_total` tell what they were chosen from.

    Examples:
        whet select runs/x/rollouts --verdicts runs/x/verdicts --where 'verdict=correct' --out runs/x/right
        whet select runs/x/problems --verdicts runs/x/verdicts --repeat 0..0.2=6,0.2..0.6=4,0.6..0.8=2 --out runs/x/hard
        whet select runs/x/problems --split train=.9,test=.1 --take train --against runs/test --out runs/x/train
        whet select runs/a/problems runs/b/problems --dedupe --out runs/both
    """
    from loguru import logger

    from .selection.record import CHOOSING, CHOSEN, facts_of, summary, with_totals
    from .selection.selecting import group_of

    kind = _kind_of(artifacts)
    selection, chosen = _decide(artifacts, options, verdicts or [], scores or [], against or [])
    draft = selected.as_kind(kind)
    draft.facts |= facts_of(artifacts, selection)
    fixed = draft.facts.get("stop_rule", "fixed") == "fixed"
    if chosen and fixed and any(selection.removed[reason] for reason in CHOOSING):
        draft.facts["stop_rule"] = CHOSEN
    logger.info(summary(selection))
    if not selection.rows:
        draft.gate("empty", summary(selection))
    if kind == "rollouts":
        problems = {key: row for artifact in reversed(artifacts) for key, row in artifact.problems().items()}
        draft.embed_problems(problems[key] for key in selection.problems if key in problems)
    sources = [(which, part) for which, artifact in enumerate(artifacts) for part in artifact.parts]
    done = 0
    for chunk in draft.chunks([{"input": which, "part": part.name} for which, part in sources]):
        which, part = sources[chunk.index]
        order = 0
        for index, row in enumerate(artifacts[which].part_rows(part.index)):
            copies = selection.copies.get((which, part.index, index), 0)
            if copies and chosen and kind == "rollouts":
                row = with_totals(dict(row), selection.draws[group_of(row)], bool(verdicts))
            for _ in range(copies):
                if order not in chunk.done:
                    chunk.write(row, order)
                order += 1
        done += order
        draft.progress(done, selection.rows)


def resolve(options: SelectOptions, **inputs: Any) -> SelectOptions:
    """Check everything that does not need the rows, before there is a draft."""
    artifacts = inputs["artifacts"]
    _rules(_kind_of(artifacts), options, inputs)
    for judgements in [*(inputs.get("verdicts") or []), *(inputs.get("scores") or [])]:
        if _kind_of(artifacts) == "rollouts":
            from .joins import check_belongs

            check_belongs(judgements, *artifacts)
    return options


def plan(options: SelectOptions, **inputs: Any) -> list[str]:
    """What would stay: the decision itself is cheap."""
    from .selection.record import summary

    judged = [inputs.get(name) or [] for name in ("verdicts", "scores", "against")]
    return [summary(_decide(inputs["artifacts"], options, *judged)[0])]


def _kind_of(artifacts: Sequence[Artifact[Any]]) -> str:
    first = artifacts[0]
    for artifact in artifacts:
        if artifact.kind != first.kind:
            raise WrongArtifact(
                f"{artifact.path} holds {artifact.kind} and {first.path} holds {first.kind}, expected one kind: "
                "select them one by one"
            )
    return first.kind


def _rules(kind: str, options: SelectOptions, inputs: dict[str, Any]) -> "tuple[Where | None, dict[str, Any]]":
    """The rules that options alone make, checked against each other and the kind of the rows."""
    from .selection.columns import absent_columns, columns_of
    from .selection.pass_rates import parse_bins, parse_range
    from .selection.splitting import parse_split
    from .selection.where import parse_where

    verdicts, scores = bool(inputs.get("verdicts")), bool(inputs.get("scores"))
    if verdicts and kind not in ("rollouts", "problems"):
        raise WrongOption(f"--verdicts tell about rollouts and problems, but the input holds {kind}: leave it out")
    if scores and kind != "rollouts":
        raise WrongOption(f"--scores tell about rollouts, but the input holds {kind}: leave it out")
    if inputs.get("against") and kind in ("verdicts", "scores"):
        raise WrongOption(f"--against compares texts, but {kind} have none: select their rollouts or problems")
    rated = [flag for flag, value in (("--pass-rate", options.pass_rate), ("--repeat", options.repeat)) if value]
    if rated and not (verdicts or kind == "verdicts"):
        raise WrongOption(f"{rated[0]} needs to know how often problems are solved: add --verdicts FOLDER")
    if options.repeat and kind != "problems":
        raise WrongOption(f"--repeat makes copies of problems, but the input holds {kind}: use --pass-rate to filter")
    _check_per_problem(kind, options, verdicts, scores)
    if (options.split is None) != (options.take is None):
        raise WrongOption("--split and --take go together, such as --split train=.9,test=.1 --take train")
    if options.overlap_words < 0:
        raise WrongOption(f"--overlap-words is {options.overlap_words}, expected 0 or more")
    absent = absent_columns(kind, verdicts, scores, ("--verdicts", "--scores"))
    where = parse_where(options.where, columns_of(kind, verdicts, scores), absent) if options.where else None
    return where, {
        "pass_rates": parse_range(options.pass_rate, "--pass-rate") if options.pass_rate else None,
        "repeats": parse_bins(options.repeat, "--repeat") if options.repeat else None,
        "share": parse_split(options.split, options.take) if options.split and options.take else None,
    }


def _check_per_problem(kind: str, options: SelectOptions, verdicts: bool, scores: bool) -> None:
    how = options.per_problem
    if how is None:
        return
    if kind not in ("rollouts", "verdicts", "scores"):
        raise WrongOption(f"--per-problem picks among rollouts, but the input holds {kind}: leave it out")
    if how == "one-pair" and not (verdicts or kind == "verdicts"):
        raise WrongOption("--per-problem one-pair needs to know which rollouts are correct: add --verdicts FOLDER")
    if how == "best" and kind == "rollouts" and not (verdicts or scores):
        raise WrongOption("--per-problem best needs --verdicts FOLDER, --scores FOLDER or both")
    if how == "shortest" and kind != "rollouts":
        raise WrongOption(f"--per-problem shortest needs the texts of rollouts, but the input holds {kind}")
    if isinstance(how, int) and how < 1:
        raise WrongOption(f"--per-problem is {how}, expected best, shortest, one-pair or a number of 1 or more")


def _decide(
    artifacts: list[Artifact[Any]],
    options: SelectOptions,
    verdicts: Sequence[Artifact[Any]],
    scores: Sequence[Artifact[Any]],
    against: Sequence[Artifact[Any]],
) -> "tuple[Selection, bool]":
    """The rows that stay, and whether rollouts among them were chosen by how they went."""
    from .selection.columns import PASS_RATE, load_known, own_columns
    from .selection.contamination import TestSet, asked_text
    from .selection.selecting import Rules, decide, looked_at

    kind = _kind_of(artifacts)
    where, parsed = _rules(kind, options, {"verdicts": verdicts, "scores": scores, "against": against})
    read = set(where.columns) if where else set()
    read |= {PASS_RATE} if options.pass_rate or options.repeat else set()
    read |= {"verdict"} if verdicts else set()
    read |= {"score"} if scores else set()
    known = load_known(kind, artifacts, verdicts, scores, read)
    test_set = None
    if against:
        asked = (asked_text(problem["messages"]) for artifact in against for problem in artifact.problems().values())
        test_set = TestSet(asked, options.overlap_words)
    chosen_how = {"dedupe": options.dedupe, "per_problem": options.per_problem, "seed": options.seed}
    rules = Rules(test_set=test_set, where=where, **chosen_how, **parsed)
    needed = read | looked_at(kind, rules)
    selection = decide(artifacts, [name for name in own_columns(kind) if name in needed], known, rules)
    if kind == "problems" and selection.removed["no_pass_rate"] == selection.rows_in:
        raise WrongArtifact(
            f"{verdicts[0].path} holds no verdict on a problem of {artifacts[0].path}, expected verdicts on rollouts "
            "of these problems: sample and verify them"
        )
    by_outcome = bool(where and where.columns - _PLAIN - set(own_columns("problems")))
    chosen = by_outcome or options.dedupe or options.per_problem in ("best", "shortest", "one-pair")
    return selection, kind in ("rollouts", "verdicts", "scores") and chosen
