"""A table of completions with the verdict that the rules must give them, one module a family.

It was written from what verifiers are for and where they are known to fail, not from the rules: a rule that changes has
to leave it as it is. `case.py` says how a case is written.
"""

from . import (
    choices,
    extraction,
    invalids,
    mathematics,
    meta_patterns,
    numbers,
    parts,
    questions,
    statements,
    structures,
    traps,
    words,
    writings,
)
from .case import Case
from .meta_patterns import PATTERNS

__all__ = ["FAMILIES", "PATTERNS", "Case"]

FAMILIES: dict[str, list[Case]] = {
    name: [case._replace(name=f"{name}-{number}") for number, case in enumerate(module.CASES, 1)]
    for name, module in {
        "extraction": extraction,
        "numbers": numbers,
        "mathematics": mathematics,
        "choices": choices,
        "words": words,
        "parts": parts,
        "questions": questions,
        "statements": statements,
        "writings": writings,
        "structures": structures,
        "invalids": invalids,
        "meta-patterns": meta_patterns,
        "traps": traps,
    }.items()
}
