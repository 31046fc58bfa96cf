"""The answer types and how each is compared.

`compare_cheaply` answers in microseconds or says None; `compare_fully` may take any time and runs in a worker process.
Equality is symmetric, with these exceptions: a reference may offer alternatives, be rounded, or stand bare in the unit
that the question names; an answer may embed its number in words; a solved equation answers an unsolved one.
"""

from fractions import Fraction
from typing import get_args

from . import boolean, choice, dates, json_, math, multi, number, sequence, text
from .alternatives import alternatives
from .comparison import Comparison, Rules
from .extraction import extract
from .inference import AnswerType, infer_type
from .normalise import normalise
from .plain import read_plain
from .question import Asked

__all__ = ["ANSWER_TYPES", "AnswerType", "compare_cheaply", "compare_fully", "infer_type", "reference_of", "understood"]

ANSWER_TYPES: tuple[AnswerType, ...] = get_args(AnswerType)

RULES_VERSION = 2
"""Raised whenever a verdict may come out otherwise for the same answer."""

OLD_NAMES = {"exact": "text"}
"""Names that answer types had in older artifacts."""

LONGEST_ANSWER = 10_000
"""Characters of an answer beyond which only the same text is equal, unless it is compared as words or JSON."""


def reference_of(answer: str | None) -> str:
    r"""The reference answer itself: what follows the last `####`, or stands in the last box, else the whole text."""
    answer = (answer or "").strip()
    if "####" in answer or r"\boxed" in answer:
        found = extract(answer)
        return found.text if found else answer
    return answer


def compare_cheaply(
    answer_type: AnswerType, expected: str, answer: str, asked: Asked, tolerance: Fraction, strict: bool = False
) -> Comparison | None:
    """Compare where no symbolic work is needed; None where it is."""
    return _compare(answer_type, expected, answer, Rules(asked, tolerance, strict), fully=False)


def compare_fully(
    answer_type: AnswerType, expected: str, answer: str, asked: Asked, tolerance: Fraction, strict: bool = False
) -> Comparison:
    """Compare with everything; `strict` refuses numbers among words and those that only round to the reference."""
    outcome = _compare(answer_type, expected, answer, Rules(asked, tolerance, strict), fully=True)
    assert outcome is not None
    return outcome


def _compare(answer_type: AnswerType, expected: str, answer: str, rules: Rules, fully: bool) -> Comparison | None:
    answer_type = shown_type(answer_type, expected)
    if answer_type not in ("text", "json") and max(len(answer), len(expected)) > LONGEST_ANSWER:
        equal = answer.strip() == expected.strip()
        reason = None if equal else f"{len(answer)} characters long"
        return Comparison(equal, "same text" if equal else "length", reason)
    if answer_type != "json" and (offered := alternatives(expected, _offers(answer_type, rules.asked))):
        return _compare_alternatives(answer_type, expected, offered, answer, rules, fully)
    if answer_type == "json":
        return json_.compare(expected, answer)
    if answer_type == "boolean":
        return boolean.compare(expected, answer)
    if answer_type == "choice" or _is_about_options(expected, answer, rules.asked):
        return choice.compare(expected, answer, rules.asked)
    if answer_type in ("sequence", "multi"):

        def same(a: str, b: str) -> Comparison | None:
            letter = answer_type == "sequence" and len(a) == 1 and a.isalpha()
            return _compare("text" if letter else _type_of_part(a), a, b, rules, fully)

        return (sequence if answer_type == "sequence" else multi).compare(expected, answer, same)
    moment = dates.compare(expected, answer)
    if answer_type == "text" or moment is not None:
        return moment or text.compare(expected, answer)
    if answer_type == "number" and dates.read_moment(expected) is not None:
        return Comparison(False, "date", "no date or time")
    cheap = number.compare_cheaply(expected, answer, rules, grouped=answer_type == "number")
    return math.compare(expected, answer, rules) if cheap is None and fully else cheap


def shown_type(answer_type: AnswerType, expected: str) -> AnswerType:
    """Data sets call everything `math`: a reference that is a word, a time or a letter is compared as such."""
    return infer_type(expected) if answer_type == "math" else answer_type


def _is_about_options(expected: str, answer: str, asked: Asked) -> bool:
    """Whether a reference is the text of one of the question's options, and the answer names one of them too."""
    if not asked.options or choice.option_of(expected, asked) is None:
        return False
    return choice.read_choice(answer, asked) is not None


def _offers(answer_type: AnswerType, asked: Asked) -> bool:
    """Whether `x or y` offers two answers: among words and where one is asked for, but not where all are."""
    return not asked.all_wanted and (answer_type == "text" or asked.one_wanted)


def _type_of_part(part: str) -> AnswerType:
    """Capital letters are words; a part has no parts of its own."""
    shown = infer_type(part)
    if shown == "choice":
        return "text"
    return "math" if shown in ("multi", "sequence") else shown


def _compare_alternatives(
    answer_type: AnswerType, expected: str, offered: tuple[str, ...], answer: str, rules: Rules, fully: bool
) -> Comparison | None:
    """One of the answers that a reference offers is enough; who repeats several of them names no other."""
    if normalise(expected) == normalise(answer):
        return Comparison(True, "same text")
    outcomes = [_compare(answer_type, one, answer, rules, fully) for one in offered]
    known = [outcome for outcome in outcomes if outcome is not None]
    right = next((outcome for outcome in known if outcome.equal), None)
    if right:
        return right._replace(marks=(*right.marks, "one of the alternatives"))
    if len(known) < len(outcomes):
        return None
    overlaps = [outcome.token_f1 for outcome in known if outcome.token_f1 is not None]
    equal = None if any(outcome.equal is None for outcome in known) else False
    reason = known[0].reason if equal is None else "none of the alternatives"
    return Comparison(equal, known[0].method, reason, max(overlaps, default=None))


def understood(answer_type: AnswerType, reference: str, asked: Asked) -> str | None:
    """Why nothing can be verified against a reference; None where it can. May take any time, as `compare_fully`."""
    answer_type = shown_type(answer_type, reference)
    if offered := alternatives(reference, _offers(answer_type, asked)) if answer_type != "json" else ():
        return next((why for one in offered if (why := understood(answer_type, one, asked))), None)
    if answer_type == "json":
        return json_.understood(reference)
    if answer_type == "boolean":
        return None if boolean.read_boolean(reference) is not None else "neither true nor false"
    if answer_type == "choice":
        return choice.understood(reference, asked)
    if answer_type in ("sequence", "multi"):
        parts = sequence.read_items(reference) if answer_type == "sequence" else multi.texts_of(reference)
        if len(parts) < 2:
            return "it has fewer than two parts"
        return next((why for part in parts if (why := understood(_type_of_part(part), part, asked))), None)
    if answer_type == "text":
        return None if text.compare(reference, reference).equal else "it has no words"
    if dates.read_moment(reference) is not None or read_plain(reference) is not None:
        return None
    return math.understood(reference)
