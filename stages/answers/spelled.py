"""Read numbers that are written as words: `twenty-five`, `two hundred and six`, `a dozen`; and scales: `5 million`."""

import re

_SMALL_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_SMALL_WORDS.split())}
_TENS = {word: 10 * value for value, word in enumerate(_TENS_WORDS.split(), start=2)}
SCALES = {
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
    "千": 1000,
    "万": 10**4,
    "亿": 10**8,
}
"""What a word behind a number multiplies it by."""

NUMBER_WORDS = frozenset((*_SMALL, *_TENS, *SCALES))
FALLING = frozenset(
    (
        "decrease",
        "decreased",
        "decline",
        "drop",
        "dropped",
        "fall",
        "fell",
        "loss",
        "reduction",
        "less",
        "减少",
        "下降",
        "降低",
    )
)
RISING = frozenset(("increase", "increased", "rise", "rose", "gain", "growth", "more", "增加", "上升", "提高"))
"""Words that give the number beside them a direction, and so a sign."""

_BETWEEN = re.compile(r"[ -]+(?:and )?")


def read_words(text: str) -> int | None:
    """The integer that words say; None when they say anything else.

    Units follow tens (`twenty-five`), everything below a hundred may follow a hundred, and scales fall from left to
    right: `one two` and `two hundred million three billion` are no numbers.
    """
    words = _BETWEEN.split(text.lower())
    if words[0] == "a" and len(words) > 1 and words[1] in SCALES:
        words[0] = "one"
    total, group, room, last_scale = 0, 0, 1000, 10**15
    for word in words:
        if word in _SMALL and (value := _SMALL[word]) < room:
            group, room = group + value, 0
        elif word in _TENS and room > _TENS[word]:
            group, room = group + _TENS[word], 10
        elif word in ("hundred", "dozen") and 0 < group < 100 and room < 100:
            group, room = group * SCALES[word], 100 if word == "hundred" else 0
        elif word in SCALES and group and SCALES[word] < last_scale:
            last_scale = SCALES[word]
            total, group, room = total + group * last_scale, 0, 1000
        else:
            return None
    return total + group
