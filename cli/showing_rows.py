"""Rows as a person reads them: a rollout under its problem, with its verdicts and scores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..artifacts import KINDS, Artifact, WrongArtifact, WrongOption
from ..artifacts.files import TEMPORARY
from ..artifacts.parquet import read_batches
from ..artifacts.wording import counted
from ..stages.joins import check_belongs
from ..stages.selection.columns import Known, absent_columns, columns_of, load_known, own_columns
from ..stages.selection.where import Where, parse_where
from ..stages.tokens import Encoder
from .drafts import DraftState
from .page import Page
from .readable import short
from .shading import shaded_block

Row = dict[str, Any]


@dataclass
class Shown:
    """A row with what belongs to it; `judgements` are (path, kind, row)."""

    row: Row
    problem: Mapping[str, Any] | None = None
    judgements: list[tuple[str, str, Row]] = field(default_factory=list)
    encoder: Encoder | None = None
    """The tokenizer of a rollout, where its tokens are to be shaded"""

    def record(self) -> Row:
        found = dict(self.row)
        if self.problem is not None:
            found["problem"] = dict(self.problem)
        for path, kind, row in self.judgements:
            found.setdefault(kind, []).append({"path": path, **row})
        return found


def rows_of(artifact: Artifact[Any], count: int, where: str | None, joined: Sequence[Artifact[Any]]) -> list[Shown]:
    """The first rows of a version for which an expression holds, with what belongs to them.

    Raises:
        WrongOption: the expression is wrong, or verdicts and scores are joined with something else than rollouts.
        WrongArtifact: verdicts or scores belong to other rollouts.
    """
    if joined and artifact.kind != "rollouts":
        raise WrongOption(f"--with joins verdicts and scores with rollouts, but {artifact.path} holds {artifact.kind}")
    for judgements in joined:
        check_belongs(judgements, artifact)
    verdicts = [item for item in joined if item.kind == "verdicts"]
    scores = [item for item in joined if item.kind == "scores"]
    absent = {}
    if artifact.kind == "rollouts":
        absent = absent_columns(artifact.kind, bool(verdicts), bool(scores), ("--with", "--with"))
    columns = columns_of(artifact.kind, bool(verdicts), bool(scores))
    condition = parse_where(where, columns, absent) if where else None
    read = condition.columns if condition else set()
    known = load_known(artifact.kind, [artifact], verdicts, scores, read)
    found = _first(artifact.rows(), count, condition, known)
    problems = artifact.problems() if artifact.kind == "rollouts" and found else {}
    shown = [
        Shown(row, dict(problems[row["problem_id"]]) if row.get("problem_id") in problems else None) for row in found
    ]
    _join(shown, joined)
    return shown


def draft_rows(state: DraftState, count: int, where: str | None) -> list[Shown]:
    """The first rows of a draft: of finished chunks, then of what was flushed in unfinished ones."""
    if state.kind is None or not KINDS[state.kind].rows:
        return []
    folder = Path(state.path)
    condition = parse_where(where, own_columns(state.kind)) if where else None
    files = sorted((folder / "data").glob("part-*.parquet"))
    files += sorted(p for p in (folder / "work" / "pending").glob("*/*.parquet") if not p.name.startswith(TEMPORARY))

    def stream() -> Iterator[Row]:
        for file in files:
            try:
                for batch in read_batches(file):
                    yield from (
                        {name: value for name, value in row.items() if not name.startswith("__")}
                        for row in batch.to_pylist()
                    )
            except FileNotFoundError:  # its chunk was finished meanwhile
                continue

    found = _first(stream(), count, condition, Known(state.kind))
    path = folder / "problems.parquet"
    problems = (
        {row["problem_id"]: row for batch in read_batches(path) for row in batch.to_pylist()} if path.exists() else {}
    )
    return [Shown(row, problems.get(row.get("problem_id"))) for row in found]


def _first(rows: Iterator[Any], count: int, where: Where | None, known: Known) -> list[Row]:
    found: list[Row] = []
    if count > 0:
        for row in rows:
            if where is None or where.matches(known.view(row)):
                found.append(row)
                if len(found) == count:
                    break
    return found


def _join(shown: Sequence[Shown], joined: Sequence[Artifact[Any]]) -> None:
    by_id = {item.row["rollout_id"]: item for item in shown if "rollout_id" in item.row}
    for artifact in joined:
        for row in artifact.rows():
            if row["rollout_id"] in by_id:
                by_id[row["rollout_id"]].judgements.append((str(artifact.path), artifact.kind, dict(row)))


def open_joined(paths: Sequence[str]) -> list[Artifact[Any]]:
    """The artifacts that `--with` names."""
    return [Artifact.open(path, ("verdicts", "scores"), flag="--with") for path in paths]


def rows_page(page: Page, kind: str, shown: Sequence[Shown], total: int | None) -> Iterator[str]:
    """The rows, one below the other."""
    if not shown:
        return
    of = f" of {total:,}" if total is not None else ""
    yield "\n" + page.style(f"{len(shown):,}{of} rows" if of else counted(len(shown), "row"), bold=True) + "\n"
    before: Any = None
    for item in shown:
        yield "\n"
        if kind == "rollouts" and item.row["problem_id"] != before:
            yield from _problem_lines(page, item.problem or {"problem_id": item.row["problem_id"]}, 0)
            yield from _group_line(
                page, [other for other in shown if other.row["problem_id"] == item.row["problem_id"]]
            )
            yield "\n"
            before = item.row["problem_id"]
        yield from _FORMS[kind](page, item)


def _problem_lines(page: Page, problem: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    about = [f"problem {_id(problem['problem_id'])}"]
    about += [f"{name} {short(problem[name])}" for name in ("source", "split", "meta") if problem.get(name)]
    yield page.line(", ".join(about), indent)
    for message in problem.get("messages") or []:
        yield from page.block(str(message["role"]), str(message["content"]), indent + 2)
    if problem.get("images"):
        yield page.line(f"{len(problem['images'])} images", indent + 2)
    if "answer" in problem:
        kind = f" ({problem['answer_type']})" if problem.get("answer_type") else ""
        yield page.line(f"answer: {problem['answer']}{kind}", indent + 2)


def _group_line(page: Page, group: Sequence[Shown]) -> Iterator[str]:
    """How long the rollouts of a problem are that are shown, and how they ended."""
    lengths = sorted(len(item.row["token_ids"]) for item in group if item.row.get("token_ids") is not None)
    if len(group) < 2 or not lengths:
        return
    cut = sum(item.row.get("finish_reason") == "length" for item in group)
    span = f"{lengths[0]:,} to {lengths[-1]:,} tokens" if lengths[0] < lengths[-1] else f"{lengths[0]:,} tokens each"
    yield page.line(f"group of {len(group)} rollouts shown: {span}, {cut} cut off", 2)


def _id(identity: str) -> str:
    """The start of an id: enough to tell rows apart by eye and to search for."""
    return short(identity[:12])


def _problem(page: Page, item: Shown) -> Iterator[str]:
    yield from _problem_lines(page, item.row)


def _rollout(page: Page, item: Shown) -> Iterator[str]:
    row = item.row
    about = [f"rollout {_id(row['rollout_id'])}", f"draw {row['draw']}"]
    about += [f"{name} {row[name]}" for name in ("step", "occurrence") if row.get(name)]
    if row.get("token_ids") is not None:
        about.append(counted(len(row["token_ids"]), "token"))
    elif row.get("text") is not None:
        about.append(counted(len(row["text"]), "character"))
    if row.get("finish_reason"):
        about.append(
            "cut off at the token limit" if row["finish_reason"] == "length" else f"ended by {row['finish_reason']}"
        )
    if row.get("draws_total"):
        right = f", {row['correct_total']} of them correct" if row.get("correct_total") is not None else ""
        about.append(f"chosen from {row['draws_total']} draws{right}")
    yield page.line(", ".join(about), 2)
    for path, kind, judged in item.judgements:
        several = sum(other[1] == kind for other in item.judgements) > 1
        yield f"  {_judged(page, kind, judged)}" + (page.faint(f"  ({path})") if several else "") + "\n"
        yield from _details(page, judged, 4)
    if row.get("error"):
        yield page.warning(f"  error: {row['error']}")
    if item.encoder is not None and row.get("token_ids"):
        yield from shaded_block(page, item.encoder, row, 2)
    else:
        yield from page.block("text", row["text"] if row.get("text") is not None else "(none)", 2)


def _judged(page: Page, kind: str, row: Mapping[str, Any]) -> str:
    """One verdict or score in a line."""
    if kind == "scores":
        return f"score {'none' if row['score'] is None else format(row['score'], '.4g')}"
    parts = [page.verdict(row["verdict"])]
    parts += [f"{name} {short(row[name])}" for name in ("extracted", "expected", "reason") if row.get(name) is not None]
    parts += [f"{row['answer_type']} answer"] if row.get("answer_type") else []
    parts += [f"by {short(row['method'])}"] if row.get("method") else []
    numbers = [("token F1", "token_f1"), *([] if row.get("model_verdict") else [("confidence", "confidence")])]
    parts += [f"{name} {row[column]:.3f}" for name, column in numbers if row.get(column) is not None]
    return ", ".join(parts)


def _details(page: Page, row: Mapping[str, Any], indent: int) -> Iterator[str]:
    """What a verdict keeps beside itself: the opinions of rules and model, remarks, what the model wrote."""
    space = " " * indent
    if row.get("model_verdict") is not None:
        for who in ("rule", "model"):
            if (said := row.get(f"{who}_verdict")) is not None:
                about = [page.verdict(said), *([short(why, 200)] if (why := row.get(f"{who}_reason")) else [])]
                if who == "model" and row.get("confidence") is not None:
                    about.append(f"confidence {row['confidence']:.3f}")
                yield f"{space}{'rules' if who == 'rule' else 'model'}: {', '.join(about)}\n"
    if row.get("marks"):
        yield page.line(f"marks: {'; '.join(map(str, row['marks']))}", indent)
    if row.get("model_text"):
        yield from page.block("the model wrote", row["model_text"], indent)


def _judgement(kind: str) -> Callable[[Page, Shown], Iterator[str]]:
    def lines(page: Page, item: Shown) -> Iterator[str]:
        row = item.row
        yield f"rollout {_id(row['rollout_id'])} of problem {_id(row['problem_id'])}: "
        yield _judged(page, kind, row) + "\n"
        yield from _details(page, row, 2)

    return lines


def _text(page: Page, item: Shown) -> Iterator[str]:
    source = f", source {item.row['source']}" if item.row.get("source") else ""
    yield from page.block(f"text {item.row['text_id']}{source}", item.row["text"], 0)


def _preference(page: Page, item: Shown) -> Iterator[str]:
    for message in item.row["messages"]:
        yield from page.block(str(message["role"]), str(message["content"]), 0)
    for name in ("reference", "chosen", "rejected"):
        if item.row.get(name) is not None:
            yield from page.block(name, item.row[name], 2)


_FORMS: dict[str, Callable[[Page, Shown], Iterator[str]]] = {
    "problems": _problem, "rollouts": _rollout, "verdicts": _judgement("verdicts"), "scores": _judgement("scores"),
    "texts": _text, "preferences": _preference,
}  # fmt: skip


def check_rows(kind: str, where: str | None, joined: Sequence[str]) -> None:
    """Refuse flags about rows where there are none."""
    if KINDS[kind].rows:
        return
    for flag, given in (("--where", where), ("--with", joined)):
        if given:
            raise WrongArtifact(f"{flag} is about rows, but the folder holds a {kind}, which has none: leave it out")
