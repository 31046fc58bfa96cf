"""What comparing two answers can say; every answer type returns it."""

from typing import NamedTuple


class Comparison(NamedTuple):
    """The outcome of one comparison.

    `equal` is None when nothing can be said (a time-out, a reference that nobody understands): such a row becomes
    an unknown verdict. `method` names the path that decided; `reason` says why a pair is not equal or not known.
    `token_f1` is the overlap of two texts, `marks` are remarks that change no verdict.
    """

    equal: bool | None
    method: str
    reason: str | None = None
    token_f1: float | None = None
    marks: tuple[str, ...] = ()
