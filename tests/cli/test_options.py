import dataclasses
import importlib
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any

import pytest
import toy_tune

from whet.artifacts import WrongOption
from whet.cli.main import STAGES
from whet.cli.options import Given, build, read, record, settle
from whet.cli.signature import read_stage
from whet.stages.options import Later

OPTIONS = list(read(toy_tune.TuneOptions))


def tuned(**texts: str | list[str]) -> Any:
    """The options object of flags: `tuned(steps="3")`."""
    given = [Given(key.replace("__", "."), value if isinstance(value, list) else [value], f"--{key}", True)
             for key, value in texts.items()]  # fmt: skip
    return build(toy_tune.TuneOptions, settle(OPTIONS, given))


def test_every_field_is_one_flag_and_groups_are_dotted_unless_flat() -> None:
    assert [(option.flag, option.runtime) for option in OPTIONS] == [
        ("--objective", False),
        ("--clip", False), ("--kl-weight", False),  # of Grpo
        ("--margin", False), ("--kl-weight", False),  # of OffPolicy
        ("--sampling.temperature", False), ("--sampling.top-p", False),
        ("--workers", True),
        ("--steps", False), ("--shares", False), ("--warm-up", False), ("--note", False),
    ]  # fmt: skip


def test_defaults_are_those_of_the_instance_that_the_field_names() -> None:
    options = tuned(steps="3")
    assert options == toy_tune.TuneOptions(steps=3)
    assert options.objective == toy_tune.OffPolicy(margin=0.7, kl_weight=0.1)
    assert options.sampling.temperature == 0.9


def test_a_chosen_variant_has_its_own_defaults_and_flags() -> None:
    assert tuned(steps="3", objective="grpo").objective == toy_tune.Grpo(clip=0.2, kl_weight=0.001)
    assert tuned(steps="3", objective="grpo", kl_weight="0.5").objective.kl_weight == 0.5
    assert tuned(steps="3", kl_weight="0.5").objective == toy_tune.OffPolicy(margin=0.7, kl_weight=0.5)


def test_a_flag_of_another_variant_is_refused_with_the_variant_that_reads_it() -> None:
    with pytest.raises(WrongOption, match=r"--clip is read by --objective grpo, but --objective is off-policy"):
        tuned(steps="3", clip="0.1")


@dataclasses.dataclass(frozen=True)
class Fast:
    speed: int = 1


@dataclasses.dataclass(frozen=True)
class Careful:
    checks: int = 2


@dataclasses.dataclass(frozen=True)
class Found:
    become: Annotated[Callable[[type], Any], Later] = lambda variant: variant()


@dataclasses.dataclass(frozen=True)
class Way:
    way: Found | Fast | Careful = dataclasses.field(default_factory=Found)


def found_way(**texts: str) -> Found:
    given = [Given(key, [value], f"--{key}", True) for key, value in texts.items()]
    found = build(Way, settle(list(read(Way)), given)).way
    assert isinstance(found, Found)
    return found


def test_options_given_beside_a_variant_that_inputs_decide_are_read_by_that_one() -> None:
    assert [option.flag for option in read(Way)] == ["--way", "--speed", "--checks"]
    assert found_way().become(Careful) == Careful(checks=2)
    assert found_way(checks="3").become(Careful) == Careful(checks=3)
    assert found_way(way="found", speed="4").become(Fast) == Fast(speed=4)


def test_options_of_another_variant_than_inputs_decide_are_refused_then() -> None:
    with pytest.raises(WrongOption, match="--checks is read by --way careful, but the inputs ask for fast: leave it"):
        found_way(checks="3").become(Fast)
    with pytest.raises(WrongOption, match="--checks is 'x', expected an integer"):
        found_way(checks="x").become(Careful)
    with pytest.raises(WrongOption, match="--checks is read by --way careful, but --way is fast"):
        build(Way, settle(list(read(Way)), [Given("way", "fast", "f", False), Given("checks", 3, "--checks", False)]))


def test_a_missing_required_option_names_its_flag() -> None:
    with pytest.raises(WrongOption, match="--steps is missing, expected an integer"):
        tuned()


def test_values_get_the_declared_types() -> None:
    options = tuned(steps="1_000", shares=["1/3", "1,0.25"], workers="4", warm_up="false", note="none")
    assert options.steps == 1000
    assert options.shares == [Fraction(1, 3), Fraction(1), Fraction(1, 4)]
    assert (options.speed.workers, options.warm_up, options.note) == (4, False, None)
    assert tuned(steps="1", workers="auto").speed.workers == "auto"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"steps": "3.5"}, "'3.5', expected an integer"),
        ({"steps": "3", "workers": "aut"}, "expected auto or an integer: did you mean auto"),
        ({"steps": "3", "objective": "gpro"}, "expected grpo or off-policy: did you mean grpo"),
        ({"steps": "3", "sampling__temperature": "nan"}, "expected a number"),
        ({"steps": "3", "shares": "1/0"}, "expected a fraction"),
    ],
)
def test_a_wrong_value_says_what_was_expected(flags: dict[str, str], message: str) -> None:
    with pytest.raises(WrongOption, match=message):
        tuned(**flags)


def test_the_record_holds_each_active_option_once_semantic_and_runtime_apart() -> None:
    semantic, runtime = record(toy_tune.TuneOptions(steps=3, objective=toy_tune.Grpo()))
    assert semantic == {
        "objective": "grpo", "clip": 0.2, "kl_weight": 0.001, "sampling.temperature": 0.9, "sampling.top_p": 1.0,
        "steps": 3, "shares": ["1/2"], "warm_up": True, "note": None,
    }  # fmt: skip
    assert runtime == {"workers": "auto"}


def test_what_a_dataclass_refuses_is_a_wrong_option() -> None:
    @dataclasses.dataclass(frozen=True)
    class Positive:
        count: int = 1

        def __post_init__(self) -> None:
            if self.count < 1:
                raise ValueError(f"--count is {self.count}, expected 1 or more")

    with pytest.raises(WrongOption, match="--count is 0, expected 1 or more"):
        build(Positive, {("count",): 0})


@pytest.mark.parametrize("name", STAGES)
def test_no_two_options_of_a_stage_share_a_flag(name: str) -> None:
    """Variants of one choice may: only one of them is there at a time."""
    stage = read_stage(name, importlib.import_module(STAGES[name]))
    plain = [option.key for option in stage.fields if not option.needs]
    inside: dict[tuple[object, ...], list[str]] = {}
    for option in stage.fields:
        if option.needs:
            inside.setdefault(option.needs, []).append(option.key)
    assert len(plain) == len(set(plain))
    for needs, keys in inside.items():
        assert len(keys) == len(set(keys)), needs
        assert set(keys).isdisjoint(plain), (needs, sorted(set(keys) & set(plain)))
