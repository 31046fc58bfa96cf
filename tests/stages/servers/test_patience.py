from whet.stages.servers.client import Server


def test_the_delays_double_and_are_spread_by_chance_and_seeded():
    first, again, other = (Server("http://127.0.0.1:1/v1#m", seed=seed) for seed in (0, 0, 1))
    delays = [first.patience.delay(k) for k in range(1, 9)]
    assert delays == [again.patience.delay(k) for k in range(1, 9)]
    assert delays != [other.patience.delay(k) for k in range(1, 9)]
    # .5 x 2^(k-1) s, at most 32 s, times something from .5 to 1.
    for delay, whole in zip(delays, [0.5, 1, 2, 4, 8, 16, 32, 32], strict=True):
        assert whole / 2 <= delay <= whole
