"""Find the final answer in a rollout, one module a way of stating it.

found = extract(text, "choice", read_question(question))
"""

from collections.abc import Callable

from ..question import Asked
from .boolean import boolean_stated
from .boxes import last_box
from .choice import choice_stated
from .endings import bare_number, bold_ending, code_ending, unanswerable
from .found import Extracted
from .json import last_json
from .multi import parts_stated
from .phrases import answer_stated, empty_phrase, second_thought, stated_at
from .reasoning import after_heading, after_reasoning
from .sequence import sequence_stated
from .tags import last_tag

__all__ = ["LONGEST_ENDING", "Extracted", "after_reasoning", "extract"]

LONGEST_ENDING = 200_000
"""Characters at the end of a rollout in which its answer is looked for."""

_NOTHING_ASKED = Asked()

Rule = Callable[[str, int, int, Asked], Extracted | None]

_BEFORE_BOXES: dict[str, Rule] = {"json": last_json, "multi": parts_stated}
_IN_SENTENCES: dict[str, Rule] = {"choice": choice_stated, "boolean": boolean_stated, "sequence": sequence_stated}
_AT_THE_END: tuple[Callable[[str, int, int, str], Extracted | None], ...] = (
    unanswerable,
    bold_ending,
    code_ending,
    bare_number,
)


def extract(text: str, answer_type: str = "math", asked: Asked = _NOTHING_ASKED) -> Extracted | None:
    """Find the final answer; None when the text states none.

    Reasoning is cut first. What stands under a heading "Final Answer" comes before all else, then the last box or
    answer tag, then the phrases of the answer type, then what the last line states, or a text that is nothing but a
    number. Nothing is ever picked out of running text. Every scan is one pass over the text: megabytes or a thousand
    open boxes cost no more than their length.
    """
    start, end = after_reasoning(text)
    start = max(start, end - LONGEST_ENDING)
    heading = after_heading(text, start, end)
    if heading is not None:
        found = _stated(text, heading, end, answer_type, asked) or stated_at(text, heading, end, "answer phrase")
        if found:
            return found
    return _stated(text, start, end, answer_type, asked)


def _stated(text: str, start: int, end: int, answer_type: str, asked: Asked) -> Extracted | None:
    """The answer in one part of a text."""
    tag, box = last_tag(text, start, end), last_box(text, start, end)
    if tag and not (box and box.start > tag.end):
        inside = _stated(text, tag.start, tag.end, answer_type, asked)
        return tag if inside is None or inside.text == tag.text else inside
    early = _BEFORE_BOXES.get(answer_type)
    found = early(text, start, end, asked) if early else None
    if found and not (box and found.end == box.end):
        return found
    if box:
        return second_thought(text, box.end, end) or found or box
    found = _IN_SENTENCES.get(answer_type, answer_stated)(text, start, end, asked)
    late = (rule(text, start, end, answer_type) for rule in _AT_THE_END)
    return found or next(filter(None, late), None) or empty_phrase(text, start, end)
