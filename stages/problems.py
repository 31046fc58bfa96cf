"""whet problems TASK --count N --length LOW..HIGH --out FOLDER: verifiable problems, made by a program."""

import inspect
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..artifacts import Draft, Problem, WrongOption, make_problem
from . import meta_patterns
from .turing import Drawing, Exhausted, load_task, task_names, template_of

if TYPE_CHECKING:
    Task = str
else:
    Task = Literal[(*task_names(), meta_patterns.TASK)]

VERSION = 1

ROWS_A_CHUNK = 10_000


@dataclass(frozen=True, kw_only=True)
class ProblemsOptions:
    """Which problems are made."""

    count: int = 1000
    """How many, all different"""

    length: str = "1..3"
    """Length of an instance, LOW..HIGH or one number: digits, numbers or characters, whatever the task counts"""

    seed: int = 0
    """Another seed draws other instances; each stays on its side of the split"""

    split: Literal["all", "train", "test"] = "all"
    """Keep one side; a hash of the instance decides, whatever the seed and the length"""

    test_share: float = 0.1
    """Share of all instances that are test"""

    templates: int = 20
    """Use the first N of the task's 20 ways to ask; 1 (the shortest) for small models"""

    decimals: bool = False
    """Allow a decimal point anywhere in a number (addition, comparison)"""

    patterns: str | None = None
    """Names between commas: only these (meta-patterns; default: all)"""

    without: str | None = None
    """Names between commas: all but these (meta-patterns)"""

    families: str | None = None
    """Names between commas: only these families of questions (meta-patterns; default: all)"""

    def __post_init__(self) -> None:
        parse_length(self.length)
        if self.count < 1:
            raise ValueError(f"--count is {self.count}, expected 1 or more")
        if not 0 <= self.test_share <= 1:
            raise ValueError(f"--test-share is {self.test_share}, expected a share between 0 and 1")
        if self.patterns is not None and self.without is not None:
            raise ValueError("--patterns and --without both say which patterns are used, expected one of them")


def problems(task: Task, problems: Draft[Problem], options: ProblemsOptions) -> None:
    """Make verifiable problems with a program.

    No instance comes twice, and the same options always give the same problems. A problem keeps its instance, so that
    `whet sample PROBLEMS program:tail` can write the chain of thought.

    The task meta-patterns makes cases for verifiers: a problem keeps a completion that is right, wrong or invalid in
    one of the ways that verifiers get wrong. `whet sample PROBLEMS program:meta-patterns` writes it, and `whet verify
    ROLLOUTS --by program` says what it is.

    Examples:
        whet problems addition --count 4000 --length 1..3 --split train --templates 1 --out runs/x/train
        whet problems addition --count 500 --length 1..3 --split test --templates 1 --out runs/x/test
        whet problems binary-search --count 1000 --length 5..20 --out runs/search
        whet problems meta-patterns --count 5000 --without looping,wrong-endpoint --out runs/cases
    """
    module = _load(task)
    _check(task, module, options)
    drawing = _drawing(task, module, options)
    starts = range(0, options.count, ROWS_A_CHUNK)
    for chunk in problems.chunks([[start, min(start + ROWS_A_CHUNK, options.count)] for start in starts]):
        first, end = chunk.unit
        try:
            for position, instance, split in drawing.between(first, end):
                if position - first not in chunk.done:
                    chunk.write(_problem(task, module, options, instance, split), position - first)
                    problems.progress(position + 1, options.count)
        except Exhausted as drawn:
            raise _too_few(task, options, drawn.found) from None


def plan(options: ProblemsOptions, task: Task) -> list[str]:
    """What --dry-run adds: the first problem."""
    module = _load(task)
    _check(task, module, options)
    try:
        _, instance, split = next(_drawing(task, module, options).between(0, 1))
    except Exhausted as drawn:
        raise _too_few(task, options, drawn.found) from None
    first = _problem(task, module, options, instance, split)
    return [f"first problem ({split}): {first['messages'][0]['content']!r}, answer {instance.answer}"]


def _too_few(task: str, options: ProblemsOptions, found: int) -> WrongOption:
    side = "" if options.split == "all" else f" on the {options.split} side of the split"
    return WrongOption(
        f"{task} has {found:,} distinct instances of length {options.length}{side}, "
        f"--count asks for {options.count:,}: lower it or widen --length"
    )


