"""whet import FILE --out FOLDER: rows of other tools (JSONL, CSV, parquet) as an artifact."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..artifacts import Artifact, Draft, DraftGone, Rollout, SourceFile, Stopped, Weights, WrongArtifact, WrongOption
from ..artifacts.wording import counted
from .options import Runtime

if TYPE_CHECKING:
    from .importing.survey import Reads, Source

VERSION = 1

_JUDGEMENTS = ("verdicts", "scores")


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What a file is and how its columns are read."""

    kind: Literal["auto", "problems", "rollouts", "verdicts", "scores", "texts", "preferences"] = "auto"
    """What to make of the file; auto: pairs and plain texts where it holds such, else problems"""

    preset: Literal["auto", "gsm8k", "qwen-math", "verifierbench", "rewardbench", "trl", "verl", "openai", "whet"] = (
        "auto"
    )
    """A known form; auto guesses columns by their usual names, and knows what whet export wrote"""

    map: list[str] = field(default_factory=list)
    """FIELD=COLUMN, repeatable: question, answer, text, label, score ...; a.b reaches into an object"""

    format: Literal["auto", "jsonl", "csv", "parquet"] = "auto"
    """Form of the file; auto goes by its extension, standard input is jsonl"""

    answer_type: Literal["text", "number", "math", "choice", "boolean", "sequence", "multi", "json"] | None = None
    """How answers are compared, for files that do not say"""

    source: str | None = None
    """Name of the source, for files that do not say"""

    split: Literal["train", "test"] | None = None
    """Split of all problems, for files that do not say"""

    limit: int | None = None
    """Read only the first records of the file"""

    max_bad: Annotated[int, Runtime] = 0
    """Bad rows to leave out, each reported; more fail"""


def resolve(
    options: ImportOptions,
    file: SourceFile,
    tokenizer: Weights | None = None,
    rollouts: Artifact[Rollout] | None = None,
) -> ImportOptions:
    """Settle what the file decides: format, kind, preset, columns.

    Raises:
        WrongOption: the file lacks what the kind needs, or an option does not go with the kind.
    """
    from .importing import fields, native, presets, reading

    if options.limit is not None and options.limit < 1:
        raise WrongOption(f"--limit is {options.limit}, expected at least 1")
    format = reading.format_of(file.path, file.name) if options.format == "auto" else options.format
    head: list[dict[str, Any]] = []
    for unit in reading.units(file.path, format, limit=50):
        head += [record for _, record in reading.read(file.path, format, unit) if isinstance(record, dict)]
    name, kind = options.preset, None if options.kind == "auto" else options.kind
    given = fields.parse_map(options.map)
    if name == "auto" and not given:
        name = presets.recognise(head)
    if presets.PRESETS[name].native:
        kind = kind or next(filter(None, map(native.native_kind, head)), None)
        if given or kind is None:
            raise WrongOption("--preset whet reads rows that whet export wrote: leave --map out, or say --kind")
        mapped: dict[str, str] = {}
    else:
        mapped = fields.choose(head, presets.PRESETS[name], given, kind)
        kind = kind or fields.guess_kind(mapped)
        if head:
            fields.check_needed(kind, mapped, head, presets.PRESETS[name].ranked)
    if tokenizer is not None and kind != "rollouts":
        raise WrongOption(f"--tokenizer encodes rollouts, but {kind} are imported: leave it out")
    if rollouts is not None and kind not in _JUDGEMENTS:
        raise WrongOption(f"--rollouts says what verdicts or scores belong to, but {kind} are imported: leave it out")
    if "rollout_id" in mapped and kind in _JUDGEMENTS and rollouts is None:
        raise WrongOption(f"{mapped['rollout_id']} names the rollouts that {kind} belong to: say --rollouts FOLDER")
    settled = [f"{field}={column}" for field, column in mapped.items()]
    return replace(options, format=format, kind=kind, preset=name, map=settled)  # type: ignore[arg-type]


def import_(
    file: SourceFile,
    rows: Draft[Any],
    options: ImportOptions,
    *,
    tokenizer: Weights | None = None,
    rollouts: Artifact[Rollout] | None = None,
) -> None:
    """Read problems, rollouts, verdicts, scores, texts or preferences of other tools.

    One import makes one artifact. Rollouts, verdicts and scores of one file get the same rollout ids. Every bad row is
    reported with its line and reason.

    Args:
        tokenizer: encodes completions, so that losses can use them
        rollouts: the rollouts that verdicts or scores belong to, where they stand in another file

    Examples:
        whet import gsm8k_test.jsonl --preset gsm8k --out runs/gsm8k
        whet import completions.jsonl --preset qwen-math --kind rollouts --out runs/x/rollouts
        whet import verifierbench.jsonl --kind verdicts --out runs/bench/labels
        whet import reward-bench-2.parquet --preset rewardbench --kind rollouts --out runs/rb2/rollouts
        whet import mine.csv --map question=task --map answer=key --answer-type number --out runs/mine
        zcat big.jsonl.gz | whet import - --out runs/big
    """
    from loguru import logger

    from .importing.survey import Source

    options = resolve(options, file, tokenizer, rollouts)
    _tell(options)
    rows.as_kind(options.kind)
    source = Source(
        file.path, file.name, options.format, _reading(options, _recipe(file, rollouts, options)), options.limit
    )

    try:
        repeats = _import(source, file, rows, options, tokenizer, rollouts)
    except FileNotFoundError as error:
        # The survey lives in the draft; another process that shared this import may have published it meanwhile.
        if str(error.filename).startswith(str(rows.folder)):
            raise DraftGone(f"{rows.folder} was published by another process meanwhile") from error
        raise
    if repeats and options.kind in ("problems", "texts", "preferences"):
        told = counted(repeats, "row repeats", "rows repeat")
        logger.warning(f"{file.name}: {told} an earlier one (whet select --dedupe drops them)")


