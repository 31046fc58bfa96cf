import itertools

import pytest

from whet.stages.turing import load_task
from whet.stages.turing._drawing import Exhausted, draw_instances, split_of, template_of


def draw(name="addition", seed=0, low=1, high=3, side=None, share=0.1, **options):
    return draw_instances(load_task(name), name, seed, low, high, side, share, options)


def test_instances_are_distinct_and_the_same_for_the_same_seed():
    first = list(itertools.islice(draw(), 2000))
    again = list(itertools.islice(draw(), 2000))
    other = list(itertools.islice(draw(seed=1), 2000))
    payloads = {(i.payload["a"], i.payload["b"]) for i, _ in first}
    assert len(payloads) == 2000
    assert first == again
    assert first != other


def test_a_space_that_is_used_up_says_how_many_instances_it_holds():
    # two numbers of one digit: 10 * 10
    drawing = draw(low=1, high=1)
    assert len(list(itertools.islice(drawing, 100))) == 100
    with pytest.raises(Exhausted) as caught:
        next(drawing)
    assert caught.value.found == 100


def test_train_and_test_share_no_instance_whatever_the_seed():
    train = {str(i.payload) for i, _ in itertools.islice(draw(seed=1, high=2, side="train"), 3000)}
    test = {str(i.payload) for i, _ in itertools.islice(draw(seed=2, high=2, side="test"), 300)}
    assert not train & test


def test_swapped_operands_fall_on_the_same_side():
    sides = {}
    for instance, split in itertools.islice(draw(low=2, high=2), 4000):
        sides.setdefault(frozenset(instance.payload.values()), set()).add(split)
    assert all(len(split) == 1 for split in sides.values())
    assert {"train"} in sides.values()
    assert {"test"} in sides.values()


def test_the_test_share_holds_and_a_larger_one_keeps_what_was_test():
    instances = [instance for instance, _ in itertools.islice(draw(low=4, high=6), 5000)]
    small = {str(i.payload) for i in instances if split_of("addition", i, 0.1) == "test"}
    large = {str(i.payload) for i in instances if split_of("addition", i, 0.3) == "test"}
    # 5000 * .1 = 500, standard deviation sqrt(5000 * .1 * .9) = 21
    assert 415 < len(small) < 585
    assert small < large


def test_templates_are_all_used_and_fixed_by_seed_and_instance():
    instances = [instance for instance, _ in itertools.islice(draw(low=4, high=6), 1000)]
    chosen = [template_of(20, 0, instance) for instance in instances]
    assert set(chosen) == set(range(20))
    assert chosen == [template_of(20, 0, instance) for instance in instances]
    assert {template_of(1, 0, instance) for instance in instances} == {0}
