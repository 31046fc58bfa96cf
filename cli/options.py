"""A stage's options: the tree of dataclasses it declares, as a list of flags, and back.

A field is one option. A field that is a dataclass is a group (`--sampling.temperature`; plain flags where it is marked
`Flat`). A field that is a union of dataclasses, or one marked `Choice`, is a choice of variants (`--objective oreal`):
the variant's own fields are plain flags, and only the chosen variant's may be given. A variant with a field that is
marked `Later` stands for one that the inputs decide: what is given for others waits until then.
"""

import dataclasses
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

from ..artifacts import WrongOption
from ..stages.options import Choice, Flat, Later, Runtime, variant_name
from .suggest import hint
from .values import Form, convert, form_of, jsonable, members, parse_all

MISSING = dataclasses.MISSING


@dataclass(frozen=True)
class Option:
    """One flag.

    Args:
        path: names of the fields from the options object down.
        key: how configuration files and manifests name it (`sampling.top_p`).
        form: what it takes.
        default: its default; MISSING when it must be given.
        runtime: whether it is outside the recipe.
        owner: the dataclass that declares it.
        needs: the variants that must be chosen for it to exist: (path of the choice, name of the variant).
        variants: of a choice, its dataclasses by name (None for `none`).
    """

    path: tuple[str, ...]
    key: str
    form: Form
    default: Any
    runtime: bool
    owner: type
    needs: tuple[tuple[tuple[str, ...], str], ...] = ()
    variants: "dict[str, type | None]" = dataclasses.field(default_factory=dict)

    @property
    def flag(self) -> str:
        return flag_of(self.key)


@dataclass(frozen=True)
class Given:
    """A value somebody gave for a key: the texts of a flag, or what a file says.

    Args:
        where: how messages name the place.
    """

    key: str
    value: Any
    where: str
    texts: bool


def flag_of(key: str) -> str:
    return "--" + key.rstrip("_").replace("_", "-")


def negation_of(flag: str) -> str:
    """`--no-x` of `--x`."""
    return "--no-" + flag[2:]


def read(
    declared: type,
    instance: Any = None,
    path: tuple[str, ...] = (),
    prefix: str = "",
    needs: tuple[tuple[tuple[str, ...], str], ...] = (),
    runtime: bool = False,
) -> Iterator[Option]:
    """The options a dataclass declares, a choice before what depends on it.

    Args:
        instance: where the defaults come from; the declaration's own when None.
    """
    hints = typing.get_type_hints(declared, include_extras=True)
    for field in dataclasses.fields(declared):
        annotation, marks = _unwrap(hints[field.name])
        if any(mark is Later for mark in marks):
            continue
        default = getattr(instance, field.name) if instance is not None else _default(field)
        below, key = (*path, field.name), prefix + field.name
        outside = runtime or any(mark is Runtime for mark in marks)
        classes = [member for member in members(annotation) if dataclasses.is_dataclass(member)]
        if not classes:
            yield Option(below, key, form_of(annotation), default, outside, declared, needs)
        elif len(members(annotation)) == 1 and not any(mark is Choice for mark in marks):
            inside = prefix if any(mark is Flat for mark in marks) else f"{key.rstrip('_')}."
            start = None if default is MISSING else default
            yield from read(annotation, start, below, inside, needs, outside)
        else:
            yield from _read_choice(annotation, default, (below, key, prefix), needs, outside, declared)


def _read_choice(
    annotation: Any, default: Any, place: tuple[tuple[str, ...], str, str], needs: Any, runtime: bool, owner: type
) -> Iterator[Option]:
    path, key, prefix = place
    variants: dict[str, type | None] = {
        "none" if member is type(None) else variant_name(member): None if member is type(None) else member
        for member in members(annotation)
    }
    chosen = MISSING if default is MISSING else "none" if default is None else variant_name(type(default))
    yield Option(path, key, Form(words=tuple(variants)), chosen, runtime, owner, needs, variants)
    for name, variant in variants.items():
        if variant is not None:
            start = default if name == chosen else None
            yield from read(variant, start, path, prefix, (*needs, (path, name)), runtime)


def _unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    if typing.get_origin(annotation) is Annotated:
        inner, *marks = typing.get_args(annotation)
        return inner, tuple(marks)
    return annotation, ()


def _default(field: "dataclasses.Field[Any]") -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def is_active(option: Option, values: dict[tuple[str, ...], Any], undecided: Collection[tuple[str, ...]] = ()) -> bool:
    """Whether the chosen variants have this option, or may have it where a choice is not decided yet."""
    return all(values.get(path) == name or path in undecided for path, name in option.needs)


