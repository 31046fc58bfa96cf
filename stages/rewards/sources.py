"""The artifacts that a reward model is trained on; which of them a method reads differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...artifacts import Artifact, Preference, Rollout, Score, SourceFile, Verdict


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What train-rm was given, by the names and with the meaning that its parameters have."""

    rollouts: Sequence[Artifact[Rollout]] = ()
    verdicts: Sequence[Artifact[Verdict]] = ()
    scores: Sequence[Artifact[Score]] = ()
    preferences: Sequence[Artifact[Preference]] = ()
    labels: Sequence[Artifact[Verdict]] = ()
    prompt: SourceFile | None = None

    @classmethod
    def of(cls, **given: Any) -> Sources:
        """From parameters, None for what was not given."""
        return cls(**{name: value for name, value in given.items() if value is not None})

    @property
    def paths(self) -> str:
        return ", ".join(str(artifact.path) for artifact in (*self.preferences, *self.rollouts))
