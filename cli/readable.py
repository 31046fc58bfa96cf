"""Numbers and texts as a person reads them on a terminal."""

import calendar
import re
import time
import unicodedata

from ..artifacts import WrongOption

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}
"""Unicode categories that a terminal obeys or hides instead of showing."""


def size_text(size: int) -> str:
    """`3.4 MB`, in powers of 1,000."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def age_text(seconds: float) -> str:
    """`5 m`, `3 h`, `12 d`: the largest unit that is not below one."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def age_of(created: str, now: float | None = None) -> float | None:
    """Seconds since a manifest's time stamp, None when it has none."""
    try:
        then = calendar.timegm(time.strptime(created, "%Y-%m-%dT%H:%M:%SZ"))
    except (ValueError, TypeError):
        return None
    return (time.time() if now is None else now) - then


def parse_age(text: str, flag: str) -> float:
    """`30d`, `12h`, `2w` in seconds.

    Raises:
        WrongOption: not of that form.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if match is None:
        raise WrongOption(f"{flag} is {text!r}, expected a number and s, m, h, d or w, such as 30d")
    return float(match[1]) * _SECONDS[match[2]]


def visible(text: str) -> str:
    """A text in which nothing can steer the terminal: control characters are shown instead of sent.

    Line feeds stay. C0 controls become their pictures (escape is ␛), other unseen characters their number, <U+202E>.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    code = ord(character)
    if character == "\n" or unicodedata.category(character) not in _UNSEEN:
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


def short(value: object, width: int = 60) -> str:
    """A value on one line, cut where it is too long."""
    text = visible(str(value)).replace("\n", "␊")
    return text if len(text) <= width else text[: width - 1] + "…"
