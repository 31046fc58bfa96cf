"""`whet show`: a manifest in words, then rows, a model's sizes or a report's numbers."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..artifacts import KINDS, Artifact, WrongArtifact
from ..artifacts.folder import drafts as drafts_of
from ..artifacts.manifest import Manifest
from ..artifacts.wording import counted
from .drafts import DraftState, read_draft
from .page import Page
from .readable import age_of, age_text, short, size_text

_CONFIG = (
    "architectures", "model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "head_dim", "vocab_size", "max_position_embeddings", "tie_word_embeddings", "num_labels",
    "dtype", "torch_dtype",
)  # fmt: skip

_ADAPTER = ("peft_type", "base_model_name_or_path", "r", "lora_alpha", "lora_dropout", "target_modules")


def manifest_page(page: Page, artifact: Artifact[Any]) -> Iterator[str]:
    """What a version is and where it came from, in words."""
    manifest = artifact.manifest
    yield page.title(str(artifact.path))
    yield page.line(_sentence(manifest))
    if manifest.tombstone:
        yield page.warning(f"Its payload was dropped: {manifest.tombstone}.")
    for name, message in manifest.gates.items():
        yield page.warning(f"Stopped by the gate {name}: {message}.")
    if manifest.incomplete:
        done = manifest.incomplete
        yield page.warning(f"Incomplete: {done['done']} of {done['chunks']} chunks were done.")
    for state in drafts_beside(artifact.path):
        yield page.line(f"A draft lies beside it: {state.path}, {state.progress}, worked on by {state.crew}.")
    inputs = _inputs(manifest)
    sections = (
        ("inputs", inputs), ("options", _flat(manifest.options)), ("counts", _flat(manifest.counts)),
        ("facts", _flat(manifest.facts)), ("runtime", _flat(manifest.runtime)),
    )  # fmt: skip
    for title, values in sections:
        yield from page.section(title, values)
    yield from page.section("digests", {"content": manifest.digest, "recipe": manifest.recipe})


def _inputs(manifest: Manifest) -> dict[str, str]:
    """The inputs by role; several of one role are numbered."""
    roles = Counter(item.role for item in manifest.inputs)
    seen: Counter[str] = Counter()
    found = {}
    for item in manifest.inputs:
        seen[item.role] += 1
        number = f" {seen[item.role]}" if roles[item.role] > 1 else ""
        found[f"{item.role}{number} ({item.kind})"] = f"{item.path or ''} {item.digest[:12]}".strip()
    return found


def _sentence(manifest: Manifest) -> str:
    parts = [f"{manifest.kind} v{manifest.version}, made by whet {manifest.stage} (version {manifest.stage_version})"]
    age = age_of(manifest.created)
    parts.append(f"{manifest.created}" + (f", {age_text(age)} ago" if age is not None else ""))
    hosts = sorted({str(attempt.get("host")) for attempt in manifest.attempts})
    parts.append(f"in {age_text(manifest.seconds)}" + (f" on {', '.join(hosts)}" if hosts else ""))
    if len(manifest.attempts) > 1:
        parts.append(f"{len(manifest.attempts)} processes worked on it")
    if manifest.rows is not None:
        parts.append(counted(manifest.rows, "row"))
    parts.append(f"{size_text(sum(file.size for file in manifest.files))} in {counted(len(manifest.files), 'file')}")
    return "; ".join(parts) + "."


def draft_page(page: Page, state: DraftState) -> Iterator[str]:
    """What is known of an unfinished artifact."""
    yield page.title(state.path)
    yield page.line(f"A draft of {state.kind or 'an unknown kind'}, begun by whet {state.stage}: {state.progress}.")
    crew = f"Worked on by {state.crew}" if state.workers else f"Nobody works on it, for {age_text(state.idle_seconds)}"
    rate = f"; {state.rows_per_second:,.3g} rows a second in finished chunks" if state.rows_per_second else ""
    rows = f"; {counted(state.rows, 'row')} done" if state.rows is not None else ""
    yield page.line(f"{crew}{rows}{rate}. The same command goes on with it.")
    yield from page.section("options", _flat(state.options))


def drafts_beside(version: Path) -> list[DraftState]:
    """The drafts of the artifact a version belongs to."""
    return [state for path in drafts_of(version.parent) if (state := read_draft(path)) is not None]


def newest_draft(path: Path) -> DraftState | None:
    """The draft a path means, when it holds no version: itself, or the one that changed last."""
    if path.name.startswith(".draft-") and path.is_dir():
        return read_draft(path, detail=True)
    states = [state for draft in drafts_of(path) if (state := read_draft(draft, detail=True)) is not None]
    return min(states, key=lambda state: state.idle_seconds, default=None)


def model_page(page: Page, artifact: Artifact[Any]) -> Iterator[str]:
    """A model's configuration and size, from config.json and the headers of its weights."""
    yield from page.section("model", model_sizes(artifact.path))


