"""Values of options: from the text of a flag or from YAML to the type the stage declared, and to JSON."""

import dataclasses
import math
import re
import types
import typing
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from .suggest import hint

_NAMES = {
    int: "an integer",
    float: "a number",
    Fraction: "a fraction",
    str: "text",
    Path: "a path",
    bool: "true or false",
}
_METAVARS = {int: "INTEGER", float: "NUMBER", Fraction: "FRACTION", str: "TEXT", Path: "PATH", bool: "BOOLEAN"}
# A text is tried as the narrowest type first; anything is a str, so that comes last.
_ORDER = [bool, int, float, Fraction, Path, str]


@dataclass(frozen=True)
class Form:
    """What an option takes.

    Args:
        words: constants (of `Literal`) it may be.
        types: plain types it may have, narrowest first.
        none: whether it may be None ("none" on the command line).
        item: of a list, the form of one entry.
        sequence: list or tuple, where there is an item.
    """

    words: tuple[Any, ...] = ()
    types: tuple[type, ...] = ()
    none: bool = False
    item: "Form | None" = None
    sequence: type = list

    @property
    def boolean(self) -> bool:
        """Whether it is a switch (`--x/--no-x`)."""
        return self.types == (bool,) and not self.words and self.item is None

    @property
    def expected(self) -> str:
        """What may be given, in words."""
        if self.item is not None:
            return f"a list, each {self.item.expected}"
        parts = [spell(word) for word in self.words] + [_NAMES[t] for t in self.types] + ["none"] * self.none
        return " or ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]

    @property
    def metavar(self) -> str:
        """What may be given, in the shape of a usage line."""
        if self.item is not None:
            return self.item.metavar
        words = [spell(word) for word in self.words]
        names = [_METAVARS[t] for t in self.types]
        if len(words) > 1 and not names:
            return "{" + ",".join(words) + "}"
        return "|".join(names + words)


@cache
def form_of(annotation: Any) -> Form:
    """The form of a field's annotation.

    Raises:
        TypeError: an annotation that options cannot have (our mistake, not the user's).
    """
    words: list[Any] = []
    plain: list[type] = []
    none, item, sequence = False, None, list
    for member in members(annotation):
        origin = typing.get_origin(member)
        if origin is Literal:
            words.extend(typing.get_args(member))
        elif member is type(None):
            none = True
        elif origin in (list, tuple):
            item, sequence = form_of(typing.get_args(member)[0]), origin
        elif member in _NAMES:
            plain.append(member)
        else:
            raise TypeError(f"an option cannot be of type {member!r}")
    return Form(tuple(words), tuple(sorted(plain, key=_ORDER.index)), none, item, sequence)


def members(annotation: Any) -> list[Any]:
    """The members of a union (of itself, where it is none), without `Annotated`."""
    if typing.get_origin(annotation) is Annotated:
        return members(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [inner for member in typing.get_args(annotation) for inner in members(member)]
    return [annotation]


def parse(text: str, form: Form) -> Any:
    """The value of one flag.

    Raises:
        ValueError: "expected ...", with the nearest choice.
    """
    for word in form.words:
        if spell(word) == text:
            return word
    if form.none and text.lower() == "none":
        return None
    for wanted in form.types:
        try:
            return _from_text(text, wanted)
        except (ValueError, ZeroDivisionError):
            continue
    raise ValueError(f"expected {form.expected}{hint(text, [spell(word) for word in form.words])}")


def parse_all(texts: list[str], form: Form) -> Any:
    """The value of a flag given several times: a list where the option is one, else the last counts.

    Numbers of a list may also stand in one flag, between commas: no number holds one.
    """
    if form.item is None:
        return parse(texts[-1], form)
    if form.none and [text.lower() for text in texts] == ["none"]:
        return None
    if not {str, Path} & set(form.item.types):
        texts = [piece for text in texts for piece in text.split(",")]
    return form.sequence(parse(text, form.item) for text in texts)


def _from_text(text: str, wanted: type) -> Any:
    if wanted is bool:
        return {"true": True, "false": False, "yes": True, "no": False}[text.lower()] if _is_boolean(text) else _no()
    if wanted is int:
        return int(text.replace("_", "")) if re.fullmatch(r"[+-]?\d[\d_]*", text) else _no()
    if wanted is float:
        number = float(text)
        return number if math.isfinite(number) else _no()
    return wanted(text)


def _is_boolean(text: str) -> bool:
    return text.lower() in ("true", "false", "yes", "no")


def _no() -> Any:
    raise ValueError


def convert(value: Any, form: Form) -> Any:
    """The value of a YAML or JSON key.

    Raises:
        ValueError: "found ..., expected ...".
    """
    if value is None and form.none:
        return None
    if form.item is not None:
        entries = value if isinstance(value, list) else [value]
        return form.sequence(convert(entry, form.item) for entry in entries)
    for word in form.words:
        if value == word and isinstance(value, bool) == isinstance(word, bool):
            return word
    for wanted in form.types:
        try:
            return _from_yaml(value, wanted)
        except (ValueError, ZeroDivisionError):
            continue
    near = hint(value, [spell(word) for word in form.words]) if isinstance(value, str) else ""
    raise ValueError(f"found {_found(value)}, expected {form.expected}{near}")


def _from_yaml(value: Any, wanted: type) -> Any:
    if wanted is bool:
        return value if isinstance(value, bool) else _no()
    if isinstance(value, bool):
        return _no()
    if wanted is int:
        return value if isinstance(value, int) else _no()
    if wanted is float:
        # YAML 1.1 reads 1e-4 (no dot) as text, which is not what anybody means.
        number = float(value) if isinstance(value, int | float | str) else _no()
        return number if math.isfinite(number) else _no()
    if wanted is Fraction:
        return Fraction(str(value))
    return wanted(value) if isinstance(value, str) else _no()


def _found(value: Any) -> str:
    names = {
        str: "text",
        bool: "a truth value",
        int: "an integer",
        float: "a number",
        list: "a list",
        dict: "a section",
    }
    if value is None:
        return "nothing"
    shown = spell(value) if isinstance(value, bool) else repr(value)
    return f"{shown if len(shown) < 60 else shown[:57] + '...'} ({names.get(type(value), type(value).__name__)})"


def spell(value: Any) -> str:
    """A value as a user writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(spell(entry) for entry in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def jsonable(value: Any) -> Any:
    """A value as recipes and manifests record it: 1/3 and paths as text, records as dictionaries."""
    if isinstance(value, Fraction | Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [jsonable(entry) for entry in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value
