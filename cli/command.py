"""A stage's signature -> a command: click parses the words, this gives them meaning."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from ..artifacts import WrongOption
from .config import read_config
from .options import Given, Option, build, flag_of, negation_of, read, settle
from .running import FLAGS_ONLY, SHORT, Running, running_options
from .signature import Input, Stage


def stage_command(stage: Stage, commands: Collection[str]) -> click.Command:
    """The command of a stage.

    Args:
        commands: names of all commands, for sections of configuration files.
    """
    options = [*stage.fields, *running_options(stage)]

    def call(**parsed: Any) -> int:
        return _call(stage, options, commands, parsed)

    parameters: list[click.Parameter] = [_input_parameter(item) for item in stage.inputs]
    parameters += [click.Option(["value", output.flag]) for output in stage.outputs]
    parameters += [_option_parameter(key, [o for o in options if o.key == key]) for key in _keys(options)]
    parameters.append(click.Option(["help", "-h", "--help"], is_flag=True))
    _name_exactly(parameters)
    return click.Command(stage.name, params=parameters, callback=call, add_help_option=False)


def _keys(options: list[Option]) -> list[str]:
    return list(dict.fromkeys(option.key for option in options))


def _name_exactly(parameters: list[click.Parameter]) -> None:
    """Give every parameter a name of its own: click allows identifiers only."""
    for parameter in parameters:
        parameter.name = parameter.opts[0] if isinstance(parameter, click.Argument) else parameter.opts[-1]


def _input_parameter(item: Input) -> click.Parameter:
    if item.flag is not None:
        return click.Option(["value", item.flag], multiple=item.many)
    return click.Argument([item.name], nargs=-1 if item.many else 1, required=False)


def _option_parameter(key: str, owners: list[Option]) -> click.Parameter:
    """One flag; variants may share it, each with its own type, so its texts are read later."""
    flag = flag_of(key)
    short = [SHORT[key]] if owners[0].owner is Running and key in SHORT else []
    if all(owner.form.boolean for owner in owners):
        return click.Option(["value", *short, f"{flag}/{negation_of(flag)}"], default=None)
    return click.Option(["value", *short, flag], multiple=True)


def _call(stage: Stage, options: list[Option], commands: Collection[str], parsed: dict[str, Any]) -> int:
    flags = _given_flags(options, parsed)
    if parsed["--help"]:
        from .help import stage_help

        click.echo(stage_help(stage, {item.key: item.value for item in flags}))
        return 0
    own = stage.fields
    settable = own + [option for option in running_options(stage) if option.key not in FLAGS_ONLY]
    files = [Path(text) for item in flags if item.key == "config" for text in item.value]
    given = [item for path in files for item in read_config(path, stage, commands, settable)] + flags
    mine = {option.key for option in own}
    chosen = build(stage.options, settle(own, [item for item in given if item.key in mine])) if stage.options else None
    running = _running(stage, [item for item in given if item.key not in mine])
    return _start(stage, chosen, running, parsed)


def _given_flags(options: list[Option], parsed: dict[str, Any]) -> list[Given]:
    """The flags that stand on the command line, as texts."""
    given = []
    for key in _keys(options):
        flag = flag_of(key)
        value = parsed[flag]
        if isinstance(value, bool):
            given.append(Given(key, ["true" if value else "false"], flag if value else negation_of(flag), texts=True))
        elif value:
            given.append(Given(key, list(value), flag, texts=True))
    return given


def _running(stage: Stage, given: list[Given]) -> Running:
    own = {option.key for option in running_options(stage)}
    values = settle(list(read(Running)), [item for item in given if item.key in own])
    running = build(Running, values)
    if running.grace_seconds < 0:
        raise WrongOption(f"--grace-seconds is {running.grace_seconds:g}, expected 0 or more")
    return running


def _start(stage: Stage, chosen: Any, running: Running, parsed: dict[str, Any]) -> int:
    from .run import Run

    words: dict[str, Any] = {}
    for item in stage.inputs:
        value = parsed[item.flag or item.name]
        words[item.name] = (list(value) or None) if item.many else value
        if item.required and not words[item.name]:
            raise WrongOption(f"{item.label} is missing, expected {item.described}")
    run = Run(stage, chosen, running, words, _outs(stage, parsed))
    if running.dry_run:
        from .dry_run import dry_run

        plan = dry_run(run)
        if plan is not None:
            click.echo(plan)
        return 0
    from .execute import execute

    return execute(run)


def _outs(stage: Stage, parsed: dict[str, Any]) -> dict[str, Path | None]:
    """Where each output goes: `--out`, and beside it `OUT-NAME` for those that must be made."""
    outs: dict[str, Path | None] = {}
    main = next(output for output in stage.outputs if not output.role)
    if parsed[main.flag] is None:
        raise WrongOption(f"--out is missing, expected {'a file' if main.file else 'a folder for the versions'}")
    for output in stage.outputs:
        given = parsed[output.flag]
        if given is not None:
            outs[output.name] = Path(given)
        elif output.optional:
            outs[output.name] = None
        else:
            beside = Path(parsed[main.flag])
            outs[output.name] = beside.with_name(f"{beside.name}-{output.role.replace('_', '-')}")
    return outs
