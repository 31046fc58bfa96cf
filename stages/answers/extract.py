"""Find the final answer of a rollout: the last box, else an answer tag, else a final-answer phrase, else none.

Reasoning blocks are cut first. Nothing is ever picked out of running text: a rollout that does not state its answer
has none. Every scan is one pass over the text: megabytes or a thousand open boxes cost no more than their length.
"""

import re
from typing import NamedTuple


class Extracted(NamedTuple):
    """An answer as it stands in the text: `text == rollout[start:end]`, and the rule that found it."""

    text: str
    start: int
    end: int
    rule: str


LONGEST_ENDING = 1_000_000
"""Characters at the end of a rollout in which its answer is looked for."""


def extract(text: str) -> Extracted | None:
    """Find the final answer; None when the text states none."""
    start, end = _after_reasoning(text)
    start = max(start, end - LONGEST_ENDING)
    return _last_box(text, start, end) or _last_tag(text, start, end) or _last_phrase(text, start, end)


_REASONING = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)


def _after_reasoning(text: str) -> tuple[int, int]:
    """The part after the last closed reasoning block, and before one that never ends."""
    start, end = 0, len(text)
    opened: int | None = None
    for tag in _REASONING.finditer(text):
        if tag.group(1):
            start, opened = tag.end(), None
        elif opened is None:
            opened = tag.start()
    if opened is not None:
        end = opened
    return start, end


