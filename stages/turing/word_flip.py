"""Word flip: a sentence reversed character by character, spaces included; its characters are the length.

The first state lists every character with its index, states `{i}` from the last index to 1 append one character each.

Deviations: sentences are common words strung together; the states of the second phase use the grammar all tasks share.
"""

import random
from collections.abc import Mapping
from typing import Any

from ._instance import Instance
from ._tape import Style, Tape

ANSWER_TYPE = "text"

TEMPLATES = (
    "{sentence}",
    "Reverse: {sentence}",
    'Reverse the sentence "{sentence}" character by character.',
    'Write "{sentence}" backwards.',
    'Spell "{sentence}" from the last character to the first.',
    'What is "{sentence}" read from right to left?',
    'Flip "{sentence}" so that its last character comes first. Keep the spaces.',
    'Give the mirror image of the text "{sentence}", character by character.',
    'Turn "{sentence}" around, spaces included.',
    'Let s = "{sentence}". What is s reversed?',
    'Print the characters of "{sentence}" in reverse order.',
    'Return the reverse of the string "{sentence}".',
    'Which string do you get by reading "{sentence}" from its end?',
    'Reverse every character of "{sentence}", not word by word.',
    'A machine writes every line backwards. What does it write for "{sentence}"?',
    'A poster says "{sentence}". What does it say when its characters stand in reverse order?',
    'To hide her note "{sentence}", Ada writes it backwards. What does she write?',
    'A text is stored last character first. How is "{sentence}" stored?',
    'The tape "{sentence}" is played backwards, character by character. What comes out?',
    'Ben types "{sentence}" and every new character appears left of the others. What is on the screen?',
)

WORDS = (
    "a i o",
    "an as at be by do go he if in is it me my no of on or so to up us we",
    "all and any are box cat day dog ear egg far fig fox get hat ice ink jam key lid map net old owl pen red run sea "
    "sky sun tea top van war wax yes zoo",
    "able atom bake bird blue boat cold dark deep desk door east farm fast fire fish gold hand iron jump kite lake "
    "leaf lime milk moon nest open palm quiz rain sand ship snow tree vine wind yard zinc",
    "apple beach bread chair cloud dance eagle early field glass grape green horse house knife lemon light maple "
    "metal night ocean paper quiet river salad shoes stone table train urban voice water wheat young zebra",
    "animal bottle bridge candle castle cherry coffee dinner engine flower forest garden guitar hammer island jacket "
    "kitten ladder market needle orange pencil pocket rabbit silver summer ticket valley winter yellow",
    "balloon blanket brother captain chicken compass diamond evening freedom gallery harvest journey kitchen lantern "
    "morning network october penguin quarter rainbow station teacher village weather",
    "airplane baseball building calendar children darkness elephant festival football hospital keyboard language "
    "magazine mountain notebook painting question sandwich treasure umbrella vacation",
)
"""Words of one, two, ... eight letters."""


def generate(rng: random.Random, low: int, high: int) -> Instance:
    """A sentence of exactly low..high characters."""
    left = rng.randint(low, high)
    words: list[str] = []
    while left > 0:
        # After a word come the end or a space and at least one more letter.
        lengths = [n for n in range(1, len(WORDS) + 1) if n == left or n <= left - 2]
        words.append(rng.choice(WORDS[rng.choice(lengths) - 1].split()))
        left -= len(words[-1]) + 1
    sentence = " ".join(words)
    return Instance({"sentence": sentence}, sentence[::-1])


def think(payload: Mapping[str, Any], style: Style = "full") -> str:
    """List the characters, then append them from the last to the first."""
    tape = Tape(style)
    sentence = payload["sentence"]
    count = len(sentence)
    lines = [f"Index {i}: '{character}'" for i, character in enumerate(sentence, 1)]
    lines.append(f"{count} characters, indices 1 to {count}")
    lines.append(f"flipped = characters {count} down to 1")
    brief = "".join(f"{i}{character}" for i, character in enumerate(sentence, 1))
    tape.step(["list"], [("sentence", f"'{sentence}'" if style == "full" else sentence)], "\n".join(lines), brief)
    flipped = ""
    for i in range(count, 0, -1):
        character = sentence[i - 1]
        fetched = [(f"char {i}", f"'{character}'"), ("flipped", f"'{flipped}'")]
        if style == "compact":
            # The string so far stands at the end of the line above; the character alone is fetched.
            fetched = [(f"char {i}", character)]
        flipped += character
        tape.step([i], fetched, f"flipped = '{flipped}'", flipped)
    return tape.halt(flipped)
