"""Where the toys are, and the type of the `whet` fixture."""

import subprocess
from collections.abc import Callable
from pathlib import Path

TOYS = Path(__file__).parent
Whet = Callable[..., subprocess.CompletedProcess[str]]
