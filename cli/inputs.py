"""From the words of the command line to what a stage reads: artifacts, weights, files."""

from pathlib import Path
from typing import Any

from ..artifacts import KINDS, Artifact, SourceFile, Weights, WrongArtifact, WrongOption
from ..artifacts.weights import MODEL_KINDS
from .running import Running, limited_input
from .signature import Input, Stage
from .suggest import hint


def open_inputs(stage: Stage, words: dict[str, Any], running: Running) -> dict[str, Any]:
    """Everything a stage reads, by parameter name.

    Args:
        words: what the command line says: a text, a list of texts, or None, by parameter name.

    Raises:
        WrongOption: a word is not one of its choices.
        WrongArtifact: an input cannot be read.
    """
    opened: dict[str, Any] = {}
    for item in stage.inputs:
        given = words.get(item.name)
        if item.many:
            opened[item.name] = [_open(item, word, running) for word in given] if given else None
        else:
            opened[item.name] = None if given is None else _open(item, given, running)
    limited = limited_input(stage)
    if running.limit is not None and limited is not None:
        if running.limit < 1:
            raise WrongOption(f"--limit is {running.limit}, expected at least 1")
        opened[limited] = _shortened(opened[limited], running.limit)
    return opened


def _shortened(opened: Any, limit: int) -> Any:
    """The first rows of an artifact, or of several put together."""
    if not isinstance(opened, list):
        return opened.head(limit)
    kept = []
    for artifact in opened:
        if limit > 0:
            kept.append(artifact.head(limit))
            limit -= len(kept[-1])
    return kept


def _open(item: Input, word: str, running: Running) -> Any:
    if item.form == "word":
        if item.choices and word not in item.choices:
            raise WrongOption(f"{item.label} is {word!r}, expected {item.described}{hint(word, item.choices)}")
        return word
    if item.form == "file":
        return SourceFile(word)
    gated, incomplete = running.accept_gated, running.accept_incomplete
    if item.form == "weights":
        weights = Weights(word, item.kinds, running.trust_remote_code)
        if weights.artifact is not None:
            Artifact.open(weights.artifact.path, MODEL_KINDS, gated, incomplete)
        return weights
    kinds = item.kinds or tuple(KINDS)
    if Path(word).is_file() and Path(word).name != "manifest.json":
        raise WrongArtifact(_import_line(word, kinds))
    return Artifact.open(word, kinds, gated, incomplete, flag=item.label)


def _import_line(word: str, kinds: tuple[str, ...]) -> str:
    """A file where an artifact is expected: say how to import it."""
    rows = [kind for kind in kinds if KINDS[kind].rows]
    if not rows:
        return f"{word} is a file, expected a folder of {' or '.join(kinds)}"
    kind = f"--kind {rows[0]} " if len(rows) == 1 else ""
    out = Path("runs") / Path(word).name.partition(".")[0]
    return f"{word} is a file, expected an artifact folder: import it first: whet import {word} {kind}--out {out}"
