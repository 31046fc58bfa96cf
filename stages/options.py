"""Marks on the fields of an options dataclass; the command line and the recipe digest read them."""


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
