r"""The last box: `\boxed{...}`, `\fbox{...}`, `\framebox{...}`, nested, without braces or never closed."""

import re
from itertools import pairwise

from .found import Extracted, joined, trimmed, without_blanks

Span = tuple[int, int]

_BRACES = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s*(\{?)|\\.|[{}]", re.DOTALL)
_UNBRACED_END = re.compile(r"\$|\\\)|\\\]|(?<=\S)\s")
_OPEN_END = re.compile(r"\$|\\\)|\\\]|\n")
_PLACEHOLDER = re.compile(
    r"\s*(?:[$~_.?…\s]*|\\(?:phantom\{[^}]*\}|square|[lc]dots)"
    r"|(?:\\text\{)?(?:your |the |final )*answer(?: here)?\}?)\s*",
    re.IGNORECASE,
)
_LONGEST_PLACEHOLDER = 40


def last_box(text: str, start: int, end: int) -> Extracted | None:
    r"""The last box that holds something; several boxes of one sentence are one answer.

    A box inside a box belongs to the outer one. A box that never closes ends with its formula or line. Rules: "box",
    "boxes" (several in one sentence: the parts joined), "box without braces", "open box".
    """
    closed, opened, unbraced = _spans(text, start, end)
    last_end = closed[-1][1] if closed else start
    for begin in reversed(opened):
        found = begin > last_end and trimmed(text, begin, _first(_OPEN_END, text, begin, end), "open box")
        if found:
            return found
    if unbraced is not None and unbraced > last_end:
        found = trimmed(text, unbraced, _first(_UNBRACED_END, text, unbraced, end), "box without braces")
        if found:
            return found
    return _together(text, of_one_sentence(text, closed)) if closed else None


def boxes_of(text: str, start: int, end: int) -> list[Extracted]:
    """All closed boxes that hold something, in order."""
    return [box for span in _spans(text, start, end)[0] if (box := _content(text, span))]


def _spans(text: str, start: int, end: int) -> tuple[list[Span], list[int], int | None]:
    """The content of closed boxes, where boxes begin that stay open, and where the last one without braces begins."""
    depth = 0
    opened: list[tuple[int, int]] = []  # where the content of a box begins, and the depth of braces around it
    closed: list[Span] = []
    unbraced: int | None = None
    for token in _BRACES.finditer(text, _first_box(text, start, end), end):
        piece = token.group()
        if piece == "}":
            depth = max(depth - 1, 0)
            if opened and opened[-1][1] == depth:
                begin, _ = opened.pop()
                if _holds_something(text, begin, token.start()):
                    while closed and closed[-1][0] > begin:
                        closed.pop()
                    closed.append((begin, token.start()))
        elif piece[-1] == "{" and (piece == "{" or token.group(1)):
            if piece != "{":
                opened.append((token.end(), depth))
            depth += 1
        elif token.group(1) == "":
            unbraced = token.end()
    return closed, [begin for begin, _ in opened], unbraced


def _first_box(text: str, start: int, end: int) -> int:
    """Where the first box may begin, at the first of the backslashes before it; braces before that do not matter."""
    places = (text.find(name, start, end) for name in ("boxed", "fbox", "framebox"))
    first = min((place for place in places if place >= 0), default=end)
    while first > start and text[first - 1] == "\\":
        first -= 1
    return first


_SOMETHING = re.compile(r"\S")


def _holds_something(text: str, begin: int, end: int) -> bool:
    """Whether a box holds more than blanks or the place for an answer."""
    short = end - begin <= _LONGEST_PLACEHOLDER
    return bool(_SOMETHING.search(text, begin, end)) and not (short and _PLACEHOLDER.fullmatch(text, begin, end))


_BOUNDARY = re.compile(r"\n|[.!?](?=[\s$])|[。！？]")
_DERIVING = re.compile(
    r"^[\s$}\\)\]]*(?:[-+*/^=<>→⇒{]|times|cdot|div|(?:right|Right|long)\w*arrow|implies|to\b)"
    r"|\b(?:no|wait|actually|instead|but|correct(?:ion|ed)|step|then|so|thus|hence|therefore|gives?|get|because|since|again"
    r"|check|total|sum|difference|product|which)\b|不对|所以|因此|因为|于是|从而",
    re.IGNORECASE,
)
_LONGEST_GAP = 120
"""Characters between two boxes of one statement."""


def of_one_sentence(text: str, boxes: list[Span]) -> list[Span]:
    """The last boxes that one sentence lists: `x = 2 and y = 3`, no chain of steps, no second thought."""
    first = len(boxes) - 1
    while first > 0:
        gap = text[boxes[first - 1][1] + 1 : boxes[first][0]]
        if len(gap) > _LONGEST_GAP or _BOUNDARY.search(gap) or _DERIVING.search(gap):
            break
        first -= 1
    return boxes[first:]


def _together(text: str, spans: list[Span]) -> Extracted | None:
    parts = [box for span in spans if (box := _content(text, span))]
    if parts and all(before.text == box.text for before, box in pairwise(parts)):
        return parts[-1]
    return joined(parts, ", ", "boxes") if parts else None


def _content(text: str, span: Span) -> Extracted | None:
    return without_blanks(text, *_unwrapped(text, *span), "box")


_WHOLE_BOX = re.compile(r"\s*\$?\s*\\(?:boxed|fbox|framebox)\s*\{")


def _unwrapped(text: str, begin: int, end: int) -> Span:
    r"""`\boxed{\fbox{4}}` holds `4`: drop boxes that wrap the whole content of a box."""
    for _ in range(8):
        opening = _WHOLE_BOX.match(text, begin, end)
        inside = text[begin:end].rstrip(" $")
        if not opening or not inside.endswith("}"):
            break
        inner, finish = opening.end(), begin + len(inside) - 1
        depth = 0
        for token in _BRACES.finditer(text, inner, finish):
            depth += {"{": 1, "}": -1}.get(token.group()[-1], 0)
            if depth < 0:
                return begin, end
        begin, end = inner, finish
    return begin, end


def _first(pattern: re.Pattern[str], text: str, begin: int, end: int) -> int:
    match = pattern.search(text, begin, end)
    return match.start() if match else end
