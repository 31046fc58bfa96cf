"""The state of a training: weights, moments and progress, in safetensors and JSON; nothing is unpickled.

Of a model that is spread over processes, each writes the rows it has; any number of processes reads them again. A
checkpoint is a folder that appears under its name when it is whole. The same files, in `trainer/` of a published
policy, let another training go on from it.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..artifacts import WrongArtifact
from ..artifacts.files import TEMPORARY, read_json, remove_tree, sync_folder, write_json
from .distribution.sharding import part
from .distribution.state_files import file_name, read_part, write_part
from .learner import Learner

TRAINER = "trainer"
_WEIGHTS, _MOMENTS, _STATE = "weights", "moments", "state.json"
_VERSION = 1


@dataclass(kw_only=True)
class Progress:
    """How far a training is."""

    step: int = 0
    """Steps done, those of trainings before this one included"""

    updates: int = 0
    """Steps that had something to learn from"""

    skipped: int = 0
    """Steps whose gradients were too large to learn from"""

    tokens: int = 0
    """Trained tokens, each as often as it was seen"""

    seen: int = 0
    """Tokens of the rows trained on, prompts included, each as often as it was seen"""

    unlogged: dict[str, float] = field(default_factory=dict)
    """Numbers of the newest step that are not in the log yet, as a stop came while they were completed"""

    data: dict[str, Any] = field(default_factory=dict)
    """Where the data stands, in the words of whoever supplies it"""


def write_state(folder: Path, learner: Learner, progress: Progress, *, weights: bool = True) -> list[Path]:
    """Write the state's files into a folder, durable; those that this process wrote.

    Args:
        weights: False where the model's own files hold the float32 weights already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return _Snapshot(learner, progress, weights=weights).write(folder)


class _Snapshot:
    """What a process writes of a state.

    Args:
        copied: hold copies in the memory of the CPU, so that the training may go on.
    """

    def __init__(self, learner: Learner, progress: Progress, *, weights: bool = True, copied: bool = False) -> None:
        processes = learner.processes
        self.rank, self.parts = processes.rank, processes.count if learner.sharded else 1
        self.writes = processes.leads or learner.sharded
        named = {_MOMENTS: learner.moments()} | ({_WEIGHTS: learner.weights()} if weights else {})
        self.tensors: dict[str, dict[str, Any]] = named if self.writes else {}
        if copied:
            # "cpu" alone would not copy what is there already, as the random numbers are.
            self.tensors = {
                name: {key: part(value).to("cpu", copy=True) for key, value in tensors.items()}
                for name, tensors in self.tensors.items()
            }
        self.state = {"version": _VERSION, "parts": self.parts, **asdict(progress)}

    def write(self, folder: Path) -> list[Path]:
        """Write this process's files into a folder that is there."""
        if not self.writes:
            return []
        written = [write_part(folder, name, tensors, self.rank, self.parts) for name, tensors in self.tensors.items()]
        if self.rank == 0:
            write_json(folder / _STATE, self.state)
        sync_folder(folder)
        return written

    def complete(self, folder: Path) -> bool:
        """Whether the files of all processes are there."""
        names = [file_name(name, rank, self.parts) for name in self.tensors for rank in range(self.parts)]
        return all((folder / f"{name}.safetensors").exists() for name in names)


def read_state(folder: Path, learner: Learner) -> Progress:
    """Give the learner the state of a folder.

    Raises:
        WrongArtifact: the folder holds no state, a newer one, or that of another model.
    """
    if not (folder / _STATE).is_file():
        raise WrongArtifact(
            f"{folder.parent} has no {TRAINER}/ to continue from, expected a policy that whet train-policy made: "
            "leave out --continue-from to start anew"
        )
    state = read_json(folder / _STATE)
    if state.pop("version") != _VERSION:
        raise WrongArtifact(f"{folder / _STATE} was written by another version of whet, expected version {_VERSION}")
    parts = state.pop("parts", 1)
    here = (learner.processes.rank, learner.processes.count) if learner.sharded else (0, 1)
    try:
        if (folder / f"{file_name(_WEIGHTS, 0, parts)}.safetensors").is_file():
            learner.set_weights(read_part(folder, _WEIGHTS, parts, *here, learner.parameters))
        learner.set_moments(read_part(folder, _MOMENTS, parts, *here, learner.parameters))
    except (KeyError, RuntimeError) as error:
        raise WrongArtifact(f"{folder} is the state of another model ({error}): give its own policy") from error
    known = {item.name for item in fields(Progress)}
    return Progress(**{key: value for key, value in state.items() if key in known})


class Checkpoints:
    """The checkpoints of a draft, the newest `keep` of them kept."""

    def __init__(self, folder: Path, keep: int = 1) -> None:
        self.folder, self._keep = folder, keep
        self._writing: threading.Thread | None = None
        self._error: Exception | None = None

    def newest(self) -> Path | None:
        return max(self.folder.glob("step-*"), default=None)

    def save(self, learner: Learner, progress: Progress, *, background: bool | None = None) -> Path:
        """Write a checkpoint; older ones go when this one is durable. One that cannot be written leaves nothing.

        Args:
            background: write while the training goes on, until the next `save` or `finish`; by default on a GPU. On a
                CPU the copy would take memory, and the writing cores, from the training.

        Raises:
            OSError: this one, or the one before that was written in the background, cannot be written.
        """
        self.finish()
        processes = learner.processes
        target = self.folder / f"step-{progress.step:08d}"
        if processes.any(target.exists()):
            return target
        # One name for all processes: there is one command that writes here.
        unfinished = self.folder / f"{TEMPORARY}{target.name}"
        if processes.leads:
            remove_tree(unfinished)
            unfinished.mkdir(parents=True)
        processes.wait()
        background = learner.device.type != "cpu" if background is None else background
        snapshot = _Snapshot(learner, progress, copied=background)
        self._writing = threading.Thread(target=self._write, args=(snapshot, unfinished, target), daemon=True)
        self._writing.start()
        if not background:
            self.finish()
            # Whoever ends before the checkpoint is whole may take the others along.
            processes.wait()
        return target

    def finish(self) -> None:
        """Wait for what is being written.

        Raises:
            OSError: it cannot be written.
        """
        if self._writing is not None:
            self._writing.join()
            self._writing = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _write(self, snapshot: _Snapshot, unfinished: Path, target: Path) -> None:
        """Write this process's part; the first process gives the checkpoint its name when all parts are there."""
        try:
            snapshot.write(unfinished)
            if snapshot.rank == 0:
                # By looking, not by talking: the training may be talking meanwhile.
                while not snapshot.complete(unfinished):
                    if not unfinished.is_dir():
                        raise OSError(f"{target.name} is not whole: another process could not write its part")
                    time.sleep(0.05)
                os.rename(unfinished, target)
                sync_folder(self.folder)
                kept = sorted(self.folder.glob("step-*"))[-self._keep :]
                for entry in self.folder.iterdir():
                    if entry not in kept:
                        remove_tree(entry)
        except Exception as error:  # noqa: BLE001 - raised by `finish`
            # On a full disk its place is wanted.
            remove_tree(unfinished)
            self._error = error

    def restore(self, learner: Learner) -> Progress | None:
        """Go on where the newest checkpoint stands; None when there is none."""
        newest = self.newest()
        return read_state(newest, learner) if newest else None
