"""What passes between stages: typed, versioned, immutable folders. Imports no ML library.

artifact = Artifact.open("runs/x/rollouts")        # the newest complete version
for rollout in artifact.rows(["rollout_id", "text"]): ...
"""

from .chunks import Chunk
from .draft import Draft, open_draft
from .errors import DraftGone, Failed, Stopped, WhetError, WrongArtifact, WrongOption
from .folder import Artifact, Part
from .publishing import find
from .recipe import make_problem, problem_id, recipe_digest, rollout_id, seed_of
from .records import (
    KINDS,
    Message,
    Policy,
    Preference,
    Problem,
    Report,
    RewardModel,
    Rollout,
    Salience,
    Score,
    Segment,
    Text,
    Verdict,
    Verifier,
)
from .sharing import Stop
from .source import SourceFile
from .weights import Weights

__all__ = [
    "KINDS",
    "Artifact",
    "Chunk",
    "Draft",
    "DraftGone",
    "Failed",
    "Message",
    "Part",
    "Policy",
    "Preference",
    "Problem",
    "Report",
    "RewardModel",
    "Rollout",
    "Salience",
    "Score",
    "Segment",
    "SourceFile",
    "Stop",
    "Stopped",
    "Text",
    "Verdict",
    "Verifier",
    "Weights",
    "WhetError",
    "WrongArtifact",
    "WrongOption",
    "find",
    "make_problem",
    "open_draft",
    "problem_id",
    "recipe_digest",
    "rollout_id",
    "seed_of",
]
