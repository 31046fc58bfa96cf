"""`whet lineage`: what an artifact was made from, as a tree, as JSON or as a Mermaid graph."""

from collections.abc import Iterator
from typing import Any

from ..artifacts.lineage import Node, ancestors
from ..artifacts.records import KINDS
from ..artifacts.wording import counted
from .readable import short, visible


def tree(root: Node) -> Iterator[str]:
    """One line a node, inputs below what was made from them; what was shown before is not opened again."""
    shown: set[int] = set()

    def below(node: Node, stem: str) -> Iterator[str]:
        for number, (role, child) in enumerate(node.inputs):
            last = number == len(node.inputs) - 1
            again = id(child) in shown and bool(child.inputs)
            branch, note = "└─ " if last else "├─ ", "  (see above)" if again else ""
            yield f"{stem}{branch}{visible(role)}: {_label(child)}{note}\n"
            if id(child) not in shown:
                shown.add(id(child))
                yield from below(child, stem + ("   " if last else "│  "))

    shown.add(id(root))
    yield _label(root) + "\n"
    yield from below(root, "")


def _label(node: Node) -> str:
    name = visible(place_of(node))
    if node.manifest is None:
        return f"{name}  ({node.kind} {node.digest[:12]}{', not found' if node.kind in KINDS else ''})"
    made = [node.kind, f"whet {node.manifest.stage}"]
    if node.manifest.rows is not None:
        made.insert(1, counted(node.manifest.rows, "row"))
    if node.manifest.tombstone:
        made.append("payload dropped")
    return f"{name}  ({visible(', '.join(made))})"


def place_of(node: Node) -> str:
    """Where a node lies, or where it lay when it was read."""
    return str(node.path) if node.path is not None else node.hint or node.digest[:12]


def record(root: Node) -> dict[str, Any]:
    """The graph as JSON: nodes by number, the artifact asked for first."""
    numbers = {id(node): number for number, node in enumerate(ancestors(root))}
    nodes = []
    for node in ancestors(root):
        manifest = node.manifest
        nodes.append(
            {
                "path": place_of(node), "found": node.path is not None, "kind": node.kind, "digest": node.digest,
                "stage": manifest.stage if manifest else None, "rows": manifest.rows if manifest else None,
                "options": manifest.options if manifest else None,
                "inputs": [{"role": role, "node": numbers[id(child)]} for role, child in node.inputs],
            }
        )  # fmt: skip
    return {"nodes": nodes}


def mermaid(root: Node) -> Iterator[str]:
    """The graph in Mermaid's notation, from inputs to what was made of them."""
    numbers = {id(node): number for number, node in enumerate(ancestors(root))}
    yield "graph TD\n"
    for node in ancestors(root):
        stage = f"<br>whet {_quoted(node.manifest.stage)}" if node.manifest else ""
        yield f'  n{numbers[id(node)]}["{_quoted(place_of(node))}<br>{_quoted(node.kind)}{stage}"]\n'
    for node in ancestors(root):
        for role, child in node.inputs:
            yield f'  n{numbers[id(child)]} -->|"{_quoted(role)}"| n{numbers[id(node)]}\n'


def _quoted(text: str) -> str:
    """Text inside a label: what Mermaid would read as notation is written as entities."""
    entities = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;"}
    return "".join(entities.get(character, character) for character in short(text, 200))