def _import(
    source: "Source",
    file: SourceFile,
    rows: Draft[Any],
    options: ImportOptions,
    tokenizer: Weights | None,
    rollouts: Artifact[Rollout] | None,
) -> int:
    """Survey the file, write its rows; returns how many repeat an earlier one."""
    from .importing.encoding import RolloutEncoder
    from .importing.survey import survey
    from .importing.writing import distinct_problems, write_chunks

    def looked(records: int) -> None:
        if rows.stop.requested:
            raise Stopped("stopped while looking through the file: run the same command again")
        rows.progress(records, None, "records checked")

    found = survey(source, rows.work, options.max_bad, looked)
    if not found.records:
        raise WrongArtifact(f"{file.spec} holds no records, expected at least one")
    rows.facts.update({"source": file.digest, "source_name": file.name})
    if options.kind in _JUDGEMENTS:
        rows.facts["belongs_to"] = {"source": file.digest} if rollouts is None else {"rollouts": rollouts.digest}
    if options.kind == "rollouts":
        rows.embed_problems(distinct_problems(source, found))
    encoder = RolloutEncoder(tokenizer) if tokenizer is not None else None
    rows.facts.update(encoder.facts if encoder is not None else {})
    known = None
    if rollouts is not None:
        known = {row["rollout_id"]: row["problem_id"] for row in rollouts.rows(["rollout_id", "problem_id"])}
    bad = write_chunks(source, found, rows, options.max_bad, encoder, known)
    rows.facts.update({"records": found.records, "bad_rows": bad, "repeats": found.repeats})
    return found.repeats


def plan(
    options: ImportOptions,
    file: SourceFile,
    tokenizer: Weights | None = None,
    rollouts: Artifact[Rollout] | None = None,
) -> list[str]:
    """What --dry-run adds: how many records and chunks, and the first one as it would be read."""
    from .importing.reading import BadRow, units
    from .importing.survey import Source

    source = Source(
        file.path, file.name, options.format, _reading(options, _recipe(file, rollouts, options)), options.limit
    )
    cut = units(file.path, options.format, options.limit)
    lines = [f"{counted(sum(unit.records for unit in cut), 'record')} in {counted(len(cut), 'chunk')}"]
    for _, line, entry in source.entries(cut[0]) if cut else ():
        row = entry if isinstance(entry, BadRow) else source.reads.rows(entry, 0)[0]
        return [*lines, f"line {line}: {row}"]
    return lines


def _tell(options: ImportOptions) -> None:
    from loguru import logger

    columns = ", ".join(entry.replace("=", " <- ") for entry in options.map)
    logger.info(f"import: {options.kind} from {options.format}" + (f", {columns}" if columns else " of whet export"))
    if (
        options.kind == "problems"
        and options.preset != "whet"
        and not any(e.startswith("answer=") for e in options.map)
    ):
        logger.warning("no column holds a reference answer: these problems cannot be verified (--map answer=COLUMN)")


def _recipe(file: SourceFile, rollouts: Artifact[Rollout] | None, options: ImportOptions) -> str:
    """What rollout ids derive from: the digest of the file that the rollouts came from."""
    named = options.preset == "whet" or any(entry.startswith("rollout_id=") for entry in options.map)
    if rollouts is None or named:
        return file.digest
    source = rollouts.manifest.facts.get("source")
    if not isinstance(source, str):
        raise WrongOption(
            f"{rollouts.path} was not imported, so its rollouts must be named: say --map rollout_id=COLUMN"
        )
    return source


def _reading(options: ImportOptions, recipe: str) -> "Reads":
    from .importing.fields import parse_map
    from .importing.native import NativeReading
    from .importing.presets import PRESETS
    from .importing.rows import Reading

    if options.preset == "whet":
        return NativeReading(kind=options.kind)
    return Reading(
        kind=options.kind, mapped=parse_map(options.map), preset=PRESETS[options.preset], recipe=recipe,
        answer_type=options.answer_type, source=options.source, split=options.split,
    )  # fmt: skip
