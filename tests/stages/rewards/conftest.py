from collections.abc import Callable
from typing import Any

import pytest

from whet.artifacts import Artifact, Draft
from whet.cli.options import record
from whet.stages.train_rm import TrainRmOptions, train_rm

from .right_texts import LETTERS, TEXTS


@pytest.fixture
def train(training) -> Callable[..., Artifact[Any]]:
    """Train a reward model, on TEXTS where nothing else is given, and publish it."""

    def run(name: str, options: TrainRmOptions, stop_after: int | None = None, **given: Any) -> Artifact[Any]:
        policy = given.pop("policy", None) or training.policy()
        if not given:
            rollouts = training.rollouts("r", TEXTS)
            given = {"rollouts": [rollouts], "verdicts": [training.verdicts(rollouts, LETTERS)]}
        read = {role: value for role, value in given.items() if role != "pairs_out"}
        declared = {"stage": "train-rm", "options": record(options)[0], "inputs": {"policy": policy, **read}}
        draft = Draft.create(training.folder / name, kind=None, **declared)
        return training.published(draft, lambda: train_rm(policy, draft, options, **given), stop_after)

    return run
