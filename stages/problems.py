"""whet problems TASK --count N --length LOW..HIGH --out FOLDER: verifiable problems, made by a program."""

import inspect
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..artifacts import Draft, Problem, WrongOption, make_problem
from .turing import Drawing, Exhausted, load_task, task_names, template_of

if TYPE_CHECKING:
    Task = str
else:
    Task = Literal[task_names()]

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

    def __post_init__(self) -> None:
        parse_length(self.length)
        if self.count < 1:
            raise ValueError(f"--count is {self.count}, expected 1 or more")
        if not 0 <= self.test_share <= 1:
            raise ValueError(f"--test-share is {self.test_share}, expected a share between 0 and 1")


def problems(task: Task, problems: Draft[Problem], options: ProblemsOptions) -> None:
    """Make verifiable problems with a program.

    No instance comes twice, and the same options always give the same problems. A problem keeps its instance, so that
    `whet sample PROBLEMS program:tail` can write the chain of thought.

    Examples:
        whet problems addition --count 4000 --length 1..3 --split train --templates 1 --out runs/x/train
        whet problems addition --count 500 --length 1..3 --split test --templates 1 --out runs/x/test
        whet problems binary-search --count 1000 --length 5..20 --out runs/search
    """
    module = load_task(task)
    _check(task, module, options)
    drawing = _drawing(task, module, options)
    starts = range(0, options.count, ROWS_A_CHUNK)
    for chunk in problems.chunks([[start, min(start + ROWS_A_CHUNK, options.count)] for start in starts]):
        first, end = chunk.unit
        try:
            for position, instance, split in drawing.between(first, end):
                if position - first not in chunk.done:
                    question = _question(module, options, instance)
                    chunk.write(_problem(task, module, question, instance, split), position - first)
                    problems.progress(position + 1, options.count)
        except Exhausted as drawn:
            raise _too_few(task, options, drawn.found) from None


def plan(options: ProblemsOptions, task: Task) -> list[str]:
    """What --dry-run adds: the first problem."""
    module = load_task(task)
    _check(task, module, options)
    try:
        _, instance, split = next(_drawing(task, module, options).between(0, 1))
    except Exhausted as drawn:
        raise _too_few(task, options, drawn.found) from None
    question = _question(module, options, instance)
    return [f"first problem ({split}): {question!r}, answer {instance.answer}"]


def _too_few(task: str, options: ProblemsOptions, found: int) -> WrongOption:
    side = "" if options.split == "all" else f" on the {options.split} side of the split"
    return WrongOption(
        f"{task} has {found:,} distinct instances of length {options.length}{side}, "
        f"--count asks for {options.count:,}: lower it or widen --length"
    )


def _drawing(task: str, module: Any, options: ProblemsOptions) -> Drawing:
    low, high = parse_length(options.length)
    side = None if options.split == "all" else options.split
    own = {"decimals": True} if options.decimals else {}
    share = options.test_share
    return Drawing(module, task, seed=options.seed, low=low, high=high, side=side, test_share=share, **own)


def _question(module: Any, options: ProblemsOptions, instance: Any) -> str:
    template = module.TEMPLATES[template_of(options.templates, options.seed, instance)]
    return template.format(**instance.payload)


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
    if not 1 <= options.templates <= len(module.TEMPLATES):
        raise WrongOption(f"--templates is {options.templates}, {task} has 1 to {len(module.TEMPLATES)} ways to ask")
    if options.decimals and "decimals" not in inspect.signature(module.generate).parameters:
        raise WrongOption(f"--decimals is not read by {task}: leave it out")


def _problem(task: str, module: Any, question: str, instance: Any, split: str) -> Problem:
    meta = json.dumps({"task": task, "payload": instance.payload}, sort_keys=True, ensure_ascii=False)
    asked = [{"role": "user", "content": question}]
    return make_problem(asked, instance.answer, module.ANSWER_TYPE, f"tail/{task}", split, meta)  # type: ignore[arg-type]
