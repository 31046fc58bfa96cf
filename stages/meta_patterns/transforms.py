"""Ways to spoil, correct or break off a completion, whatever it is about: for base cases and for real rollouts alike.

Each is pure: texts and a random state in, a text out. `wordings` is how many wordings may be used, the shortest first.
"""

from __future__ import annotations

import random

from .base_case import pick

DOUBT = ("No, wrong.", "Wait, that is not right.", "Hold on, I made a mistake above.", "Let me check that again: no.")
DOUBT_GONE = (
    "Yes, right.",
    "Wait, is that right? Yes.",
    "Checking it once more: it holds.",
    "I doubted it, but it holds.",
)


def corrected(before: str, after: str, rng: random.Random, wordings: int) -> str:
    """A statement, doubt, and another statement that replaces it."""
    return f"{before}\n{pick(DOUBT, wordings, rng)}\n{after}"


def confirmed(before: str, again: str, rng: random.Random, wordings: int) -> str:
    """A statement, doubt that goes, and the statement again."""
    return f"{before}\n{pick(DOUBT_GONE, wordings, rng)}\n{again}"


UNANSWERABLE = (
    "It cannot be answered.",
    "With what is given, the question cannot be answered.",
    "There is not enough information, so no answer can be determined.",
    "I conclude that this problem has no answer.",
)


def unanswerable(working: str, rng: random.Random, wordings: int) -> str:
    """Working that ends with the claim that there is no answer."""
    return f"{working}\n{pick(UNANSWERABLE, wordings, rng)}"


CODE = (
    "```\nprint(f(<a>))\n```",
    "```python\ndef solve():\n    value = <a>\n    return work_out(value)\n\nprint(solve())\n```",
    "Run this program:\n```python\nfrom sympy import symbols, solve\nx = symbols('x')\nprint(solve(x - <a>))\n```",
)


def code(rng: random.Random, wordings: int) -> str:
    """A program that would print something."""
    return pick(CODE, wordings, rng, a=rng.randint(1, 99))


NO_INTERNET = (
    "I need internet access.",
    "I cannot open web pages, so I cannot look this up.",
    "As I have no access to the internet, please give me the contents of the page.",
    "I am unable to browse the web for this.",
)


def no_internet(rng: random.Random, wordings: int) -> str:
    """A remark that the internet would be needed."""
    return pick(NO_INTERNET, wordings, rng)


def repeated(text: str, times: int) -> str:
    """A text again and again."""
    return " ".join([text] * times)


NOISE = (
    "#$%&*+=~^|;:@!?<>",
    "#$%&*+=~^|;:@!?<>0123456789abcdefghijklmnopqrstuvwxyz",
    "ÃâÂ€™œž¢ ã€‚ï¿½Ð¾Ñ‚Ð²ÐµÑ‚",
)


def noise(length: int, rng: random.Random, wordings: int) -> str:
    """Characters without sense."""
    alphabet = rng.choice(NOISE[:wordings])
    return "".join(rng.choice(alphabet) for _ in range(length))


def first_part(text: str, share: float) -> str:
    """The first share of a text, as a limit of tokens would cut it: in the middle of a word."""
    return text[: max(1, int(len(text) * share))].rstrip()
