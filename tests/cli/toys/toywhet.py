"""`whet` with some small commands of its own: what the tests of the command line run."""

import sys
from pathlib import Path

import click

from whet.cli import main

STAGES = {name: f"toy_{name}" for name in ("write", "join", "tune", "slow", "fork")}
TOOLS = {"yes": "toywhet:yes"}


@click.command()
def yes() -> None:
    """Say yes until nobody listens."""
    while True:
        click.echo("yes" * 1000)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main.STAGES.update(STAGES)
    main.TOOLS.update(TOOLS)
    main.entry()
