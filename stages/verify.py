"""whet verify ROLLOUTS --out FOLDER: give every rollout a verdict, by rules, by a verifier model, or by both."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

from ..artifacts import Artifact, Chunk, Draft, Problem, Rollout, SourceFile, Stopped, Verdict, Weights, WrongOption
from .cascade import counts_of
from .deciding import By, Cascade, Decide, Model, Rules, deciding, resolve_by
from .options import Runtime, expect
from .verdict_rows import RowsToVerify
from .verdict_summary import close_gates, tell

if TYPE_CHECKING:
    from .verifiers.asking import Asking

VERSION = 2


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """How verdicts are given."""

    by: By = field(default_factory=Rules)
    """rules: the final answer is compared; model: a verifier is asked; cascade: both; program: as it was written"""

    max_unknown: Annotated[float, Runtime] = 0.05
    """Share of unknown verdicts above which the gate closes (exit 4)"""

    max_broken: Annotated[float, Runtime] = 0.05
    """Share of broken problems (invalid: problem) above which the gate closes (exit 4)"""

    def __post_init__(self) -> None:
        shares = {"--max-unknown": self.max_unknown, "--max-broken": self.max_broken}
        expect((flag, share, 0 <= share <= 1, "a share from 0 to 1") for flag, share in shares.items())


def verify(
    rollouts: Artifact[Rollout] | Artifact[Problem],
    verdicts: Draft[Verdict],
    options: VerifyOptions,
    *,
    verifier: Annotated[Weights | None, "server"] = None,
    server: Annotated[Weights | None, "server"] = None,
    prompt: SourceFile | None = None,
    retry_unknown: Artifact[Verdict] | None = None,
    adapter: Annotated[Weights | None, "adapter"] = None,
) -> None:
    """Give every rollout a verdict: correct, incorrect, invalid or unknown.

    By rules the final answer (the last box, else what follows a final-answer phrase) is compared with the problem's
    reference, by answer type. Comparisons that hang or fail are unknown, with the reason, and never count as wrong.
    By model a verifier such as CompassVerifier labels each rollout. The cascade asks it where rules reject or cannot
    read, and keeps both opinions. By program the cases of `whet problems meta-patterns` get the label they were made
    with. Given problems, the references are checked against themselves.

    Args:
        rollouts: Rollouts, or problems whose references are to be checked
        verifier: The verifier model, for --by model and --by cascade
        server: The same by its URL: http://HOST:PORT/v1#MODEL, an OpenAI-compatible server
        prompt: What the verifier is asked, with {question}, {reference} and {completion}
        retry_unknown: Verdicts of these rollouts: their known ones are kept, the unknown ones are given anew
        adapter: Folder of a LoRA adapter (whet train-rm --lora.rank, peft) that the verifier is asked with

    Examples:
        whet verify runs/x/rollouts --out runs/x/verdicts
        whet verify runs/x/problems --out runs/x/checked
        whet verify runs/x/rollouts --by model --verifier hub:opencompass/CompassVerifier-3B --out runs/x/verdicts
        whet verify runs/x/rollouts --by cascade --server http://localhost:8000/v1#verifier --out runs/x/verdicts
    """
    rows = RowsToVerify(rollouts, retry_unknown)
    verdicts.facts["belongs_to"] = rows.belongs_to()
    verdicts.facts["stop_rule"] = rollouts.manifest.facts.get("stop_rule", "fixed")
    asked = _asked(verifier or server, adapter)
    if isinstance(options.by, Model | Cascade) and asked is not None:
        verdicts.facts["verifier"] = verifier_facts(options.by.asking, asked, prompt)
    allowed = options.by.asking.allow_failed if isinstance(options.by, Model | Cascade) else 0.0
    done = 0
    with deciding(options.by, asked, prompt, lambda: verdicts.stop.requested) as decide:
        for chunk in verdicts.chunks([{"part": part.name} for part in rollouts.parts]):
            done += len(chunk.done)
            for _ in verify_part(chunk, rows, decide, verdicts, allowed):
                done += 1
                verdicts.progress(done, len(rows))
    tell(verdicts)
    close_gates(verdicts, options.max_unknown, options.max_broken)


def resolve(
    options: VerifyOptions,
    rollouts: Artifact[Any],
    verifier: Weights | None = None,
    server: Weights | None = None,
    prompt: SourceFile | None = None,
    retry_unknown: Artifact[Verdict] | None = None,
    adapter: Weights | None = None,
) -> VerifyOptions:
    """Fill in what auto means for the verifier; refuse what is not read."""
    if verifier is not None and server is not None:
        raise WrongOption("--verifier and --server name a verifier each, expected one of them")
    if server is not None and server.engine != "server":
        raise WrongOption(f"--server is {server.spec}, expected http://HOST:PORT/v1#MODEL")
    if rollouts.kind == "problems" and not isinstance(options.by, Rules):
        raise WrongOption("--by: references are checked against themselves by rules, leave it out for problems")
    return replace(options, by=resolve_by(options.by, _asked(verifier or server, adapter), prompt))


def plan(
    options: VerifyOptions,
    rollouts: Artifact[Any],
    verifier: Weights | None = None,
    server: Weights | None = None,
    prompt: SourceFile | None = None,
    retry_unknown: Artifact[Verdict] | None = None,
    adapter: Weights | None = None,
) -> list[str]:
    """What --dry-run adds: what a verifier is asked about the first rollout. Imports no torch."""
    asked = _asked(verifier or server, adapter)
    if not isinstance(options.by, Model | Cascade) or asked is None:
        return []
    from .cascade import case_of
    from .verifiers.asking import settings_of

    problems = rollouts.problems()
    settings = settings_of(asked, options.by.asking, prompt)
    lines = []
    for row in rollouts.head(1).rows(["problem_id", "text"]):
        text = settings.prompt.render(case_of(row["text"], problems[row["problem_id"]]))
        lines += ["asked about the first rollout", *(f"  {line}" for line in text.splitlines())]
    return lines


def _asked(verifier: Weights | None, adapter: Weights | None) -> Weights | None:
    """The verifier with its adapter.

    Raises:
        WrongOption: an adapter alone, or of a server.
    """
    if verifier is None and adapter is not None:
        raise WrongOption("--adapter is of a verifier: give the model it was trained on, as --verifier")
    return verifier if verifier is None else verifier.adapted(adapter)


def verify_part(
    chunk: Chunk[Verdict], rows: RowsToVerify, decide: Decide, verdicts: Draft[Verdict], allow_failed: float
) -> Any:
    """Give the rows of one part their verdicts; yields once a row that was written.

    Raises:
        Stopped: a stop was requested, or a server did not answer for more rows than `allow_failed`; what is done is
            kept, the rows left are done by the next run.
    """
    done = set(chunk.done)
    for order, row in rows.settled(chunk.index, done):
        chunk.write(row, order, counts_of(row))
        done.add(order)
        yield
    failed: dict[int, dict[str, Any]] = {}
    for decision in decide(rows.items(chunk.index, done)):
        row = rows.finished(decision.key, decision.fields)
        if decision.failed:
            failed[decision.key] = row
        else:
            chunk.write(row, decision.key, counts_of(row))
            done.add(decision.key)
            yield
    if verdicts.stop.requested:
        chunk.release()
        raise Stopped("stopped between two rows: the draft is kept, run the same command again")
    if len(failed) > allow_failed * (len(done) + len(failed)):
        chunk.release()
        reason = next(iter(failed.values()))["reason"]
        raise Stopped(
            f"{len(failed):,} of {len(done) + len(failed):,} rows of a part could not be asked ({reason}): "
            "the others are kept, run the same command again, or give --allow-failed SHARE"
        )
    for order, row in failed.items():
        chunk.write(row, order, counts_of(row))
        yield


def verifier_facts(asking: Asking, verifier: Weights, prompt: SourceFile | None) -> dict[str, Any]:
    """What the manifest says of the model that was asked."""
    from .verifiers.asking import settings_of

    settings, adapter = settings_of(verifier, asking, prompt), verifier.adapter
    facts = {
        "spec": verifier.spec, "digest": verifier.digest, "mode": asking.mode_name, "labels": dict(settings.labels),
        "prompt": settings.prompt.text,
    }  # fmt: skip
    return facts if adapter is None else {**facts, "adapter": {"spec": adapter.spec, "digest": adapter.digest}}
