"""Switching off any one rule of extraction or comparison fails a case of the table.

Rules are found, not listed: every compiled pattern and every table at the top of a module of `stages/answers` that a
function reads. A pattern is switched off by never matching; where it has alternatives at its top, each of them is a
rule. So is each entry of a table of patterns or functions, and of a list of words of up to four entries; longer lists
of words, units and signs are one rule, switched off by being empty. A rule that only makes things faster or safer, so
that no verdict depends on it, stands in ONLY_FOR_SPEED_OR_SAFETY with the reason.
"""

import ast
import importlib
import pkgutil
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import pytest

import whet.stages.answers
from whet.artifacts import make_problem
from whet.stages import verifying
from whet.stages.answers.types import compare_fully
from whet.stages.verifying import AnswerPool, Verifying

sys.path.insert(0, str(Path(__file__).parent))
from cases import FAMILIES, Case

ONLY_FOR_SPEED_OR_SAFETY = {
    "latex._RAISED_LETTER": "lets the parser's quick mode read what its full mode reads as well",
    "normalise._BRACED_SCRIPT": "makes texts equal that are equal to the parser anyway",
    r"question._OPTION_EDGES|^(?:\\\s|\\q?quad|[\s$~])+|": "tidies the text of an option, as comparing does",
}

WITHOUT_RULES = {"worker", "pool", "processes", "task", "outcomes", "comparison", "bounded", "warming"}
"""Modules of the package that carry comparisons about."""

ONE_BY_ONE = 4
"""Entries of the longest list of words that loses them one at a time."""

SECONDS = 5.0
"""CPU time of one case with a rule switched off; beyond it its verdict counts as another one."""

ALL = [case for family in FAMILIES.values() for case in family]


class Rule(NamedTuple):
    """A pattern or a table entry, and what stands in its place when it is switched off."""

    name: str
    module: ModuleType
    attribute: str
    replacement: Any
    patterns: tuple[re.Pattern[str], ...]
    """The patterns that it consists of; empty for entries without any."""


def modules(without: set[str] = WITHOUT_RULES) -> list[ModuleType]:
    package = whet.stages.answers
    names = [found.name for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
    return [importlib.import_module(name) for name in sorted(names) if name.rsplit(".", 1)[-1] not in without]


def parsed(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text())


def names_read_by_functions(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """For every module the names that its functions read, or those of a module that imports them.

    A table that is read at the top of a module alone only builds another one.
    """
    read = {
        name: {
            inner.id
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.Lambda)
            for inner in ast.walk(function)
            if isinstance(inner, ast.Name)
        }
        for name, tree in trees.items()
    }
    imported = {
        alias.name
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in read[name]
    }
    return {name: names | imported for name, names in read.items()}


def assigned(tree: ast.Module) -> list[str]:
    """The names that are assigned at the top of a module."""
    names = []
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            names += [inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name)]
    return names


def rules() -> list[Rule]:
    trees = {module.__name__: parsed(module) for module in modules()}
    read = names_read_by_functions(trees)
    found = []
    for module in modules():
        for attribute in assigned(trees[module.__name__]):
            if attribute in read[module.__name__] and not attribute.startswith("__"):
                found += list(rules_of(module, attribute, getattr(module, attribute)))
    return found


def rules_of(module: ModuleType, attribute: str, value: Any) -> Iterator[Rule]:
    """The rules that one name holds: a pattern is one, a short table one an entry, a long one one."""
    name = f"{module.__name__.removeprefix('whet.stages.answers.')}.{attribute}"
    if isinstance(value, re.Pattern):
        for label, replacement in switched_off(value):
            yield Rule(name + label, module, attribute, replacement, (value,))
    elif isinstance(value, dict | list | tuple | set | frozenset) and value and type(value) in TABLES:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        entries = list(value.values()) if isinstance(value, dict) else list(value)
        if len(keys) > ONE_BY_ONE and not any(patterns_in(entry) or callable(entry) for entry in entries):
            yield Rule(name, module, attribute, type(value)(), ())
            return
        for place, (key, entry) in enumerate(zip(keys, entries, strict=True)):
            label = key if isinstance(value, dict) else entry
            yield Rule(f"{name}[{shown(label)}]", module, attribute, without(value, place), patterns_in(entry))


