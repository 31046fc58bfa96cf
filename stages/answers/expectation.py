"""What a problem expects of an answer: read once for all rollouts of its group."""

from typing import NamedTuple

from ...artifacts import Problem
from .bounded import read_reference
from .broken import broken
from .choice import option_of
from .question import Asked, question_text, read_question
from .types import ANSWER_TYPES, AnswerType, shown_type


class Expectation(NamedTuple):
    """The reference, how answers are compared with it, and what the question asks.

    `extracted_as` is the type whose ways of stating an answer count. `unanswerable` is a verdict with its reason that
    every rollout of the problem has, whatever it says.
    """

    expected: str
    answer_type: AnswerType
    extracted_as: AnswerType
    asked: Asked
    unanswerable: tuple[str, str] | None = None


def read_expectation(problem: Problem, answer_type: str) -> Expectation:
    """Read a problem; `answer_type` is "auto" where the problem or its reference says how answers are compared."""
    wanted = problem.get("answer_type") if answer_type == "auto" else answer_type
    expected, known = read_reference(problem.get("answer"), wanted)
    unanswerable = None
    if why := broken(problem, expected, known):
        unanswerable = ("invalid", f"problem: {why}")
    elif known not in ANSWER_TYPES:
        unanswerable = ("unknown", f"error: answer type {known!r} is none of {', '.join(ANSWER_TYPES)}")
    if unanswerable:
        return Expectation(expected, known, known, Asked(), unanswerable)  # type: ignore[arg-type]
    read: AnswerType = known  # type: ignore[assignment]
    asked = read_question(question_text(problem["messages"]))
    if wanted in (None, "", "math") and _names_options(expected, asked):
        read = "choice"
    return Expectation(expected, read, shown_type(read, expected), asked)


def _names_options(expected: str, asked: Asked) -> bool:
    """Whether `BC` is no product and `B and C` no text: their letters are options of the question, in their order."""
    letters = expected.replace(" and ", "")
    if len(letters) < 2 or list(letters) != sorted(set(letters)):
        return False
    return set(letters) <= {letter for letter, _ in asked.options} and option_of(expected, asked) is None
