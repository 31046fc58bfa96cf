import hashlib
from fractions import Fraction

import pytest

from whet.artifacts import WrongOption
from whet.stages.selection.splitting import drawn, parse_split, position

IDS = [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in range(2000)]


def test_shares_are_disjoint_cover_everything_and_have_their_size():
    train, test = parse_split("train=.9,test=.1", "train"), parse_split("train=.9,test=.1", "test")
    inside = [identity for identity in IDS if test.holds(identity)]
    assert all(train.holds(identity) is not test.holds(identity) for identity in IDS)
    # binomial: 2000 * .1 = 200, standard deviation sqrt(2000 * .1 * .9) = 13.4; four of them
    assert abs(len(inside) - 200) < 54


def test_a_smaller_share_lies_inside_a_larger_one_of_the_same_place():
    small, large = parse_split("train=.5", "train"), parse_split("train=.6,test=.4", "train")
    assert all(large.holds(identity) for identity in IDS if small.holds(identity))
    assert (small.low, small.high, large.high) == (0, Fraction(1, 2), Fraction(3, 5))


def test_positions_never_change():
    assert position("a") == int(hashlib.sha256(b"split\0a").hexdigest()[:16], 16)


def test_the_order_of_a_draw_depends_on_the_seed_alone():
    first, second = (sorted(IDS, key=lambda identity: drawn(seed, identity)) for seed in (0, 1))
    assert first != second
    assert first == sorted(IDS[1000:] + IDS[:1000], key=lambda identity: drawn(0, identity))


@pytest.mark.parametrize(
    ("text", "take"),
    [("train=.9,test=.2", "train"), ("train=.9", "test"), ("train", "train"), ("a=.1,a=.1", "a"), ("a=0", "a")],
)
def test_a_wrong_split_is_refused(text: str, take: str):
    with pytest.raises(WrongOption):
        parse_split(text, take)
