"""One number per (seed, position)."""

import numpy as np

from whet.stages.engines.uniforms import mix, uniforms


def test_the_mixer_is_splitmix64() -> None:
    # SplitMix64 from state 0 adds 0x9E3779B97F4A7C15 and mixes; its published first outputs follow.
    golden = 0x9E3779B97F4A7C15
    states = np.array([golden, 2 * golden % 2**64, 3 * golden % 2**64], dtype=np.uint64)
    assert [hex(word) for word in mix(states).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_a_number_depends_on_its_own_seed_and_position_alone() -> None:
    seeds = np.array([5, 2**62 + 1, 7])
    positions = np.array([0, 3, 1000])
    together = uniforms(seeds, positions)
    alone = [uniforms(seeds[i : i + 1], positions[i : i + 1])[0] for i in range(3)]
    assert together.tolist() == alone
    assert len(set(together.tolist())) == 3


def test_numbers_are_uniform_along_positions_and_along_seeds() -> None:
    count = 100_000
    along_positions = uniforms(np.full(count, 42), np.arange(count))
    along_seeds = uniforms(np.arange(count), np.zeros(count, dtype=np.int64))
    for numbers in (along_positions, along_seeds):
        assert numbers.min() >= 0
        assert numbers.max() < 1
        histogram = np.bincount((numbers * 100).astype(int), minlength=100)
        # chi-square with 99 degrees of freedom: mean 99, standard deviation sqrt(198) = 14; 6 deviations up is 183.
        assert ((histogram - 1000) ** 2 / 1000).sum() < 183
        # The correlation of neighbours has standard deviation 1 / sqrt(100,000) = 0.0032.
        assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.02


def test_the_largest_number_times_a_total_stays_below_the_total() -> None:
    largest = 1 - 2.0**-52
    for total in (1.0, 1 - 2.0**-53, 1 + 2.0**-52, 0.9999999, 1.0000001):
        assert largest * total < total
