"""Text for a terminal or a pipe: wrapped, indented, coloured where wanted, and nothing in it steers a terminal."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from .readable import visible

_VERDICT_COLOURS = {"correct": "green", "incorrect": "red", "invalid": "magenta", "unknown": "yellow"}


class Page:
    """Makes lines of a given width.

    Args:
        colour: whether styles are written.
        width: of the text, in characters.
    """

    def __init__(self, colour: bool | None = None, width: int | None = None) -> None:
        self.colour = _wants_colour() if colour is None else colour
        self.width = width or max(40, shutil.get_terminal_size((100, 40)).columns)

    def style(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self.colour else text

    def title(self, text: str) -> str:
        return self.style(visible(text), bold=True) + "\n"

    def line(self, text: str, indent: int = 0) -> str:
        return "".join(f"{line}\n" for line in self.wrapped(text, indent))

    def warning(self, text: str) -> str:
        return self.style(self.line(text).rstrip("\n"), fg="yellow") + "\n"

    def verdict(self, verdict: str) -> str:
        return self.style(visible(verdict), fg=_VERDICT_COLOURS.get(verdict), bold=True)

    def faint(self, text: str) -> str:
        return self.style(visible(text), dim=True)

    def section(self, title: str, values: Mapping[str, Any]) -> Iterator[str]:
        """A heading and aligned names and values; nothing when there are none."""
        if not values:
            return
        yield "\n" + self.style(title, bold=True) + "\n"
        names = {name: visible(str(name)) for name in values}
        column = min(40, max(len(name) for name in names.values()))
        for name, value in values.items():
            text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            first, *rest = self.wrapped(text, column + 4) or [""]
            yield f"  {names[name]:<{column}}  {first.strip()}\n"
            yield from (f"{line}\n" for line in rest)

    def block(self, label: str, text: str, indent: int = 2) -> Iterator[str]:
        """A labelled text of several lines."""
        yield " " * indent + self.faint(label) + "\n"
        yield from (f"{line}\n" for line in self.wrapped(text, indent + 2))

    def wrapped(self, text: str, indent: int = 0) -> list[str]:
        """Lines that fit, their own line breaks kept."""
        space, lines = " " * indent, []
        for line in visible(text).split("\n"):
            cut = textwrap.wrap(
                line, max(20, self.width - indent), replace_whitespace=False, drop_whitespace=False,
                break_on_hyphens=False,
            )  # fmt: skip
            # Blanks at the start of a line are the writer's, at the start of its continuations the wrapping's.
            pieces = [piece.lstrip(" ") if number else piece for number, piece in enumerate(cut)]
            lines += [(space + piece.rstrip()) if piece.strip() else "" for piece in pieces or [""]]
        return lines


def _wants_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def print_page(lines: Iterable[str], colour: bool) -> None:
    """Through a pager on a terminal, plain when piped."""
    if sys.stdout.isatty():
        click.echo_via_pager(lines, color=colour)
        return
    for line in lines:
        sys.stdout.write(line)
