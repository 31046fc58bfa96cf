"""One uniform number per (seed, position): what makes a rollout independent of its batch.

A generator with a state would tie a row's numbers to the rows beside it. A hash of (seed, position) has no state, so a
row draws the same numbers alone, in any batch, and when it is continued after a stop.
"""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def mix(words: np.ndarray) -> np.ndarray:
    """Scramble 64-bit words one by one: a bijection in which every input bit moves every output bit.

    The finaliser of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
    """
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))


def uniforms(seeds_B: np.ndarray, positions_B: np.ndarray) -> np.ndarray:
    """Float64 numbers in [0, 1) with 52 bits, one for each pair of a seed and a position (the count of drawn tokens).

    u = mix(mix(seed) + (position + 1) * golden) >> 12, over 2^52. 52 bits and not 53, so that u * total < total in
    float64 for every total near 1: inverse-CDF drawing then never runs past the last token.
    """
    streams_B = mix(seeds_B.astype(np.uint64))
    steps_B = positions_B.astype(np.uint64) + np.uint64(1)
    return (mix(streams_B + steps_B * _GOLDEN) >> np.uint64(12)).astype(np.float64) * 2.0**-52
