"""Overlap with a test set: the same text, or 13 words in a row that also stand in a test problem.

Words are what blanks separate, in lower case, without the punctuation around them; signs of mathematics stay.
The 13 words follow GPT-3 (Brown et al. 2020, appendix C).
Deviations: runs of words that stand in more than `TEMPLATE_PROBLEMS` test problems are wording that all of them share
("Put your final answer in a box ..."), so they tell nothing and are passed over; system messages are left out alike.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

TEMPLATE_PROBLEMS = 10
_PUNCTUATION = ".,;:!?\"'`()[]{}…“”‘’。,、!?:;"


def asked_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """What a problem asks: the text of its messages but the system's."""
    return "\n".join(str(message["content"]) for message in messages if message["role"] != "system")


def words_of(text: str) -> list[str]:
    """The words that are compared."""
    stripped = ((word.strip(_PUNCTUATION) or word) for word in text.casefold().split())
    return list(stripped)


def runs_of(words: Sequence[str], length: int) -> Iterator[bytes]:
    """A digest of every run of `length` words (8 bytes each)."""
    for start in range(len(words) - length + 1):
        yield _digest(" ".join(words[start : start + length]))


class TestSet:
    """The texts of a test set, as digests.

    Args:
        texts: what every test problem asks.
        run_words: how many words in a row count as overlap; 0 compares whole texts only.
    """

    __test__ = False  # the name is no test's

    def __init__(self, texts: Iterable[str], run_words: int = 13) -> None:
        self.run_words = run_words
        self._whole: set[bytes] = set()
        seen_in: Counter[bytes] = Counter()
        for text in texts:
            words = words_of(text)
            whole = _digest(" ".join(words))
            if whole in self._whole:
                continue
            self._whole.add(whole)
            if run_words:
                seen_in.update(set(runs_of(words, run_words)))
        self._runs = {run for run, problems in seen_in.items() if problems <= TEMPLATE_PROBLEMS}

    def overlap(self, text: str) -> str | None:
        """How a text overlaps with the test set: "exact", "words", or None."""
        words = words_of(text)
        if _digest(" ".join(words)) in self._whole:
            return "exact"
        if self.run_words and any(run in self._runs for run in runs_of(words, self.run_words)):
            return "words"
        return None


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
