"""`whet --help`: one line a command, read from the docstrings without importing the stages."""

import ast
import importlib.util
from collections.abc import Mapping
from pathlib import Path

_HEAD = """\
Sharpen language models with outcome rewards: independent stages that read and write versioned artifact folders.

Usage: whet COMMAND ... --out FOLDER [options]
       whet COMMAND --help

Examples:
  P=$(whet import test.jsonl --preset gsm8k --kind problems --out runs/gsm8k)
  R=$(whet sample $P hub:Qwen/Qwen3-0.6B --rollouts-per-problem 8 --out runs/rollouts)
  V=$(whet verify $R --out runs/verdicts)
  whet eval $R $V --out runs/report
"""

_TAIL = """\
  -h, --help                    Show this help
  -V, --version                 Show the version

Every stage prints the path of the version it made, and nothing else, on standard output. The same command again goes on
where it stopped, or prints what it made. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong input, 4 a quality gate,
75 a draft was kept: run it again, 130 interrupted."""


def overview(stages: Mapping[str, str], tools: Mapping[str, str]) -> str:
    """The help of whet itself."""
    made = [_line(name, summary(module, name.replace("-", "_"))) for name, module in stages.items()]
    looks = [_line(name, summary(*place.split(":"))) for name, place in tools.items()]
    return "\n".join([_HEAD, "Stages:", *made, "", "Look into folders:", *looks, "", "Options:", _TAIL])


def _line(name: str, text: str) -> str:
    return f"  {name:<30}{text}".rstrip()


def summary(module: str, function: str) -> str:
    """The first line of a function's docstring, found in the source: importing every stage takes longer."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return ""
    source = Path(spec.origin).read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name in (function, function + "_"):
            return (ast.get_docstring(node) or "").partition("\n")[0].rstrip(".")
    return ""