_BRACES = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s*(\{?)|\\.|[{}]", re.DOTALL)
_UNBRACED_END = re.compile(r"\$|\\\)|\\\]|\n|(?<=\S)\s")
_OPEN_END = re.compile(r"\$|\\\)|\\\]|\n")


def _last_box(text: str, start: int, end: int) -> Extracted | None:
    r"""The last `\boxed{...}` or `\fbox{...}` that is not empty; a box inside a box belongs to the outer one.

    A box that never closes ends with its formula or line. Rules: "box", "box without braces", "open box".
    """
    depth = 0
    opened: list[tuple[int, int]] = []  # where the content of a box begins, and the depth of braces around it
    closed: list[tuple[int, int]] = []
    unbraced: int | None = None
    for token in _BRACES.finditer(text, start, end):
        piece = token.group()
        if piece == "}":
            depth = max(depth - 1, 0)
            if opened and opened[-1][1] == depth:
                begin, _ = opened.pop()
                if text[begin : token.start()].strip():
                    while closed and closed[-1][0] > begin:
                        closed.pop()
                    closed.append((begin, token.start()))
        elif piece[-1] == "{" and (piece == "{" or token.group(1)):
            if piece != "{":
                opened.append((token.end(), depth))
            depth += 1
        elif token.group(1) == "":
            unbraced = token.end()
    last_end = closed[-1][1] if closed else start
    for begin, _ in reversed(opened):
        found = begin > last_end and _trimmed(text, begin, _first(_OPEN_END, text, begin, end), "open box")
        if found:
            return found
    if unbraced is not None and unbraced > last_end:
        found = _trimmed(text, unbraced, _first(_UNBRACED_END, text, unbraced, end), "box without braces")
        if found:
            return found
    return _trimmed(text, *_unwrapped(text, *closed[-1]), "box") if closed else None


_WHOLE_BOX = re.compile(r"\s*\$?\s*\\(?:boxed|fbox|framebox)\s*\{")


def _unwrapped(text: str, begin: int, end: int) -> tuple[int, int]:
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


def _last_tag(text: str, start: int, end: int) -> Extracted | None:
    """What stands in the last `<answer>...</answer>`."""
    closing = text.rfind("</answer>", start, end)
    opening = text.rfind("<answer>", start, closing) if closing >= 0 else -1
    return _trimmed(text, opening + len("<answer>"), closing, "answer tag") if opening >= 0 else None


_MARKS = r"[ \t*_`]*"
_PHRASES = {
    "####": re.compile(r"####(?!#)"),
    "answer phrase": re.compile(
        rf"\banswers?{_MARKS}(?:to (?:this|the)[^.:\n]{{0,80}} )?{_MARKS}"
        r"(?:is|are|equals|would be|will be|should be|must be)\b"
        rf"|\banswers?{_MARKS}[:：=]{_MARKS}(?:(?:the|final|answer|is)\b\s*){{0,4}}"
        rf"|\bfinal answer\b(?={_MARKS}[.]?{_MARKS}\n)",
        re.IGNORECASE,
    ),
    "chinese phrase": re.compile(r"(?:答案|结果|結果)(?:应该|應該|应|應)?(?:是|为|為|等于|等於|[:：])"),
}
_LEAD = re.compile(
    r"(?:\n[ \t]*-(?=\s)|[\s*_`:：>=~]|\\approx"
    r"|(?:is|are|equals?|equal to|therefore|thus|simply|just|approximately|about|exactly|indeed)\b(?!\s*$))*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"\n|[.!?](?=[\s*_`\"')]|$)|[。！？；]|;(?=\s)")
_EXPLAINING = re.compile(
    r",?\s+(?:because|since|which|so|as|assuming|given|obtained|after|when|if|where|rather|instead)\b"
    r"|,\s+(?:and|or|but|not|with|while|thus|hence|therefore)\s+(?=[a-z]{2})|[，,]?(?:因为|所以|其中|即)",
    re.IGNORECASE,
)
_OPTION_AHEAD = re.compile(r"[(*_]*[A-J][.)][*_]* +(?=\S)")
_DISPLAY = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("```", "```"))


def _last_phrase(text: str, start: int, end: int) -> Extracted | None:
    """What follows the last "the answer is", "####", "Final Answer" or Chinese phrase, to the end of the sentence."""
    found = sorted(
        (match.end(), rule) for rule, phrase in _PHRASES.items() for match in phrase.finditer(text, start, end)
    )
    for begin, rule in reversed(found[-64:]):
        extracted = _stated_at(text, begin, end, rule)
        if extracted:
            return extracted
    return None


def _stated_at(text: str, begin: int, end: int, rule: str) -> Extracted | None:
    """The answer that follows a phrase ending at `begin`."""
    lead = _LEAD.match(text, begin, min(end, begin + 400))
    begin = lead.end() if lead else begin
    for opening, closing in _DISPLAY:
        if text.startswith(opening, begin, end):
            finish = text.find(closing, begin + len(opening), end)
            rest = _first(_SENTENCE_END, text, finish + len(closing), end) if finish >= 0 else -1
            if finish >= 0 and not text[finish + len(closing) : rest].strip(" .,*_"):
                return _trimmed(text, begin + len(opening), finish, rule)
    option = _OPTION_AHEAD.match(text, begin, end)
    finish = min(_first(_SENTENCE_END, text, option.end() if option else begin, end), begin + 2000)
    explaining = _EXPLAINING.search(text, begin, finish)
    if explaining and explaining.start() > begin:
        finish = explaining.start()
    return _trimmed(text, begin, finish, rule)


def _first(pattern: re.Pattern[str], text: str, begin: int, end: int) -> int:
    match = pattern.search(text, begin, end)
    return match.start() if match else end


_EDGE = " \t\r\n*_`\"'“”,;:：，。"


def _trimmed(text: str, begin: int, end: int, rule: str) -> Extracted | None:
    """Shrink the span past blanks, markdown and closing punctuation; None when nothing is left."""
    edge = " \t\r\n" if rule == "box" else _EDGE
    while begin < end and text[begin] in edge:
        begin += 1
    while begin < end and text[end - 1] in edge:
        end -= 1
    if rule != "box" and end > begin and text[end - 1] == "." and not text[begin:end].endswith("..."):
        end -= 1
    if not text[begin:end].strip(" $"):
        return None
    return Extracted(text[begin:end], begin, end, rule)
