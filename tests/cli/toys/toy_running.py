"""Where the toys are, what a command line came to, and the type of the `whet` fixture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TOYS = Path(__file__).parent


@dataclass
class Done:
    """A command line that ended."""

    returncode: int
    stdout: str
    stderr: str


Whet = Callable[..., Done]