def _drawing(task: str, module: Any, options: ProblemsOptions) -> Drawing:
    low, high = parse_length(options.length)
    side = None if options.split == "all" else options.split
    own: dict[str, Any] = {"decimals": True} if options.decimals else {}
    if module is meta_patterns:
        own = {"patterns": _patterns(options), "families": _families(options), "wordings": options.templates}
    share = options.test_share
    return Drawing(module, task, seed=options.seed, low=low, high=high, side=side, test_share=share, **own)


def _load(task: str) -> Any:
    """What draws the instances of a task."""
    return meta_patterns if task == meta_patterns.TASK else load_task(task)


def _patterns(options: ProblemsOptions) -> tuple[str, ...]:
    """The names of the patterns that may be drawn.

    Raises:
        WrongOption: a name that no pattern has, or none left.
    """
    kept = _named("--patterns", options.patterns, meta_patterns.PATTERNS)
    left_out = () if options.without is None else _named("--without", options.without, meta_patterns.PATTERNS)
    families = set(_families(options))
    found = tuple(name for name in kept if name not in left_out)
    if lost := [name for name in found if not families.intersection(meta_patterns.PATTERNS[name].families)]:
        if options.patterns is not None:
            wanted = ", ".join(meta_patterns.PATTERNS[lost[0]].families)
            raise WrongOption(f"--families leaves nothing to write {lost[0]} for, expected one of {wanted}")
        found = tuple(name for name in found if name not in lost)
    if not found:
        raise WrongOption("--without leaves no pattern to draw, expected at least one")
    return found


def _families(options: ProblemsOptions) -> tuple[str, ...]:
    """The names of the families that questions are drawn from."""
    return _named("--families", options.families, meta_patterns.FAMILIES)


def _named(flag: str, text: str | None, known: Collection[str]) -> tuple[str, ...]:
    """The names in a list between commas, in the order of those known; all where None is given."""
    if text is None:
        return tuple(known)
    named = [name.strip() for name in text.split(",")]
    if unknown := [name for name in named if name not in known]:
        raise WrongOption(f"{flag} names {unknown[0]}, expected names of {', '.join(known)}")
    return tuple(name for name in known if name in named)


def parse_length(text: str) -> tuple[int, int]:
    """`5..20` as (5, 20), `7` as (7, 7).

    Raises:
        ValueError: it is no range of positive whole numbers.
    """
    match = re.fullmatch(r"\s*(\d+)\s*(?:\.\.\s*(\d+)\s*)?", text)
    if match:
        low, high = int(match[1]), int(match[2] or match[1])
        if 1 <= low <= high:
            return low, high
    raise ValueError(f"--length is {text}, expected LOW..HIGH with 1 <= LOW <= HIGH, such as 5..20")


def _check(task: str, module: Any, options: ProblemsOptions) -> None:
    """Refuse options that the task cannot follow."""
    if module is meta_patterns:
        _patterns(options)
        if options.decimals:
            raise WrongOption(f"--decimals is not read by {task}: leave it out")
        if options.templates < 1:
            raise WrongOption(f"--templates is {options.templates}, expected 1 or more wordings of each text")
        return
    own = {"--patterns": options.patterns, "--without": options.without, "--families": options.families}
    for flag, given in own.items():
        if given is not None:
            raise WrongOption(f"{flag} is not read by {task}: leave it out")
    if not 1 <= options.templates <= len(module.TEMPLATES):
        raise WrongOption(f"--templates is {options.templates}, {task} has 1 to {len(module.TEMPLATES)} ways to ask")
    if options.decimals and "decimals" not in inspect.signature(module.generate).parameters:
        raise WrongOption(f"--decimals is not read by {task}: leave it out")


def _problem(task: str, module: Any, options: ProblemsOptions, instance: Any, split: str) -> Problem:
    if module is meta_patterns:
        return meta_patterns.problem_of(instance, split)
    template = module.TEMPLATES[template_of(options.templates, options.seed, instance)]
    question = template.format(**instance.payload)
    meta = json.dumps({"task": task, "payload": instance.payload}, sort_keys=True, ensure_ascii=False)
    asked = [{"role": "user", "content": question}]
    return make_problem(asked, instance.answer, module.ANSWER_TYPE, f"tail/{task}", split, meta)  # type: ignore[arg-type]
