import re

import toy_join
import toy_tune
import toy_write

from whet.cli.help import field_docs, stage_help
from whet.cli.signature import read_stage


def block(text: str, title: str) -> str:
    """One block of a help text."""
    return next(part for part in text.split("\n\n") if part.startswith(title))


def test_help_has_summary_usage_examples_and_the_inputs() -> None:
    text = stage_help(read_stage("join", toy_join), {})
    assert text.startswith("Join the texts of several artifacts.\n\nUsage: whet join TEXTS MANNER MORE... --out FOLDER")
    assert block(text, "Examples:") == "Examples:\n  whet join runs/a all runs/b runs/c --out runs/joined"
    reads = block(text, "Reads:")
    assert re.search(r"TEXTS +Where the first texts come from \(a folder of texts\)", reads)
    assert re.search(r"--policy MODEL +A model folder or hub:org/name@revision", reads)
    assert re.search(r"--lengths-out FOLDER +.* \[OUT-lengths\]", block(text, "Makes:"))


def test_the_string_under_a_field_is_its_help() -> None:
    assert field_docs(toy_tune.Speed) == {"workers": "Processes"}


def test_options_stand_under_their_group_with_defaults_and_marks() -> None:
    text = stage_help(read_stage("tune", toy_tune), {})
    assert re.search(
        r"--sampling.temperature NUMBER\n? +Divides the logits \[0.9\]", block(text, "How rollouts are drawn:")
    )
    assert re.search(r"--workers INTEGER\|auto +Processes \[auto\] \[runtime\]", block(text, "How fast it goes:"))
    own = block(text, "How the policy is tuned:")
    assert re.search(r"--steps INTEGER +Optimiser steps \[required\]", own)
    assert re.search(r"--warm-up/--no-warm-up +Raise .* \[--warm-up\]", own)
    assert re.search(r"--shares FRACTION +Shares that count \(repeatable\) \[1/2\]", own)
    assert re.search(r"--objective {grpo,off-policy}\n? +What is minimised .*\[off-policy\]", own, re.DOTALL)


def test_help_shows_the_options_of_the_variant_that_is_named() -> None:
    stage = read_stage("tune", toy_tune)
    default, named = stage_help(stage, {}), stage_help(stage, {"objective": ["grpo"]})
    assert re.search(r"--margin NUMBER +Margin of the pairs \[0.7\]", default)
    assert "--clip" not in default
    assert "Usage: whet tune --steps INTEGER --out FOLDER [options]" in default
    assert "Group-relative policy optimisation (--objective grpo):\n  --clip NUMBER" in named
    assert "--margin" not in named


def test_only_flags_that_mean_something_are_offered() -> None:
    write, join, tune = (
        stage_help(read_stage(name, module), {})
        for name, module in (("write", toy_write), ("join", toy_join), ("tune", toy_tune))
    )
    assert "--limit" in join
    assert "--limit" not in write
    assert "--trust-remote-code" in join
    assert "--trust-remote-code" not in tune
    assert "--finish" in write
    assert "--finish" not in tune  # a report is not rows
