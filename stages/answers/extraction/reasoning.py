"""Cut what comes before the conclusion: reasoning blocks, and all before `<conclude>` or a "Final Answer" heading."""

import re

from .found import last_match

_REASONING = re.compile(
    r"[<◁]\|?(?P<closing>/|end_of_)?(?:begin_of_)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad)\|?[>▷]",
    re.IGNORECASE,
)
_CONCLUSION = re.compile(r"<conclude>", re.IGNORECASE)
_CONCLUDED = re.compile(r"</conclude>", re.IGNORECASE)
_FINAL_HEADING = re.compile(
    r"(?:^#{1,6}[ \t]*(?:\*\*)?|\*\*)(?:The |My )?Final Answer[*_ \t]*[:.]?[*_ \t]*$", re.IGNORECASE | re.MULTILINE
)


def after_reasoning(text: str) -> tuple[int, int]:
    """The span of what was said to the reader.

    It begins behind the last closed reasoning block and ends before one that never closes; `</think>` closes a block
    that was opened in the prompt. Behind the last `<conclude>` only the conclusion counts (OREAL, Lyu et al. 2025).
    """
    start, end = 0, len(text)
    if "<" not in text and "◁" not in text:
        return start, end
    opened: int | None = None
    for tag in _REASONING.finditer(text):
        if tag["closing"]:
            start, opened = tag.end(), None
        elif opened is None:
            opened = tag.start()
    conclusion = last_match(_CONCLUSION, text, start, end)
    if conclusion:
        start = conclusion.end()
        closing = _CONCLUDED.search(text, start)
        end = closing.start() if closing else end
    if opened is not None and opened >= start:
        end = min(end, opened)
    return start, end


def after_heading(text: str, start: int, end: int) -> int | None:
    """Where the text under the last heading "Final Answer" begins; None when there is no such heading."""
    if text.find("**", start, end) < 0 and text.find("#", start, end) < 0:
        return None
    heading = last_match(_FINAL_HEADING, text, start, end)
    return heading.end() if heading else None
