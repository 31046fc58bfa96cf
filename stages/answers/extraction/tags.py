"""What stands in an answer tag: `<answer>...</answer>`, also where the closing tag was a stop word and is gone."""

import re

from .found import Extracted, without_blanks

_TAG = re.compile(r"<(?P<closing>/)?(?:final[ _]?)?answer>", re.IGNORECASE)


def last_tag(text: str, start: int, end: int) -> Extracted | None:
    """What the last answer tag holds: rules "answer tag", and "open answer tag" for one that never closes."""
    opened: int | None = None
    found: Extracted | None = None
    if text.find("<", start, end) < 0:
        return None
    for tag in _TAG.finditer(text, start, end):
        if not tag["closing"]:
            opened = tag.end()
        elif opened is not None:
            found, opened = without_blanks(text, opened, tag.start(), "answer tag") or found, None
    if opened is None:
        return found
    return without_blanks(text, opened, end, "open answer tag") or found
