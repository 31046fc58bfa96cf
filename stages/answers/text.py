"""Compare words: equal after markup, blanks, quotes, case, closing marks and a leading article are taken off.

The overlap of two texts is the F1 of their tokens as SQuAD counts it (Rajpurkar et al. 2016, section 6.1).
Deviations: Chinese characters are tokens of their own; LaTeX wrappers go before anything else.
"""

import re
import string
from collections import Counter

from .comparison import Comparison
from .normalise import letters_and_digits

_LEADING_ARTICLE = re.compile(r"(?:the|an?) (?=\S)")
_BETWEEN_WORDS = re.compile(r"(?<=[^\W\d_])(?:-(?=[^\W\d_])|[,.](?= )) ?")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_CHINESE = re.compile(r"([\u3400-\u9fff])")
_NO_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))


def compare(expected: str, answer: str) -> Comparison:
    """Whether two texts say the same words; a number inside them counts as its digits."""
    left, right = letters_and_digits(expected), letters_and_digits(answer)
    equal = bool(left) and (left == right or _without_article(left) == _without_article(right))
    overlap = 1.0 if equal else token_f1(left, right)
    return Comparison(equal, "same words" if equal else "words", None if equal else "another text", overlap)


def _without_article(text: str) -> str:
    return _BETWEEN_WORDS.sub(" ", _LEADING_ARTICLE.sub("", text, count=1))


def token_f1(expected: str, answer: str) -> float:
    """2pr / (p + r): precision and recall of the answer's tokens, each counted as often as it occurs; in [0, 1]."""
    left, right = _tokens(expected), _tokens(answer)
    if not left or not right:
        return float(left == right)
    shared = sum((Counter(left) & Counter(right)).values())
    return 2 * shared / (len(left) + len(right))


def _tokens(text: str) -> list[str]:
    text = _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION))
    return _CHINESE.sub(r" \1 ", text).split()