def switched_off(pattern: re.Pattern[str]) -> Iterator[tuple[str, re.Pattern[str]]]:
    """The pattern with one alternative after the other taken out; groups keep their numbers and names."""
    alternatives = alternatives_of(pattern.pattern)
    for place, alternative in enumerate(alternatives):
        rest = [f"(?!)(?:{one})" if index == place else one for index, one in enumerate(alternatives)]
        label = "" if len(alternatives) == 1 else f"|{alternative}|"
        yield label, re.compile("|".join(rest), pattern.flags)


def alternatives_of(source: str) -> list[str]:
    """The alternatives at the top of a pattern: what stands between bars outside all brackets."""
    pieces, depth, position, in_class = [""], 0, 0, False
    while position < len(source):
        piece = source[position : position + 2] if source[position] == "\\" else source[position]
        if in_class:
            in_class = piece != "]" or source[position - 1] == "[" or source[position - 2 : position] == "[^"
        elif piece == "[":
            in_class = True
        depth += {"(": 1, ")": -1}.get(piece, 0) if not in_class else 0
        if piece == "|" and depth == 0 and not in_class:
            pieces.append("")
        else:
            pieces[-1] += piece
        position += len(piece)
    return pieces


TABLES = (dict, list, tuple, set, frozenset)


def shown(label: Any) -> str:
    return getattr(label, "__name__", None) or repr(label)[:60]


def without(table: Any, place: int) -> Any:
    entries = list(table.items()) if isinstance(table, dict) else list(table)
    return type(table)(entries[:place] + entries[place + 1 :])


def patterns_in(entry: Any) -> tuple[re.Pattern[str], ...]:
    if isinstance(entry, re.Pattern):
        return (entry,)
    if isinstance(entry, tuple | list):
        return tuple(pattern for inner in entry for pattern in patterns_in(inner))
    return ()


