"""What follows a phrase that announces an answer: "the answer is", `#### N`, "Final Answer", Chinese phrases."""

import re
from collections.abc import Iterator, Mapping

from ..question import Asked
from .found import Extracted, joined, trimmed

_MARKS = r"[ \t*_`]{0,8}"
_HEADINGS = "step|part|case|method|solution|explanation|conclusion|summary|verification|check|final|answer"
PHRASES: Mapping[str, re.Pattern[str]] = {
    "####": re.compile(rf"(?<!#)####(?!#)(?![ \t*]{{0,8}}(?:{_HEADINGS})\b)", re.IGNORECASE),
    "answer phrase": re.compile(
        rf"\banswers?{_MARKS}(?:(?:to|for|of) (?:(?!what|which|how|whether)[^.:\n]){{0,80}}? ?)?{_MARKS}"
        r"\b(?:is|are|equals|(?:would|will|should|must) be)\b"
        rf"|\b(?:answers?|ans){_MARKS}(?:\([^()\n]{{1,40}}\){_MARKS})?[:：=]"
        rf"|^[ \t#*_]{{0,8}}(?:(?:the|my|final|correct) )*answers?{_MARKS}$"
        rf"|\b(?:final (?:result|value)|solutions?(?: set)?){_MARKS}(?:is|are)\b",
        re.IGNORECASE | re.MULTILINE,
    ),
    "chinese phrase": re.compile(
        r"(?:(?:答案|结果|結果)(?:应该|應該|应|應)?(?:是|为|為|等于|等於|[:：】])|^答[:：])", re.MULTILINE
    ),
}
_LEAD = re.compile(
    r"(?:\n[ \t]*[->](?=\s)|[\s*_:：=~]|`(?!``)|\\approx|the value of \S{1,12}(?= is)"
    r"|(?:(?:the|my) (?:final |correct )?answer|(?:we|I) (?:get|have|find)|is|are|gives|equals?|equal to|as follows"
    r"|given by|therefore|thus|simply|just|approximately|about|exactly|indeed)\b(?!\s*$))*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(
    r"\n|(?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bSt)(?<!\bMt)[.!?](?=[\s*_`\"')<]|$)|[。！？]|<(?=\||/s>)"
)
_EXPLAINING = re.compile(
    r"(?<! or),?\s+\(?(?:because|since|which|so|as|assuming|given|obtained|after|where|rather|instead"
    r"|(?:when|if)\b(?!.*\b(?:otherwise|else|when|if)\b))\b|,\s+not\b"
    r"|(?:;|,\s+(?:and|or|but|with|while|thus|hence|therefore))\s+(?:it|this|that|these|we|he|she|they|there|the|I|you)\b"
    r"|[，,]?(?:因为|所以|其中|即)",
    re.IGNORECASE,
)
_OPTION_AHEAD = re.compile(r"[(*_]*[A-J][.)][*_]* +(?=\S)")
_DISPLAY = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("```", "```"))
_LANGUAGE = re.compile(r"\w*\n")
_SAYS_NOTHING = re.compile(
    r"(?:not|(?:in)?correct|right|wrong|clear|obvious|reasonable|consistent|valid|verified|confirmed|above|below|shown"
    r"|expected|in the form|an? (?:positive |negative )?(?:integer|fraction|decimal|number)"
    r"|let['’]?s|let us|we|first|step \d|to (?:find|solve|determine|compute|calculate))\b",
    re.IGNORECASE,
)
_LATEST = 64
"""Phrases at the end of a text that are looked at."""

_LONGEST = 2000
"""Characters of an answer behind a phrase."""


def answer_stated(text: str, start: int, end: int, _: Asked) -> Extracted | None:
    """What the last phrase announces."""
    return last_phrase(text, start, end)


_SECOND_THOUGHT = re.compile(
    r"\b(?:wait|actually|correction|mistake|made an error|sorry|hold on|not right|wrong|let me (?:re|check))"
    r"|不对|更正|算错",
    re.IGNORECASE,
)