def settle(
    options: list[Option], given: list[Given], decided: Mapping[tuple[str, ...], str] = MappingProxyType({})
) -> dict[tuple[str, ...], Any]:
    """The value of every option that the chosen variants read.

    Args:
        given: in rising precedence.
        decided: variants that the inputs decided, by the path of the choice.

    Raises:
        WrongOption: a wrong value, a missing one, or one that the chosen variant does not read.
    """
    latest = {item.key: item for item in given}
    values: dict[tuple[str, ...], Any] = {}
    undecided: set[tuple[str, ...]] = set()
    for option in options:
        if not is_active(option, values):
            continue
        values[option.path] = decided.get(option.path) or _value(option, latest.get(option.key))
        later = _later(option.variants.get(values[option.path])) if option.variants else None
        if later is not None:
            values[*option.path, later] = _becomes(options, given, option.path)
            undecided.add(option.path)
    for item in given:
        owners = [option for option in options if option.key == item.key]
        if not any(is_active(owner, values, undecided) for owner in owners):
            raise WrongOption(_not_read(options, values, item, decided))
    return values


def _later(variant: type | None) -> str | None:
    """The field by which a variant stands for one that is decided later."""
    hints = typing.get_type_hints(variant, include_extras=True) if variant is not None else {}
    return next((name for name, hint in hints.items() if any(mark is Later for mark in _unwrap(hint)[1])), None)


def _becomes(options: list[Option], given: list[Given], path: tuple[str, ...]) -> Callable[[type], Any]:
    def become(variant: type) -> Any:
        return build(variant, settle(options, given, {path: variant_name(variant)}), path)

    return become


def _value(option: Option, item: Given | None) -> Any:
    if item is None:
        if option.default is MISSING:
            raise WrongOption(f"{option.flag} is missing, expected {option.form.expected}")
        return option.default
    try:
        return parse_all(item.value, option.form) if item.texts else convert(item.value, option.form)
    except ValueError as error:
        found = f"{item.where} is {' '.join(map(repr, item.value))}," if item.texts else f"{item.where}:"
        raise WrongOption(f"{found} {error}") from None


def _not_read(
    options: list[Option],
    values: dict[tuple[str, ...], Any],
    item: Given,
    decided: Mapping[tuple[str, ...], str],
) -> str:
    """Name the variants that read an option, and the one that was chosen, or decided, instead."""
    owners = [option for option in options if option.key == item.key]
    path = next(path for owner in owners for path, name in owner.needs if values.get(path) != name)
    choice = next(option for option in options if option.path == path)
    readers = [name for owner in owners for needed, name in owner.needs if needed == path]
    chosen = values.get(path)
    read_by = f"{item.where} is read by {choice.flag} {' or '.join(readers)}"
    if path in decided:
        return f"{read_by}, but the inputs ask for {chosen}: leave it out"
    return f"{read_by}, but {choice.flag} is {chosen}: choose {readers[0]} or leave it out"


def build(declared: type, values: dict[tuple[str, ...], Any], path: tuple[str, ...] = ()) -> Any:
    """The options object of settled values.

    Raises:
        WrongOption: what a dataclass's own check refuses.
    """
    hints = typing.get_type_hints(declared, include_extras=True)
    arguments = {}
    for field in dataclasses.fields(declared):
        below = (*path, field.name)
        kinds = members(hints[field.name])
        if not any(dataclasses.is_dataclass(kind) for kind in kinds):
            arguments[field.name] = values[below]
        elif len(kinds) == 1:
            arguments[field.name] = build(kinds[0], values, below)
        else:
            chosen = {variant_name(kind): kind for kind in kinds if kind is not type(None)}.get(values[below])
            arguments[field.name] = None if chosen is None else build(chosen, values, below)
    try:
        return declared(**arguments)
    except ValueError as error:
        raise WrongOption(str(error)) from error


def record(options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The semantic and the runtime options of an options object, by key, ready for JSON."""
    declared = list(read(type(options), options))
    values: dict[tuple[str, ...], Any] = {}
    for option in declared:
        if is_active(option, values):
            values[option.path] = option.default
    active = [option for option in declared if is_active(option, values)]
    semantic = {option.key: jsonable(option.default) for option in active if not option.runtime}
    return semantic, {option.key: jsonable(option.default) for option in active if option.runtime}


def find_key(options: list[Option], typed: str, where: str) -> str:
    """The key that a configuration file means: with dashes or underscores, by its flag or by its full path.

    Raises:
        WrongOption: no option has this name.
    """
    plain = typed.replace("-", "_")
    for option in options:
        names = (option.key, option.key.rstrip("_"), ".".join(option.path))
        if plain in names:
            return option.key
    known = [option.key for option in options]
    otherwise = f", known are {', '.join(dict.fromkeys(known))}" if len(known) <= 12 else ""
    raise WrongOption(f"{where}: no option is called {typed}{hint(plain, known, otherwise)}")
