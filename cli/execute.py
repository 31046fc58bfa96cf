"""Running a stage: find what its recipe made, or make it and publish it."""

import json
import os
import sys
import time
from contextlib import ExitStack
from typing import Any

from ..artifacts import Artifact, Draft, DraftGone, Stopped, WrongArtifact, WrongOption
from ..artifacts.files import read_json, write_json
from ..artifacts.leases import holder, live_workers
from ..artifacts.publishing import find, published
from ..artifacts.records import KINDS
from ..artifacts.wording import counted
from . import log
from .failing import drop_untouched, fail, named_log
from .progress import Reporter, duration
from .run import Run
from .signals import Listener, listening
from .standard import protected_stdout

GATED = 4


def execute(run: Run) -> int:
    """Run a stage and print the path of what it made.

    Returns:
        the exit code (design: 0, 1, 2, 3, 4, 75; a signal before there is a draft leaves with 130).
    """
    leads = run.here.leads
    reporter = Reporter(quiet=run.running.quiet or not leads)
    level = "DEBUG" if run.running.verbose else "WARNING" if run.running.quiet else "INFO"
    log.start(level if leads else "ERROR", reporter.write, "" if leads else f"process {run.here.rank}: ")
    with ExitStack() as stack:
        stack.callback(reporter.close)
        stack.callback(run.close)
        listener = stack.enter_context(listening(run.stop, run.running.grace_seconds, run.here))
        try:
            run.prepare()
            if run.main.file:
                return _make_file(run)
            artifact = _finished(run)
            if artifact is None:
                artifact = _make(run, reporter, listener)
                reporter.close()
            if artifact is None:
                return GATED if any(draft.gates for draft in run.drafts.values()) else 0
            return _show(run, artifact)
        except DraftGone as gone:
            reporter.close()
            artifact = _made_by_another(run)
            if artifact is not None:
                return _show(run, artifact)
            return fail(run, gone)
        except Exception as error:  # noqa: BLE001 - the last place: every error becomes one line and an exit code
            reporter.close()
            return fail(run, error)


def _finished(run: Run) -> Artifact[Any] | None:
    """The version this recipe made before."""
    from loguru import logger

    artifact = None if run.running.again else find(run.out(run.main), run.recipe(run.main))
    if artifact is not None:
        logger.info(f"{artifact.path} was made by this command before: nothing to do (--again makes a new version)")
    return artifact


def _made_by_another(run: Run) -> Artifact[Any] | None:
    """The version that another process made of our draft, once it has published it."""
    while not run.stop.requested:
        artifact = find(run.out(run.main), run.recipe(run.main))
        publisher = holder(run.folder(run.main) / "work" / "leases" / "publish.json")
        if artifact is not None or publisher is None or not publisher["alive"]:
            return artifact or find(run.out(run.main), run.recipe(run.main))
        time.sleep(0.1)
    return None


def _make(run: Run, reporter: Reporter, listener: Listener) -> Artifact[Any] | None:
    """Make every output and publish it; None where another process of a training does that."""
    if run.running.finish:
        _check_finish(run)
    _warn_threads(run)
    listener.keeps_draft = True
    complete = _completed(run)
    for output in run.wanted:
        if complete is None or run.folder(output).is_dir():
            draft = Draft.create(run.out(output), **run.declared(output), stop=run.stop, leads=run.here.leads)
            draft.progress = reporter.update  # type: ignore[method-assign]
            draft.finishing = run.running.finish
            run.drafts[output.name] = draft
    # Another process may have published between the look and the creation: then these drafts are empty new ones.
    late = None if run.running.again else published(run.out(run.main), run.recipe(run.main))
    if late is not None and run.here.leads:
        drop_untouched(run)
        run.drafts.clear()
    if late is not None:
        return late
    run.logfile = log.LogFile(run.drafts[run.main.name].folder)
    _note_start(run)
    if complete is None:
        arguments: dict[str, Any] = {output.name: run.drafts.get(output.name) for output in run.stage.outputs}
        if run.stage.options is not None:
            arguments["options"] = run.options
        with protected_stdout():
            run.stage.function(**run.inputs, **arguments)
        if run.running.finish and not any((run.drafts[run.main.name].folder / "data").glob("part-*")):
            raise WrongArtifact(f"{run.out(run.main)} has no finished rows to publish: run it without --finish")
        if run.here.leads and len(run.drafts) > 1:
            _keep_completed(run)
    else:
        for name, draft in run.drafts.items():
            draft.facts.update(complete[name]["facts"])
            for gate, message in complete[name]["gates"].items():
                draft.gate(gate, message)
    if not run.here.leads:
        return None
    made = [run.drafts[output.name].publish() for output in run.wanted if output.name in run.drafts]
    return made[-1]


