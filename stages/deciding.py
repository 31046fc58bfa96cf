"""Who gives the verdicts: rules, a verifier model, both, or a program. The options of each, the stream of decisions.

with deciding(Rules(), None, None, stopping) as decide:
    for decision in decide([("row 1", "so it is 4", "stop", problem)]): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from ..artifacts import Problem, SourceFile, Weights, WrongOption
from .cascade import Asker, Decision, Item
from .meta_patterns import verdict_of
from .opinions import Order
from .options import Flat
from .verdict_fields import rule_fields
from .verifiers.asking import Asking, resolve_asking, settings_of
from .verifying import AnswerPool, Verifying

if TYPE_CHECKING:
    from .verifiers import VerifierModel

Decide = Callable[[Iterable[Item[Any]]], Iterator[Decision[Any]]]


@dataclass(frozen=True, kw_only=True)
class Rules(Verifying):
    """Extract the final answer and compare it with the reference."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """Ask a verifier model."""

    asking: Annotated[Asking, Flat] = field(default_factory=Asking)
    """How it is asked"""


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """Rules and a verifier model, both opinions kept."""

    order: Order = "rules-first"
    """rules-first: the model for what rules reject or cannot read; model-first: rules where it gives no label; both:
    correct only if both say so"""

    verifying: Annotated[Verifying, Flat] = field(default_factory=Verifying)
    """Extraction and comparison"""

    asking: Annotated[Asking, Flat] = field(default_factory=Asking)
    """How the verifier model is asked"""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What the program knows that wrote the completions (program:meta-patterns)."""


By = Rules | Model | Cascade | Program


def resolve_by(by: By, verifier: Weights | None, prompt: SourceFile | None) -> By:
    """Fill in what auto means for a verifier; refuse one that nobody asks."""
    if isinstance(by, Rules | Program):
        name = type(by).__name__.lower()
        for flag, given in (("--verifier or --server", verifier), ("--prompt", prompt)):
            if given is not None:
                raise WrongOption(
                    f"{flag} is read by --by model and --by cascade, but --by is {name}: choose one of them"
                )
        return by
    return replace(by, asking=resolve_asking(by.asking, verifier, prompt))


@contextmanager
def deciding(
    by: By, verifier: Weights | None, prompt: SourceFile | None, stopping: Callable[[], bool]
) -> Iterator[Decide]:
    """What gives the verdicts. The options are resolved; a model is loaded when the first verdict is asked for."""
    with ExitStack() as stack:
        if isinstance(by, Program):
            yield lambda items: (Decision(key, known_fields(text, problem)) for key, text, _, problem in items)
            return
        if isinstance(by, Rules):
            rules = stack.enter_context(AnswerPool(by))
            yield lambda items: (Decision(key, fields) for key, fields in rules.verify(items))
            return
        assert verifier is not None
        pool = stack.enter_context(AnswerPool(by.verifying)) if isinstance(by, Cascade) else None
        order: Order = by.order if isinstance(by, Cascade) else "model-first"

        @cache
        def asker() -> Asker:
            model = load_verifier(verifier, prompt, by.asking, stack)
            return Asker(pool, model, order=order, mode=by.asking.mode_name, stopping=stopping)

        yield lambda items: asker().verify(items)


def known_fields(text: str | None, problem: Problem) -> dict[str, Any]:
    """The columns of a verdict that the program knows; it is no opinion of rules."""
    verdict, reason = verdict_of(problem, text)
    known = {"expected": problem.get("answer"), "answer_type": problem.get("answer_type")}
    return {**rule_fields(known, verdict, reason, "program"), "rule_verdict": None, "rule_reason": None}


def load_verifier(verifier: Weights, prompt: SourceFile | None, asking: Asking, stack: ExitStack) -> VerifierModel:
    """The model on this machine or behind a server; the options are resolved, the stack closes what was opened."""
    settings = settings_of(verifier, asking, prompt)
    if verifier.engine != "server":
        from .verifiers.loading import load_local_verifier

        return load_local_verifier(verifier, settings, asking)
    from .servers.client import Server
    from .verifiers.asking import Direct
    from .verifiers.served import ServedVerifier

    direct = isinstance(asking.mode, Direct)
    return ServedVerifier(
        stack.enter_context(Server(verifier.url, asking.serving)),
        settings,
        "direct" if direct else "chain-of-thought",
        max_tokens=asking.new_tokens,
        min_confidence=asking.mode.min_confidence if isinstance(asking.mode, Direct) else 0.0,
    )
