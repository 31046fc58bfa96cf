"""`whet diff`: in what two artifacts differ, from their manifests and, of reports, their metrics."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..artifacts import Artifact
from ..artifacts.folder import resolve
from ..artifacts.manifest import Manifest
from .page import Page
from .readable import short
from .showing import report_metrics

ABSENT = "(absent)"
SECTIONS = ("made", "options", "runtime", "inputs", "counts", "facts", "metrics", "code")


def differences(first: str, second: str) -> dict[str, Any]:
    """What differs, by section: name -> [in the first, in the second]; only what differs is there.

    Raises:
        WrongArtifact: one of them is no artifact.
    """
    paths = [resolve(path) for path in (first, second)]
    manifests = [Manifest.read(path) for path in paths]
    described = [_described(manifest) for manifest in manifests]
    for sections, path, manifest in zip(described, paths, manifests, strict=True):
        if manifest.kind == "report" and not manifest.tombstone:
            sections["metrics"] = flat(report_metrics(Artifact.open(path).path).get("metrics", {}))
    found: dict[str, Any] = {
        "paths": [str(path) for path in paths],
        "same_content": manifests[0].digest == manifests[1].digest,
        "same_recipe": manifests[0].recipe == manifests[1].recipe,
    }
    for section in SECTIONS:
        pair = [sections.get(section, {}) for sections in described]
        names = list(dict.fromkeys([*pair[0], *pair[1]]))
        found[section] = {
            name: [side.get(name, ABSENT) for side in pair]
            for name in names
            if pair[0].get(name, ABSENT) != pair[1].get(name, ABSENT)
        }
    return found


def _described(manifest: Manifest) -> dict[str, dict[str, Any]]:
    inputs: dict[str, list[str]] = {}
    for item in manifest.inputs:
        inputs.setdefault(item.role, []).append(f"{item.path or item.kind} {item.digest[:12]}")
    environment = manifest.environment
    return {
        "made": {
            "kind": manifest.kind, "stage": manifest.stage, "stage_version": manifest.stage_version,
            "created": manifest.created, "seconds": manifest.seconds, "rows": manifest.rows,
            "bytes": sum(file.size for file in manifest.files), "gates": manifest.gates or None,
            "incomplete": manifest.incomplete,
        },
        "options": flat(manifest.options),
        "runtime": flat(manifest.runtime),
        "inputs": {role: ", ".join(items) for role, items in inputs.items()},
        "counts": flat(manifest.counts),
        "facts": flat(manifest.facts),
        "code": flat({"commit": environment.get("commit"), "packages": environment.get("packages") or {}}),
    }  # fmt: skip


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {prefix + name: value}
    return found


def page_of(page: Page, found: Mapping[str, Any]) -> Iterator[str]:
    """The differences as text."""
    first, second = found["paths"]
    yield page.title(f"- {first}") + page.title(f"+ {second}")
    same = "the same content" if found["same_content"] else "different content"
    yield page.line(f"{same}, {'the same recipe' if found['same_recipe'] else 'different recipes'}")
    for section in SECTIONS:
        values = found[section]
        if not values:
            continue
        yield "\n" + page.style(section, bold=True) + "\n"
        column = min(40, max(len(name) for name in values))
        for name, (before, after) in values.items():
            yield f"  {short(name):<{column}}  - {page.style(short(_text(before), 100), fg='red')}\n"
            shown = page.style(short(_text(after), 100), fg="green")
            change = _change(before, after)
            yield f"  {'':<{column}}  + {shown}{change}\n"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None else str(value)


def _change(before: Any, after: Any) -> str:
    """How much a number changed."""
    numbers = [value for value in (before, after) if isinstance(value, int | float) and not isinstance(value, bool)]
    return f"  ({numbers[1] - numbers[0]:+.6g})" if len(numbers) == 2 else ""
