"""What options dataclasses share: marks that the command line and the recipe read, names of variants, checks."""

import re
from collections.abc import Iterable
from typing import Any

from ..artifacts import WrongOption


class _Mark:
    """A marker inside `Annotated[...]`; compared by identity."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


Runtime = _Mark("Runtime")
"""The field cannot change the result beyond rounding: recorded, but not part of the recipe digest."""

Flat = _Mark("Flat")
"""The fields of this group of options get plain flags (`--temperature`, not `--sampling.temperature`)."""

Choice = _Mark("Choice")
"""A dataclass that is a choice of variants although there is only one so far: it is chosen by a flag of its own."""

Later = _Mark("Later")
"""A field of a variant such as auto that is no option but a function: given the variant that the inputs turn out to ask
for, it makes that of the options that were given. Options of all variants may be given beside such a one."""

AS_TOKENS = "  as tokens: "
"""How a line of a plan begins that shows a text token by token."""

TOKEN_MARK = "│"
"""What stands between two tokens there; on a colour terminal colours tell them apart."""


def variant_name(variant: type) -> str:
    """What chooses a variant: `oreal` of `Oreal`, `dr-grpo` of `DrGrpo`, `w-reinforce` of `WReinforce`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", variant.__name__).lower()


def expect(checks: Iterable[tuple[str, Any, bool, str]]) -> None:
    """Refuse the first value that does not hold.

    Args:
        checks: (flag, what was found, whether it holds, what was expected).

    Raises:
        WrongOption: in the form "FLAG is FOUND, expected EXPECTED".
    """
    for flag, found, holds, expected in checks:
        if not holds:
            raise WrongOption(f"{flag} is {found}, expected {expected}")
