"""Compare words: equal after markup, blanks, quotes, case and closing marks are taken off."""

from .comparison import Comparison
from .normalise import letters_and_digits


def compare(expected: str, answer: str) -> Comparison:
    """Whether two texts say the same words; a number inside them counts as its digits."""
    equal = bool(a := letters_and_digits(expected)) and a == letters_and_digits(answer)
    return Comparison(equal, "same words" if equal else "words", None if equal else "another text")
