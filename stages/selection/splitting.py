"""Splits by a hash of what is split, never by a seed: a problem lies in the same split in every run, for ever."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction

from ...artifacts import WrongOption

_RANGE = 1 << 64


def position(identity: str) -> int:
    """Where an identity lies in [0, 2^64)."""
    return int.from_bytes(hashlib.sha256(b"split\0" + identity.encode()).digest()[:8], "big")


def drawn(seed: int, identity: str) -> bytes:
    """A sort key that shuffles identities by a seed, whatever order they come in."""
    return hashlib.sha256(f"draw\0{seed}\0{identity}".encode()).digest()


@dataclass(frozen=True)
class Share:
    """One named part of a split: identities between two positions."""

    name: str
    low: Fraction
    high: Fraction

    def holds(self, identity: str) -> bool:
        return self.low * _RANGE <= position(identity) < self.high * _RANGE


def parse_split(text: str, take: str) -> Share:
    """The share called `take` of a split like `train=.9,test=.1`; shares lie side by side in the order given.

    Raises:
        WrongOption: a share cannot be read, they exceed 1, or none has that name.
    """
    shares: dict[str, Share] = {}
    end = Fraction(0)
    for item in text.split(","):
        name, _, size = (part.strip() for part in item.partition("="))
        try:
            width = Fraction(size)
        except (ValueError, ZeroDivisionError):
            width = Fraction(0)
        if not name or name in shares or width <= 0:
            raise WrongOption(f"--split has {item.strip()!r}, expected different NAME=SHARE, such as train=.9,test=.1")
        shares[name] = Share(name, end, end + width)
        end += width
    if end > 1:
        raise WrongOption(f"--split {text!r} adds up to {float(end):g}, expected at most 1")
    if take not in shares:
        raise WrongOption(f"--take is {take!r}, expected a name of --split: {', '.join(shares)}")
    return shares[take]
