"""Say why a rollout is no attempt at an answer: empty, looping, truncated, garbled, a refusal, or no answer.

The validity check comes first (CompassVerifier, Liu et al. 2025): a rollout that ends in a loop is invalid whatever it
stated before. Garbled text and refusals count only where no answer is stated.
"""

import re

from .extraction import Extracted, after_reasoning
from .garbled import is_garbled
from .looping import counts_for_ever, ends_in_a_loop

CUT = "cut by length after its answer"
"""The mark of a rollout that was cut by length, but states its answer before the cut."""


def validity(text: str, finish_reason: str | None, found: Extracted | None) -> str | None:
    """The reason why a rollout is invalid, None when its answer can be compared.

    Args:
        text: the whole rollout
        finish_reason: "length" for a rollout that the limit of tokens cut
        found: its answer, None when it states none
    """
    if not text.strip():
        return "empty"
    if ends_in_a_loop(text):
        return "looping"
    cut = finish_reason == "length"
    if found is not None and not (cut and runs_into_the_cut(found, text)):
        return None
    if counts_for_ever(text):
        return "looping"
    if is_garbled(text):
        return "garbled"
    if found is None and is_refusal(text):
        return "refusal"
    return "truncated" if cut or breaks_off(text) else "no answer"


def runs_into_the_cut(found: Extracted, text: str) -> bool:
    """Whether the end of a truncated rollout may cut through the answer: nothing follows it. JSON is whole as it is."""
    return found.rule != "json" and not text[found.end :].strip(" \t\r\n.,*")


_WORD_AT_END = re.compile(
    r"\b(?:a|an|the|of|to|in|on|at|by|for|with|from|and|or|but|so|as|if|is|are|was|we|I|that|which|this|then|let|because"
    r"|since|has|have|can|will|be|not|its|their|our|where|when|than)\Z|[的和与把在是为以对从到将被及或]\Z"
)
_SIGN_AT_END = re.compile(r"[,，、;；:：(\[{（+*/=<>^_&\\-]\Z|\\(?:frac|sqrt|cdot|times|left|div|leq?|geq?|to)\Z")
_SENTENCE_AT_END = re.compile(r"[^.!?。！？\n]*[A-Za-z]\Z")
_LABEL_AT_END = re.compile(r":\s*\S+(?:\s\S+)?\Z")
_SENTENCE_WORDS = 6
_PAIRS = (("\\[", "\\]"), ("\\(", "\\)"), ("\\begin{", "\\end{"))
_LAST = 5000
"""Characters at the end of a text in which a break or a refusal is looked for."""


def breaks_off(text: str) -> bool:
    """Whether a text without an answer ends mid-sentence, in an open formula or environment, or in its reasoning."""
    ending = text[-_LAST:].rstrip()
    if after_reasoning(text)[1] < len(text) or text.count("```") % 2:
        return True
    if any(ending.rfind(opening) > ending.rfind(closing) for opening, closing in _PAIRS):
        return True
    if _WORD_AT_END.search(ending) or _SIGN_AT_END.search(ending):
        return True
    sentence = _SENTENCE_AT_END.search(ending)
    long = sentence is not None and len(sentence.group().split()) >= _SENTENCE_WORDS
    return long and not _LABEL_AT_END.search(ending)


_REFUSAL = re.compile(
    r"\bI(?: am|['’]m)? (?:can ?not|can['’]t|could ?n[o'’]t|unable to|not able to|won['’]t|will not)(?: \w+)?"
    r" (?:help|assist|answer|provide|solve|comply|access|browse|look|open|complete|respond)\b"
    r"|\bas an? (?:AI|artificial intelligence|(?:large )?language model)\b"
    r"|\b(?:need|require|have no|(?:do not|don['’]t) have|without|lack)(?: any)?(?: access to)?(?: the)?"
    r" (?:internet|web|online|real-time)\b"
    r"|(?:无法|不能|不便|没有办法)(?:直接)?(?:回答|访问|提供|帮助|协助|完成|解答|联网)|作为(?:一个|一名)?(?:人工智能|AI|大?语言模型)",
    re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """Whether a text without an answer declines: "I cannot help with that", "As an AI ...", asks for the internet."""
    start, end = after_reasoning(text)
    return bool(_REFUSAL.search(text, max(start, end - _LAST), end))