class Watched:
    """A pattern that remembers whether it matched anything."""

    def __init__(self, pattern: re.Pattern[str], told: set[re.Pattern[str]]) -> None:
        self._pattern, self._told = pattern, told

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._pattern, name)
        return self._calling(name, value) if callable(value) else value

    def _calling(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if name in ("sub", "subn", "split"):
                text = arguments[1] if name.startswith("sub") else arguments[0]
                if self._pattern.search(text):
                    self._told.add(self._pattern)
                return method(*arguments, **named)
            outcome = list(method(*arguments, **named)) if name == "finditer" else method(*arguments, **named)
            if outcome:
                self._told.add(self._pattern)
            return iter(outcome) if name == "finditer" else outcome

        return call


def watching(value: Any, told: set[re.Pattern[str]]) -> Any:
    """The same pattern or table with watched patterns in it."""
    if isinstance(value, re.Pattern):
        return Watched(value, told)
    if type(value) in (tuple, list):
        return type(value)(watching(entry, told) for entry in value)
    if type(value) is dict:
        return {key: watching(entry, told) for key, entry in value.items()}
    return value


class Switched:
    """Attributes of modules that are other ones for a while, wherever they were imported; caches start empty."""

    def __init__(self, changes: list[tuple[ModuleType, str, Any]]) -> None:
        self.changes = changes
        self.kept: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> None:
        for module, attribute, replacement in self.changes:
            original = getattr(module, attribute)
            for holder in HOLDERS:
                for name, value in list(vars(holder).items()):
                    if value is original and isinstance(value, (*TABLES, re.Pattern)):
                        self.kept.append((holder, name, original))
                        setattr(holder, name, replacement)
                    elif callable(value) and original in (getattr(value, "__defaults__", None) or ()):
                        self.kept.append((value, "__defaults__", value.__defaults__))
                        value.__defaults__ = tuple(
                            replacement if default is original else default for default in (value.__defaults__ or ())
                        )
        forget()

    def __exit__(self, *_: object) -> None:
        for holder, name, original in reversed(self.kept):
            setattr(holder, name, original)
        forget()


HOLDERS = [*modules(set()), verifying]


def forget() -> None:
    """Empty every cache of the modules."""
    for module in HOLDERS:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


class AtOnce:
    """In place of the worker processes: compares in this one, where rules can be switched off."""

    size = 1

    def __init__(self) -> None:
        self.tasks: list[Any] = []

    @property
    def unfinished(self) -> int:
        return len(self.tasks)

    def submit(self, task: Any) -> None:
        self.tasks.append(task)

    def results(self, wait: bool) -> Iterator[tuple[Any, Any]]:
        del wait
        while self.tasks:
            task = self.tasks.pop()
            yield task, compare_fully(*(getattr(task, name) for name in NEEDED))

    def __exit__(self, *_: object) -> None:
        self.tasks.clear()


NEEDED = compare_fully.__code__.co_varnames[: compare_fully.__code__.co_argcount]
"""The names of a task's fields that decide a comparison."""


class TooLong(Exception):
    """A case takes more CPU time than it may."""


def ring(signum: int, frame: FrameType | None) -> None:
    raise TooLong


def passes(case: Case) -> bool:
    """Whether a case gets its verdict, in this process; one that ends in an error does not."""
    problem = make_problem([{"role": "user", "content": case.question}], case.reference, case.type)
    pool = AnswerPool(Verifying(workers=1))
    pool.workers.__exit__()
    pool.workers = AtOnce()  # type: ignore[assignment]
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        [(_, fields)] = pool.verify([(0, case.completion, case.finish_reason, problem)])
        return case.agrees(fields)
    except Exception:  # noqa: BLE001 - a rule that is missing may break what builds on it
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


class Seen(NamedTuple):
    """What one case did with every rule in place."""

    case: Case
    matched: frozenset[re.Pattern[str]]
    seconds: float


@pytest.fixture(scope="module")
def seen() -> Iterator[list[Seen]]:
    """Every case with all rules in place, the quick ones first."""
    before = signal.signal(signal.SIGVTALRM, ring)
    told: set[re.Pattern[str]] = set()
    found = {(rule.module, rule.attribute): getattr(rule.module, rule.attribute) for rule in rules()}
    watched = [(*place, watching(value, told)) for place, value in found.items()]
    looks: list[Seen] = []
    with Switched(watched):
        for case in ALL:
            forget()
            told.clear()
            started = time.process_time()
            if passes(case):
                looks.append(Seen(case, frozenset(told), time.process_time() - started))
    failed = len(ALL) - len(looks)
    assert failed == 0, f"{failed} cases fail with every rule in place"
    yield sorted(looks, key=lambda look: look.seconds)
    signal.signal(signal.SIGVTALRM, before)


def matters(rule: Rule, seen: list[Seen]) -> bool:
    """Whether a case fails without the rule."""
    looks = [look for look in seen if not rule.patterns or look.matched.intersection(rule.patterns)]
    with Switched([(rule.module, rule.attribute, rule.replacement)]):
        return not all(passes(look.case) for look in looks)


@pytest.mark.slow
def test_switching_off_any_one_rule_fails_a_case(seen: list[Seen]) -> None:
    found = rules()
    assert len(found) > 100
    useless = [rule.name for rule in found if rule.name not in ONLY_FOR_SPEED_OR_SAFETY and not matters(rule, seen)]
    assert not useless, f"{len(useless)} of {len(found)} rules fail no case:\n" + "\n".join(useless)


def test_a_pattern_is_taken_apart_at_the_bars_outside_its_brackets() -> None:
    source = r"a(?:b|c)|[|()]d|[^]|]e|\||\(|f"
    assert alternatives_of(source) == ["a(?:b|c)", "[|()]d", "[^]|]e", r"\|", r"\(", "f"]
    taken = dict(switched_off(re.compile("(?P<one>x)|(?P<two>y)", re.IGNORECASE)))
    assert taken["|(?P<one>x)|"].match("x") is None
    assert taken["|(?P<one>x)|"].match("Y")["two"] == "Y"  # type: ignore[index]


def test_what_is_only_for_speed_or_safety_is_still_a_rule() -> None:
    assert set(ONLY_FOR_SPEED_OR_SAFETY) <= {rule.name for rule in rules()}
