"""Compare JSON: numbers by value, objects in any order of their keys, lists in order, strings exactly."""

import json
import re
from decimal import Decimal
from typing import Any

from .comparison import Comparison, not_understood

_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
_ESCAPED = re.compile(r"\\([{}_$%&#])")


class BadJson(ValueError):
    """The text is no JSON, or says one key twice."""


def read_json(text: str) -> Any:
    r"""Parse a text, with or without a fence around it, as `\{...\}` too; decimals are exact.

    Raises:
        BadJson: with what is wrong.
    """
    fence = _FENCE.fullmatch(text)
    text = fence[1] if fence else text.strip().strip("$` ")
    try:
        return _parsed(text)
    except json.JSONDecodeError as problem:
        plain = _ESCAPED.sub(r"\1", text)
        if plain == text:
            raise BadJson(str(problem)) from problem
    try:
        return _parsed(plain)
    except json.JSONDecodeError as problem:
        raise BadJson(str(problem)) from problem


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=Decimal, parse_constant=_no_constant)
    except json.JSONDecodeError:
        raise
    except RecursionError as problem:
        raise BadJson("nested too deeply") from problem
    except ValueError as problem:  # an integer of more digits than Python reads
        raise BadJson(str(problem)) from problem


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise BadJson(f"the key {next(name for name in names if names.count(name) > 1)!r} twice")
    return found


def _no_constant(name: str) -> Any:
    raise BadJson(f"{name} is no JSON")


def understood(reference: str) -> str | None:
    """What is wrong with a reference; None where it is JSON."""
    try:
        read_json(reference)
    except BadJson as problem:
        return str(problem)
    return None


def compare(expected: str, answer: str) -> Comparison:
    """Whether two texts are the same JSON."""
    try:
        left = read_json(expected)
    except BadJson as problem:
        return not_understood("json", str(problem))
    try:
        right = read_json(answer)
    except BadJson as problem:
        return Comparison(False, "json", f"no JSON: {problem}")
    try:
        where = difference(left, right, "")
    except RecursionError:
        return Comparison(None, "json", "error: nested too deeply")
    return Comparison(where is None, "json", where and f"differs at {where}")


def difference(left: Any, right: Any, path: str) -> str | None:
    """Where two values differ first, as `.name[2]`; None where they are equal. True is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = [*left, *(key for key in right if key not in left)]
        places = ((left[key], right[key], f"{path}.{key}") if key in left and key in right else key for key in keys)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        places = ((a, b, f"{path}[{index}]") for index, (a, b) in enumerate(zip(left, right, strict=True)))
    else:
        same = type(left) is type(right) or (_is_number(left) and _is_number(right))
        return None if same and left == right else path or "the top"
    for place in places:
        found = f"{path}.{place}" if isinstance(place, str) else difference(*place)
        if found:
            return found
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