def second_thought(text: str, start: int, end: int) -> Extracted | None:
    """What a phrase announces after a doubt about the box before it: "Wait, the answer is 4."."""
    doubt = _SECOND_THOUGHT.search(text, start, end)
    return last_phrase(text, doubt.end(), end) if doubt else None


def last_phrase(
    text: str, start: int, end: int, rules: Mapping[str, re.Pattern[str]] = PHRASES, separator: str = ", "
) -> Extracted | None:
    """What follows the last phrase that is followed by an answer, to the end of the sentence.

    A list under a phrase is one answer, its items joined by the separator (rule "answer list").
    """
    return next((found for found in _announced(text, start, end, rules, separator) if not says_nothing(found)), None)


def empty_phrase(text: str, start: int, end: int) -> Extracted | None:
    """What follows the last phrase, though it is no answer: "the answer is correct", "Answer: let us see"."""
    return next(_announced(text, start, end, PHRASES, ", "), None)


def says_nothing(found: Extracted) -> bool:
    """Whether what follows a phrase says something about the answer, not what it is."""
    return bool(_SAYS_NOTHING.match(found.text))


def _announced(
    text: str, start: int, end: int, rules: Mapping[str, re.Pattern[str]], separator: str
) -> Iterator[Extracted]:
    """What follows each phrase, the last one first."""
    found = sorted((match.end(), rule) for rule, phrase in rules.items() for match in phrase.finditer(text, start, end))
    for begin, rule in reversed(found[-_LATEST:]):
        extracted = stated_at(text, begin, end, rule, separator)
        if extracted:
            yield extracted


def stated_at(text: str, begin: int, end: int, rule: str, separator: str = ", ") -> Extracted | None:
    """The answer that follows a phrase ending at `begin`."""
    items = items_at(text, begin, end)
    if len(items) > 1:
        return joined(items, separator, "answer list")
    lead = _LEAD.match(text, begin, min(end, begin + 400))
    begin = lead.end() if lead else begin
    for opening, closing in _DISPLAY:
        if text.startswith(opening, begin, end):
            finish = text.find(closing, begin + len(opening), end)
            rest = _first(_SENTENCE_END, text, finish + len(closing), end) if finish >= 0 else -1
            if finish >= 0 and not text[finish + len(closing) : rest].strip(" .,*_"):
                begin += len(opening)
                language = _LANGUAGE.match(text, begin, finish) if opening == "```" else None
                return trimmed(text, language.end() if language else begin, finish, rule)
    option = _OPTION_AHEAD.match(text, begin, end)
    finish = min(_first(_SENTENCE_END, text, option.end() if option else begin, end), begin + _LONGEST)
    explaining = _EXPLAINING.search(text, begin, finish)
    if explaining and explaining.start() > begin:
        finish = explaining.start()
    return trimmed(text, begin, finish, rule)


_LIST_AHEAD = re.compile(r"[ \t]*[:：]?[*_ \t]{0,8}\n\s{0,8}(?=[-*•+]\s|\d{1,2}[.)]\s)")
_ITEM = re.compile(r"[ \t]*(?:[-*•+]|\d{1,2}[.)])[ \t]+(?P<item>[^\n]+)(?:\n\s{0,8}|$)")


def items_at(text: str, begin: int, end: int) -> list[Extracted]:
    """The items of a list that begins on the line under a phrase."""
    ahead = _LIST_AHEAD.match(text, begin, end)
    position, items = ahead.end() if ahead else end, []
    while match := _ITEM.match(text, position, end):
        item = trimmed(text, *match.span("item"), "answer list")
        items += [item] if item else []
        position = match.end()
    return items


def _first(pattern: re.Pattern[str], text: str, begin: int, end: int) -> int:
    match = pattern.search(text, begin, end)
    return match.start() if match else end