def _completed(run: Run) -> dict[str, Any] | None:
    """What a killed process kept when the stage was done and only some of its outputs were published."""
    path = run.folder(run.main) / "work" / "completed.json"
    return read_json(path) if path.exists() else None


def _keep_completed(run: Run) -> None:
    """Several outputs are published one after the other: note that the stage itself is done."""
    kept = {name: {"facts": draft.facts, "gates": draft.gates} for name, draft in run.drafts.items()}
    write_json(run.drafts[run.main.name].work / "completed.json", kept)


def _check_finish(run: Run) -> None:
    """Refuse `--finish` where there is nothing to finish, or somebody is still at work."""
    folder = run.folder(run.main)
    if run.main.kinds and not any(KINDS[kind].rows for kind in run.main.kinds):
        made = " or ".join(run.main.kinds)
        raise WrongOption(f"--finish publishes rows, but whet {run.stage.name} makes a {made}: leave it out")
    if not folder.is_dir():
        raise WrongArtifact(f"{run.out(run.main)} holds no draft of this command: run it without --finish")
    if workers := live_workers(folder / "work" / "leases"):
        who = ", ".join(f"{worker.get('pid')} on {worker.get('host')}" for worker in workers)
        raise Stopped(f"{folder} is being worked on by process {who}: stop it first, or wait")


def _note_start(run: Run) -> None:
    from loguru import logger

    from ..artifacts.provenance import mask_arguments

    logger.debug(f"command: {' '.join(mask_arguments(sys.argv))}")
    logger.debug(f"recipe: {run.drafts[run.main.name].recipe}")
    for name, value in run.declared(run.main)["options"].items():
        logger.debug(f"option {name}: {value}")


def _warn_threads(run: Run) -> None:
    """Two OpenMP threads on a contended core are several times slower than one."""
    from loguru import logger

    models = [run.inputs[item.name] for item in run.stage.positionals if item.form == "weights"]
    if not any(model.engine == "model" for model in models) or not hasattr(os, "sched_getaffinity"):
        return
    cores = len(os.sched_getaffinity(0))
    threads = os.environ.get("OMP_NUM_THREADS", "")
    wanted = int(threads) if threads.isdigit() else cores
    free = max(1, round(cores - os.getloadavg()[0]))
    if wanted > free:
        logger.warning(
            f"{wanted} threads on {cores} cores, of which about {free} are free: OMP_NUM_THREADS={free} may be faster"
        )


def _make_file(run: Run) -> int:
    """A stage that writes a plain file."""
    path = run.out(run.main)
    arguments = {} if run.stage.options is None else {"options": run.options}
    with protected_stdout():
        run.stage.function(**run.inputs, **arguments, **{run.main.name: path})
    _print(json.dumps({"path": str(path)}) if run.running.json else str(path))
    return 0


def _show(run: Run, artifact: Artifact[Any]) -> int:
    """Print the path of a version; say what it holds, whether a newer one exists, whether a gate marked it."""
    from loguru import logger

    manifest = artifact.manifest
    if run.drafts:
        rows = f"{counted(manifest.rows, 'row')}, " if manifest.rows is not None else ""
        counts = ", ".join(f"{name} {_number(value)}" for name, value in manifest.counts.items())
        logger.info(f"{artifact.path}: {manifest.kind}, {rows}{duration(manifest.seconds)}{counts and f'; {counts}'}")
    newest = Artifact.open(run.out(run.main))
    if newest.manifest.version > manifest.version:
        logger.warning(f"{newest.path} is newer than {artifact.path}, which this command made")
    if manifest.incomplete:
        done = manifest.incomplete
        logger.warning(f"{artifact.path} is incomplete ({done['done']} of {done['chunks']} chunks)")
    stats = {**({"rows": manifest.rows} if manifest.rows is not None else {}), **manifest.counts}
    shown = {"path": str(artifact.path), "version": manifest.version, "digest": artifact.digest, "stats": stats}
    if run.here.leads:
        _print(json.dumps(shown, ensure_ascii=False) if run.running.json else str(artifact.path))
    for name, message in manifest.gates.items():
        marked = f"{artifact.path} is marked (--accept-gated reads it)"
        logger.error(f"gate {name}: {message}: {marked}{named_log(run, artifact.path)}")
    return GATED if manifest.gates else 0


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _print(line: str) -> None:
    """The one thing that goes to standard output; under torchrun the first process says it for all."""
    if os.environ.get("RANK", "0") == "0":
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
