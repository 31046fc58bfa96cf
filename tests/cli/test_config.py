import json
from pathlib import Path
from typing import Any

import pytest
import toy_tune

from whet.artifacts import WrongOption
from whet.cli.config import read_config
from whet.cli.options import build, settle
from whet.cli.signature import read_stage

STAGE = read_stage("tune", toy_tune)
COMMANDS = ["tune", "sample", "verify"]


def configured(tmp_path: Path, *texts: str, suffix: str = ".yaml") -> Any:
    given = []
    for number, text in enumerate(texts):
        file = tmp_path / f"options-{number}{suffix}"
        file.write_text(text)
        given += read_config(file, STAGE, COMMANDS, STAGE.fields)
    return build(toy_tune.TuneOptions, settle(STAGE.fields, given))


def test_keys_may_have_dashes_or_underscores_dots_or_levels(tmp_path: Path) -> None:
    options = configured(tmp_path, "steps: 3\nwarm-up: false\nsampling.top_p: .5\nsampling:\n  temperature: 2\n")
    assert (options.steps, options.warm_up) == (3, False)
    assert options.sampling == toy_tune.Drawing(temperature=2.0, top_p=0.5)


def test_a_plain_group_may_also_be_named_by_its_full_path(tmp_path: Path) -> None:
    assert configured(tmp_path, "steps: 3\nspeed: {workers: 2}").speed.workers == 2
    assert configured(tmp_path, "steps: 3\nworkers: 2").speed.workers == 2


def test_the_section_of_the_command_is_read_and_the_others_are_passed_over(tmp_path: Path) -> None:
    options = configured(tmp_path, "steps: 3\ntune:\n  steps: 4\nverify:\n  nonsense: 1\n")
    assert options.steps == 4


def test_a_later_file_wins(tmp_path: Path) -> None:
    options = configured(tmp_path, "steps: 3\nnote: a", "steps: 4")
    assert (options.steps, options.note) == (4, "a")


def test_a_number_without_a_dot_that_yaml_reads_as_text_is_a_number(tmp_path: Path) -> None:
    assert configured(tmp_path, "steps: 3\nkl_weight: 1e-4").objective.kl_weight == 0.0001


def test_a_list_may_be_one_value(tmp_path: Path) -> None:
    assert [str(share) for share in configured(tmp_path, "steps: 3\nshares: [1/3, 0.25]").shares] == ["1/3", "1/4"]
    assert [str(share) for share in configured(tmp_path, "steps: 3\nshares: 1").shares] == ["1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stesp: 3", r"options-0.yaml: no option is called stesp: did you mean steps\?"),
        ("temperature: 3", r"no option is called temperature: did you mean sampling.temperature\?"),
        ("steps: three", r"options-0.yaml: steps: found 'three' \(text\), expected an integer"),
        ("steps: true", r"found true \(a truth value\), expected an integer"),
        ("steps: 3\nwarm_up: 1", r"warm_up: found 1 \(an integer\), expected true or false"),
        ("steps: 3\nclip: 0.1", r"options-0.yaml: clip is read by --objective grpo, but --objective is off-policy"),
        ("steps: 3\nsteps: 4", "key steps stands twice"),
        ("- 3", "found list, expected keys and values"),
        ("steps: [", "options-0.yaml is not valid"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(WrongOption, match=message):
        configured(tmp_path, text)


def test_a_manifest_of_the_same_stage_gives_its_options(tmp_path: Path) -> None:
    manifest = {"format": "whet artifact", "stage": "tune", "options": {"steps": 5, "objective": "grpo", "clip": 0.3}}
    options = configured(tmp_path, json.dumps(manifest | {"runtime": {"workers": 3, "gone": 1}}), suffix=".json")
    assert (options.steps, options.objective.clip, options.speed.workers) == (5, 0.3, 3)
    with pytest.raises(WrongOption, match="is the manifest of whet sample, expected one of whet tune"):
        configured(tmp_path, json.dumps(manifest | {"stage": "sample"}), suffix=".json")


def test_a_missing_file_is_a_wrong_option(tmp_path: Path) -> None:
    with pytest.raises(WrongOption, match="does not exist"):
        read_config(tmp_path / "none.yaml", STAGE, COMMANDS, STAGE.fields)