def model_sizes(folder: Path) -> dict[str, Any]:
    """The configuration's main entries and the number of stored parameters by precision; of an adapter too."""
    from math import prod

    from ..stages.models import stored_tensors

    file = folder / "adapter_config.json"
    entries = _ADAPTER if file.exists() else _CONFIG
    file = file if file.exists() else folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WrongArtifact(f"{file} cannot be read ({error}): check the folder (whet check)") from error
    found = {name: config[name] for name in entries if config.get(name) is not None}
    totals: dict[str, int] = {}
    for dtype, shape in stored_tensors(folder).values():
        totals[dtype] = totals.get(dtype, 0) + prod(shape)
    found["parameters"] = sum(totals.values())
    found["precision"] = ", ".join(f"{dtype} {count:,}" for dtype, count in sorted(totals.items()))
    return found


def report_metrics(folder: Path) -> dict[str, Any]:
    """The metrics of a report."""
    try:
        return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WrongArtifact(f"{folder}/metrics.json cannot be read ({error}): check it (whet check)") from error


def report_page(page: Page, artifact: Artifact[Any]) -> Iterator[str]:
    """Every metric with its interval, and the comparison where there is one."""
    payload = report_metrics(artifact.path)
    for title, metrics in payload.items():
        if isinstance(metrics, dict) and metrics and all(_is_metric(value) for value in metrics.values()):
            yield from page.section(title, {name: _metric(value) for name, value in metrics.items()})


def _is_metric(value: Any) -> bool:
    return isinstance(value, dict) and ("value" in value or isinstance(value.get("difference"), dict))


def _metric(value: dict[str, Any]) -> str:
    if "value" not in value:
        return f"difference {_metric(value['difference'])}"
    shown = _number(value["value"])
    if "against" in value:  # the ends are those of the difference
        shown += f" against {_number(value['against'])}, difference {_number(value['difference'])}"
    if value.get("low") is not None and value.get("high") is not None:
        shown += f"  [{_number(value['low'])}, {_number(value['high'])}]"
    difference = value.get("difference")
    return shown + (f"  difference {_metric(difference)}" if isinstance(difference, dict) else "")


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def record(artifact: Artifact[Any]) -> dict[str, Any]:
    """A version as JSON: its manifest, and what a model or a report holds."""
    found: dict[str, Any] = {"path": str(artifact.path), "manifest": asdict(artifact.manifest)}
    if not artifact.manifest.tombstone:
        if artifact.kind in ("policy", "reward-model", "verifier"):
            found["model"] = model_sizes(artifact.path)
        elif artifact.kind == "report":
            found["report"] = report_metrics(artifact.path)
    return found


def body_page(page: Page, artifact: Artifact[Any]) -> Iterator[str]:
    """What a version holds that is no rows."""
    if artifact.kind in ("policy", "reward-model", "verifier"):
        yield from model_page(page, artifact)
    elif artifact.kind == "report":
        yield from report_page(page, artifact)
    if not KINDS[artifact.kind].rows:
        files = {file.path: size_text(file.size) for file in artifact.manifest.files}
        yield from page.section("files", files)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values by dotted names, each on one line; a short list stays one."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = short("none" if value is None else value, 200)
    return found
