"""Find out whether a text ends in a loop: one period again and again until its end, or one sentence with a counter."""

import re

WINDOW = 20_000
"""Characters at the end of a text that are looked at."""

_PROBE = 24
_CANDIDATES = 32
"""Places where the last characters stood before: each may be a period ago."""

_SHORT_PERIOD = 100
_REPEATS = 4
_REPEATS_OF_SHORT = 10
_LEAST_WORDS = 300
_LEAST_SIGNS = 1000
"""Characters that a loop must cover: fewer with words in it, more where a long number or a table may be meant."""

_LETTER = re.compile(r"[^\W\d_]")


def ends_in_a_loop(text: str) -> bool:
    """Whether one period is repeated until the end of the text.

    The period stands at least 4 times at the end, one of less than 100 characters at least 10 times and over 300
    characters, one without letters over 1,000 characters.
    """
    tail = text[-WINDOW:].rstrip()
    probe, end = tail[-_PROBE:], len(tail)
    for _ in range(_CANDIDATES):
        found = tail.rfind(probe, 0, end - 1)
        if found < 0:
            return False
        end = found + len(probe)
        if _repeats(tail, len(tail) - end):
            return True
    return False


def _repeats(tail: str, period: int) -> bool:
    """Whether the end of a text has a period, often enough to be a loop."""
    repeats = _REPEATS if period >= _SHORT_PERIOD else _REPEATS_OF_SHORT
    least = _LEAST_WORDS if _LETTER.search(tail[-period:]) else _LEAST_SIGNS
    covered = max(repeats * period, least)
    return covered <= len(tail) and tail[-covered:-period] == tail[period - covered :]


_SENTENCE = re.compile(r"(?<=[.!?。！？])\s*|\n+")
_NUMBER = re.compile(r"\d+")
_LONGEST_CYCLE = 3
_COUNTED = 20
"""Rounds of sentences, alike but for a counter, that make a loop."""


def counts_for_ever(text: str) -> bool:
    """Whether a text ends in rounds of one to three sentences in which nothing changes but one counter.

    "Step 12: check the next one. Step 13: check the next one." A table, where several numbers change, is none. The
    last sentence may be cut, and is not looked at.
    """
    sentences = [piece for piece in _SENTENCE.split(text[-WINDOW:]) if piece.strip()][:-1]
    return any(_counts(sentences, cycle) for cycle in range(1, _LONGEST_CYCLE + 1))


def _counts(sentences: list[str], cycle: int) -> bool:
    last = sentences[-cycle * _COUNTED :]
    rounds = ["\n".join(last[place : place + cycle]) for place in range(0, len(last), cycle)]
    if len(last) < cycle * _COUNTED or not _LETTER.search(rounds[0]):
        return False
    if len({_NUMBER.sub("0", one) for one in rounds}) > 1:
        return False
    columns = zip(*(_NUMBER.findall(one) for one in rounds), strict=True)
    return sum(len(set(column)) > 1 for column in columns) <= 1
