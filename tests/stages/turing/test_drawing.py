import pytest

from whet.stages.turing import Drawing, Exhausted, load_task, template_of
from whet.stages.turing._drawing import split_of


def draw(count, first=0, name="addition", **arguments):
    drawing = Drawing(load_task(name), name, **{"seed": 0, "low": 1, "high": 3, **arguments})
    return [(instance, split) for _, instance, split in drawing.between(first, first + count)]


def test_instances_are_distinct_and_the_same_for_the_same_seed():
    first = draw(2000)
    again = draw(2000)
    other = draw(2000, seed=1)
    payloads = {(i.payload["a"], i.payload["b"]) for i, _ in first}
    assert len(payloads) == 2000
    assert first == again
    assert first != other


def test_a_space_that_is_used_up_says_how_many_instances_it_holds():
    # two numbers of one digit: 10 * 10
    assert len(draw(100, low=1, high=1)) == 100
    with pytest.raises(Exhausted) as caught:
        draw(101, low=1, high=1)
    assert caught.value.found == 100


def test_instances_have_the_same_positions_in_whatever_order_they_are_asked_for():
    drawing = Drawing(load_task("addition"), "addition", seed=3, low=1, high=3)
    whole = list(drawing.between(0, 60))
    late = list(drawing.between(70, 75))
    again = list(drawing.between(20, 40))
    assert again == whole[20:40]
    assert [position for position, *_ in late] == [70, 71, 72, 73, 74]
    assert late == list(drawing.between(70, 75))


def test_train_and_test_share_no_instance_whatever_the_seed():
    train = {str(i.payload) for i, _ in draw(3000, seed=1, high=2, side="train")}
    test = {str(i.payload) for i, _ in draw(300, seed=2, high=2, side="test")}
    assert not train & test


def test_swapped_operands_fall_on_the_same_side():
    sides = {}
    for instance, split in draw(4000, low=2, high=2):
        sides.setdefault(frozenset(instance.payload.values()), set()).add(split)
    assert all(len(split) == 1 for split in sides.values())
    assert {"train"} in sides.values()
    assert {"test"} in sides.values()


def test_the_test_share_holds_and_a_larger_one_keeps_what_was_test():
    instances = [instance for instance, _ in draw(5000, low=4, high=6)]
    small = {str(i.payload) for i in instances if split_of("addition", i, 0.1) == "test"}
    large = {str(i.payload) for i in instances if split_of("addition", i, 0.3) == "test"}
    # 5000 * .1 = 500, standard deviation sqrt(5000 * .1 * .9) = 21
    assert 415 < len(small) < 585
    assert small < large


def test_templates_are_all_used_and_fixed_by_seed_and_instance():
    instances = [instance for instance, _ in draw(1000, low=4, high=6)]
    chosen = [template_of(20, 0, instance) for instance in instances]
    assert set(chosen) == set(range(20))
    assert chosen == [template_of(20, 0, instance) for instance in instances]
    assert {template_of(1, 0, instance) for instance in instances} == {0}
