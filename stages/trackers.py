"""Trackers that follow a training beside metrics.jsonl and TensorBoard, each through accelerate's class for it.

    trackers = started(("wandb",), draft)
    trackers[0].log({"loss": 0.3}, step=1)

A run is named by the draft's path and goes on under its own identity after a resume. What it is told are numbers of
steps and the options of the recipe; keys of its service come from the environment and reach no file of ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from ..artifacts import Draft, WrongOption
from ..artifacts.files import digest_of

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker

Tracker = Literal["tensorboard", "wandb", "trackio", "mlflow", "swanlab"]

PROJECT = "whet"
"""What runs are gathered under, where the service's own variable names nothing else."""

_PROJECT_VARIABLES = {
    "wandb": "WANDB_PROJECT", "trackio": "TRACKIO_PROJECT", "mlflow": "MLFLOW_EXPERIMENT_NAME",
    "swanlab": "SWANLAB_PROJECT",
}  # fmt: skip

_TAG = "whet.run"
"""What mlflow knows a run of a draft by."""


def check_installed(names: Sequence[str]) -> None:
    """Refuse a tracker whose package is missing.

    Raises:
        WrongOption: with the line that installs it.
    """
    for name in names:
        if find_spec(name) is None:
            raise WrongOption(f"--log {name} needs the package {name}, which is not installed: pip install {name}")


def started(names: Sequence[str], draft: Draft[Any]) -> list[GeneralTracker]:
    """Start the trackers of a draft; TensorBoard's files are written anyway and need none.

    Raises:
        WrongOption: a tracker that does not start (no key, no such server).
    """
    wanted = [name for name in dict.fromkeys(names) if name != "tensorboard"]
    if not wanted:
        return []
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    if not PartialState._shared_state:
        PartialState(cpu=True)  # accelerate's loggers ask who they are
    trackers = []
    for name in wanted:
        try:
            tracker = LOGGER_TYPE_TO_CLASS[name](_project(name), **_SETTINGS[name](str(draft.folder), identity(draft)))
            tracker.start()
            tracker.store_init_configuration(configuration(draft))
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise WrongOption(f"--log {name} does not start ({reason}): see its settings, or leave it out") from error
        trackers.append(tracker)
    return trackers


def finish(tracker: GeneralTracker) -> None:
    """End the run of a tracker; one that fails is only told of."""
    from loguru import logger

    try:
        if getattr(tracker, "name", "") == "trackio":
            # Its hook at the exit would end the run again, and say so on standard output.
            import trackio  # pyright: ignore[reportMissingImports]

            trackio.finish()
        else:
            tracker.finish()
    except Exception as error:  # noqa: BLE001 - whatever a service's client raises
        logger.warning(f"{type(tracker).__name__} did not end well ({error})")


def identity(draft: Draft[Any]) -> str:
    """What a run of a draft is called by its service: the same after a resume, another one for a new version."""
    return digest_of([draft.recipe, str(draft.folder.resolve()), draft.begun])[:16]


def configuration(draft: Draft[Any]) -> dict[str, Any]:
    """The options of a draft by flat name, with its stage and recipe."""

    def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in values.items():
            found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
        return found

    return {"stage": draft.stage, "recipe": draft.recipe, **flat(draft.options)}


def _project(name: str) -> str:
    return os.environ.get(_PROJECT_VARIABLES[name], PROJECT)


def _wandb(run: str, identity: str) -> dict[str, Any]:
    import wandb  # pyright: ignore[reportMissingImports]

    # Its own record of the command line and the terminal would pass by the masks of ours.
    settings = wandb.Settings(console="off", x_disable_meta=True, save_code=False, disable_git=True)
    return {"name": run, "id": identity, "resume": "allow", "settings": settings}


def _mlflow(run: str, identity: str) -> dict[str, Any]:
    """The server gives a run its id: one that goes on is found by a tag."""
    import mlflow  # pyright: ignore[reportMissingImports]

    experiments = mlflow.search_experiments(filter_string=f"name = '{_project('mlflow')}'")
    runs = mlflow.search_runs(
        [experiment.experiment_id for experiment in experiments], filter_string=f"tags.`{_TAG}` = '{identity}'",
        max_results=1, output_format="list",
    ) if experiments else []  # fmt: skip
    return {"run_name": run, "run_id": runs[0].info.run_id if runs else None, "tags": {_TAG: identity}}


_SETTINGS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "wandb": _wandb,
    "trackio": lambda run, identity: {"name": run, "resume": "allow"},
    "mlflow": _mlflow,
    "swanlab": lambda run, identity: {"experiment_name": run, "id": identity.ljust(21, "0"), "resume": "allow"},
}
